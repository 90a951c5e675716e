// Renders one recording of a recipe: layout, room, events, ambience, level, and with --vary the faults of real microphones.
import type { Format } from '../../../models/presets.ts';
import { meanPower, roomNoise } from './ambience.ts';
import { Convolver } from './convolution.ts';
import { DiffuseField } from './diffuse.ts';
import { drawLayout } from './draw-layout.ts';
import { FftMemory } from './fft.ts';
import { foaReceiver } from './foa-receiver.ts';
import { type PlacedSound, parseName, readLayout } from './layout.ts';
import { micReceiver } from './mic-receiver.ts';
import { Random } from './random.ts';
import type { Receiver } from './receiver.ts';
import { type Recipe, SAMPLE_RATE, type Task } from './recipe.ts';
import { FIXED_ROOMS, type Room, randomRoom } from './room.ts';
import { SceneRenderer } from './scene.ts';
import { SoundStore } from './sounds.ts';

/** Mean level of sounding events in dB below full scale, and its spread with --vary. */
const LEVEL_DB = -30;
const VARIED_LEVEL_DB = [-12, 6] as const;
const HIGHEST_PEAK = 0.95;
const MISMATCH = { gainDb: 0.4, delaySamples: 0.1 };
const SENSOR_NOISE_DB = [-90, -68] as const;
const NOISE_LENGTH = 1 << 20;
const ACTIVITY_HOP = 960;

interface FormatRenderer {
  readonly format: Format;
  readonly receiver: Receiver;
  readonly scene: SceneRenderer;
  readonly field: DiffuseField;
}

/** Everything one worker needs; rendering the same task always gives the same samples. */
export class RecordingRenderer {
  readonly #recipe: Recipe;
  readonly #store = new SoundStore(SAMPLE_RATE);
  readonly #formats: readonly FormatRenderer[];
  readonly #channels: readonly Float32Array[];
  readonly #noise: Float32Array;

  private constructor(recipe: Recipe, formats: readonly FormatRenderer[]) {
    this.#recipe = recipe;
    this.#formats = formats;
    this.#channels = [0, 1, 2, 3].map(() => new Float32Array(Math.round(recipe.seconds * SAMPLE_RATE)));
    const random = new Random('noise');
    this.#noise = new Float32Array(NOISE_LENGTH).map(() => random.gaussian());
  }

  static async create(recipe: Recipe): Promise<RecordingRenderer> {
    const memory = await FftMemory.create();
    const convolver = new Convolver(memory);
    const formats = recipe.formats.map((format) => {
      const receiver = format === 'foa' ? foaReceiver(recipe.normalization) : micReceiver(memory, SAMPLE_RATE);
      const scene = new SceneRenderer(memory, receiver, convolver);
      return { format, receiver, scene, field: new DiffuseField(memory, receiver, convolver) };
    });
    return new RecordingRenderer(recipe, formats);
  }

  /**
   * @param write receives the four channels of each format, valid during the call
   * @returns the sounds, in order of their start
   */
  async render(task: Task, write: (format: Format, channels: readonly Float32Array[]) => void): Promise<PlacedSound[]> {
    const { room, key } = this.#roomOf(task);
    const sounds = await this.#layoutOf(task, room);
    const ambience = await this.#ambienceOf(task);
    for (const renderer of this.#formats) {
      for (const channel of this.#channels) channel.fill(0);
      renderer.scene.add(this.#channels, sounds, room, key, this.#random(task, 'scene'));
      this.#finish(task, renderer, sounds, ambience);
      write(renderer.format, this.#channels);
    }
    return sounds;
  }

  #random(task: Task, purpose: string): Random {
    return new Random(this.#recipe.seed, task.name, purpose);
  }

  #roomOf(task: Task): { room: Room; key: string } {
    const { source, seed } = this.#recipe;
    if (source.kind === 'fresh' && source.rooms === 'random')
      return { room: randomRoom(this.#random(task, 'room')), key: `${seed} ${task.name}` };
    const number = parseName(task.name)!.room;
    return { room: FIXED_ROOMS[number]!, key: `${seed} ir${number}` };
  }

  async #layoutOf(task: Task, room: Room): Promise<PlacedSound[]> {
    const { source, seconds, vary } = this.#recipe;
    if (source.kind === 'corpus') return readLayout(source.corpus, task.name, this.#store, seconds);
    const random = this.#random(task, 'layout');
    const directions = source.directions === 'mix' ? random.pick(['grid', 'free'] as const) : source.directions;
    const { overlap } = parseName(task.name)!;
    const layout = { banks: source.banks, seconds, sampleRate: SAMPLE_RATE, overlap, directions, vary };
    return drawLayout(layout, room, this.#store, random);
  }

  async #ambienceOf(task: Task): Promise<Float32Array> {
    const random = this.#random(task, 'ambience');
    if (this.#recipe.ambience.length > 0) return this.#store.load(random.pick(this.#recipe.ambience));
    return roomNoise(this.#noise, Math.min(this.#channels[0]!.length, 20 * SAMPLE_RATE), random);
  }

  #finish(task: Task, { receiver, field }: FormatRenderer, sounds: readonly PlacedSound[], ambience: Float32Array) {
    const random = this.#random(task, 'finish');
    const { snrDb, vary } = this.#recipe;
    const channels = this.#channels;
    const level = receiver.levelChannels.map((c) => channels[c]!);
    const power = activePower(level, sounds) || 1e-6;
    const snr = random.uniform(...snrDb);
    field.add(channels, ambience, Math.sqrt(power / (meanPower(ambience) * 10 ** (snr / 10) || 1)), random);
    const shift = vary ? random.uniform(...VARIED_LEVEL_DB) : 0;
    const gain = Math.min(10 ** ((LEVEL_DB + shift) / 20) / Math.sqrt(power), HIGHEST_PEAK / peakOf(channels));
    for (const channel of channels) {
      if (vary) this.#addFaults(channel, gain, random);
      else for (let i = 0; i < channel.length; i++) channel[i]! *= gain;
    }
  }

  /** Scales a channel with a little mismatch of gain and delay (a first-order all-pass, Thiran) and adds the sensor's noise. */
  #addFaults(channel: Float32Array, gain: number, random: Random): void {
    const g = gain * 10 ** ((MISMATCH.gainDb * random.gaussian()) / 20);
    const delay = 1 + Math.max(-0.4, Math.min(0.4, MISMATCH.delaySamples * random.gaussian()));
    const a = (1 - delay) / (1 + delay);
    const noise = 10 ** (random.uniform(...SENSOR_NOISE_DB) / 20);
    const start = random.integer(NOISE_LENGTH);
    let before = 0;
    let y = 0;
    for (let i = 0; i < channel.length; i++) {
      const x = channel[i]!;
      y = a * (x - y) + before;
      before = x;
      channel[i] = g * y + noise * this.#noise[(start + i) & (NOISE_LENGTH - 1)]!;
    }
  }
}

function peakOf(channels: readonly Float32Array[]): number {
  let peak = 1e-9;
  for (const channel of channels) for (let i = 0; i < channel.length; i++) peak = Math.max(peak, Math.abs(channel[i]!));
  return peak;
}

/** Mean square over the 20 ms pieces in which an event sounds. */
function activePower(channels: readonly Float32Array[], sounds: readonly PlacedSound[]): number {
  const length = channels[0]!.length;
  const isActive = new Uint8Array(Math.ceil(length / ACTIVITY_HOP));
  for (const { startSeconds, endSeconds } of sounds) {
    const hops = SAMPLE_RATE / ACTIVITY_HOP;
    isActive.fill(1, Math.floor(startSeconds * hops), Math.ceil(endSeconds * hops));
  }
  let sum = 0;
  let count = 0;
  isActive.forEach((active, hop) => {
    if (!active) return;
    for (const channel of channels) {
      const piece = channel.subarray(hop * ACTIVITY_HOP, (hop + 1) * ACTIVITY_HOP);
      sum += meanPower(piece) * piece.length;
      count += piece.length;
    }
  });
  return count > 0 ? sum / count : 0;
}
