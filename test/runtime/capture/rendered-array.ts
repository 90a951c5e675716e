// Sound as microphones hear it in a room, rendered by the synthesiser: for tests of what is judged from the signal.

import { microphoneNamed, type Microphone as Profile } from '../../../boards/microphones.ts';
import type { Format } from '../../../models/presets.ts';
import { unitVector } from '../../../runtime/directions.ts';
import { meanPower, roomNoise } from '../../../tools/data/scenes/ambience.ts';
import { Convolver } from '../../../tools/data/scenes/convolution.ts';
import { DiffuseField } from '../../../tools/data/scenes/diffuse.ts';
import { FftMemory } from '../../../tools/data/scenes/fft.ts';
import { foaReceiver } from '../../../tools/data/scenes/foa-receiver.ts';
import type { PlacedSound } from '../../../tools/data/scenes/layout.ts';
import { micReceiver } from '../../../tools/data/scenes/mic-receiver.ts';
import { Random } from '../../../tools/data/scenes/random.ts';
import { FIXED_ROOMS } from '../../../tools/data/scenes/room.ts';
import { SceneRenderer } from '../../../tools/data/scenes/scene.ts';

export const RATE = 48000;

/** A sound with its place; the level is that of the signal at one metre. */
export type Source = Pick<PlacedSound, 'startSeconds' | 'azimuth' | 'elevation' | 'distanceMetres' | 'signal'>;

/** Renders sounds in a furnished room with ambience from all around. */
export class ArrayRenderer {
  readonly #format: Format;
  readonly #scene: SceneRenderer;
  readonly #field: DiffuseField;
  readonly #noise: Float32Array;

  private constructor(format: Format, memory: FftMemory) {
    this.#format = format;
    const convolver = new Convolver(memory);
    const receiver = format === 'foa' ? foaReceiver('sn3d') : micReceiver(memory, RATE);
    this.#scene = new SceneRenderer(memory, receiver, convolver);
    this.#field = new DiffuseField(memory, receiver, convolver);
    const random = new Random('ambience');
    this.#noise = new Float32Array(1 << 19).map(() => random.gaussian());
  }

  static async create(format: Format): Promise<ArrayRenderer> {
    return new ArrayRenderer(format, await FftMemory.create());
  }

  /** @param ambienceDbfs level of the ambience; @returns W Y Z X (SN3D) or four capsules */
  render(seconds: number, sounds: readonly Source[], ambienceDbfs: number): Float32Array[] {
    const random = new Random('scene', this.#format, seconds, ambienceDbfs);
    const out = [0, 1, 2, 3].map(() => new Float32Array(seconds * RATE));
    const placed = sounds.map((sound) => ({ ...sound, label: 'x', endSeconds: seconds }));
    this.#scene.add(out, placed, FIXED_ROOMS[0]!, 'test', random);
    const ambience = roomNoise(this.#noise, 10 * RATE, random);
    this.#field.add(out, ambience, 10 ** (ambienceDbfs / 20) / Math.sqrt(meanPower(ambience)), random);
    for (const channel of out) {
      const start = random.integer(this.#noise.length); // the converter's own noise
      for (let i = 0; i < channel.length; i += 1) channel[i]! += 3e-5 * this.#noise[(start + i) % this.#noise.length]!;
    }
    return out;
  }
}

/** What four coincident cardioids on a tetrahedron hear of W Y Z X (SN3D): FLU, FRD, BLD, BRU. */
export function cardioids([w, y, z, x]: readonly Float32Array[]): Float32Array[] {
  const { directions } = (microphoneNamed('tetrahedron-a-format') as Profile).capsules!;
  return directions.map(({ azimuth, elevation }) => {
    const [ux, uy, uz] = unitVector(azimuth, elevation);
    return w!.map((v, i) => 0.5 * v + 0.5 * (ux * x![i]! + uy * y![i]! + uz * z![i]!));
  });
}

/** Something like speech: a voice of changing pitch in syllables, with pauses. Root mean square about 0.1 while it sounds. */
export function babble(seconds: number, seed: string): Float32Array {
  const random = new Random('babble', seed);
  const out = new Float32Array(seconds * RATE);
  let [phase, pitch, loud, target, left, breath] = [0, 140, 0, 0, 0, 0];
  for (let i = 0; i < out.length; i += 1) {
    if (left-- <= 0) {
      left = Math.round(random.uniform(0.08, 0.3) * RATE);
      target = random.chance(0.7) ? random.uniform(0.4, 1) : 0;
      pitch = random.uniform(95, 230);
      breath = random.uniform(0.02, 0.4);
    }
    loud += (target - loud) * 0.0015;
    phase += pitch / RATE;
    const t = 2 * Math.PI * phase;
    const voice =
      Math.sin(t) + 0.8 * Math.sin(2 * t) + 0.7 * Math.sin(4 * t) + 0.5 * Math.sin(7 * t) + 0.3 * Math.sin(13 * t);
    out[i] = loud * (0.08 * voice + 0.1 * breath * random.gaussian());
  }
  return out;
}

/** White noise with a root mean square of 0.1. */
export function noise(seconds: number, seed: string): Float32Array {
  const random = new Random('noise', seed);
  return new Float32Array(seconds * RATE).map(() => 0.1 * random.gaussian());
}

/** A hand clap: 2 ms of attack, noise that dies within some 10 ms. Peak about 1. */
export function clap(seed: string): Float32Array {
  const random = new Random('clap', seed);
  return new Float32Array(0.06 * RATE).map((_, i) => {
    const t = i / RATE;
    return Math.min(1, t / 0.0005) * Math.exp(-t / 0.006) * 0.5 * random.gaussian();
  });
}
