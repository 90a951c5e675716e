// Early reflections by image sources in a shoebox (Allen & Berkley 1979), each with the losses of its walls and of the air per band.
import type { Vector } from '../../../runtime/directions.ts';
import { AIR_DB_PER_METRE, addBand, BANDS, bandGains } from './bands.ts';
import type { FftMemory, FloatBlock } from './fft.ts';
import { ARRIVAL, EARLY_LENGTH, type Receiver } from './receiver.ts';
import { SPEED_OF_SOUND } from './rigid-sphere.ts';
import type { Room } from './room.ts';

/** Seconds after the direct sound over which image sources give way to the diffuse tail. */
export interface Handover {
  readonly from: number;
  readonly to: number;
}

const LATEST_SECONDS = 0.12;
const IMAGES = 600;

/** About 600 images, at most 120 ms: by then a room's echoes are dense enough to be noise. */
export function handover({ size }: Room): Handover {
  const volume = size[0] * size[1] * size[2];
  const to = Math.min(LATEST_SECONDS, Math.cbrt((3 * IMAGES * volume) / (4 * Math.PI)) / SPEED_OF_SOUND);
  return { from: 0.6 * to, to };
}

export class EarlyResponses {
  readonly #memory: FftMemory;
  readonly #receiver: Receiver;
  readonly #sampleRate: number;
  readonly #trains: FloatBlock;
  readonly #spectrum: FloatBlock;
  readonly #sum: FloatBlock;
  readonly #gains: Float32Array[];

  constructor(memory: FftMemory, receiver: Receiver, sampleRate: number) {
    this.#memory = memory;
    this.#receiver = receiver;
    this.#sampleRate = sampleRate;
    memory.prepare(EARLY_LENGTH);
    this.#trains = memory.allocate(4 * BANDS * EARLY_LENGTH);
    this.#spectrum = memory.allocate(EARLY_LENGTH);
    this.#sum = memory.allocate(EARLY_LENGTH);
    this.#gains = bandGains(EARLY_LENGTH, sampleRate);
  }

  /**
   * Responses of the four channels, EARLY_LENGTH samples each, direct sound with amplitude 1/distance at sample ARRIVAL.
   * @param source metres from the array; its direction is met exactly
   */
  compute(room: Room, source: Vector): Float32Array[] {
    const trains = this.#memory.view(this.#trains).fill(0);
    eachReflection(room, source, handover(room), (seconds, direction, amplitudes) => {
      this.#receiver.addPulse(trains, ARRIVAL + seconds * this.#sampleRate, direction, amplitudes);
    });
    const responses = [0, 1, 2, 3].map((channel) => this.#sumOfBands(channel));
    const distance = Math.hypot(...source);
    const direct = this.#receiver.direct(source.map((v) => v / distance) as unknown as Vector);
    direct.responses.forEach((response, channel) => {
      response.forEach((v, i) => {
        responses[channel]![ARRIVAL - direct.lead + i]! += v / distance;
      });
    });
    return responses;
  }

  #sumOfBands(channel: number): Float32Array {
    const sum = this.#memory.view(this.#sum).fill(0);
    for (let band = 0; band < BANDS; band++) {
      const offset = 4 * (channel * BANDS + band) * EARLY_LENGTH;
      const train = { address: this.#trains.address + offset, length: EARLY_LENGTH };
      this.#memory.forward(EARLY_LENGTH, train, this.#spectrum);
      addBand(sum, this.#memory.view(this.#spectrum), this.#gains[band]!);
    }
    this.#memory.inverse(EARLY_LENGTH, this.#sum, this.#sum);
    const response = sum.map((v) => v / EARLY_LENGTH);
    // the band filters have no phase, so the low ones ring before the first echo, which the transform wraps to the end
    return response.fill(0, EARLY_LENGTH - 1024);
  }
}

type Visit = (secondsAfterDirect: number, direction: Vector, amplitudes: Float64Array) => void;

/** Visits every reflection that arrives before the images have faded out. */
export function eachReflection(room: Room, source: Vector, { from, to }: Handover, visit: Visit): void {
  const distance = Math.hypot(...source);
  const reach = distance + to * SPEED_OF_SOUND;
  const losses = room.absorption.map((wall) => wall.map((alpha) => 0.5 * Math.log(1 - alpha)));
  const amplitudes = new Float64Array(BANDS);
  const axes = [0, 1, 2].map((axis) => imagesAlong(room, source, axis, reach));
  for (const x of axes[0]!) {
    for (const y of axes[1]!) {
      const xy = x.offset ** 2 + y.offset ** 2;
      if (xy > reach * reach) continue;
      for (const z of axes[2]!) {
        const length = Math.sqrt(xy + z.offset ** 2);
        if (length > reach || (x.first | x.second | y.first | y.second | z.first | z.second) === 0) continue;
        const seconds = (length - distance) / SPEED_OF_SOUND;
        const fade = seconds < from ? 1 : Math.cos((Math.PI / 2) * Math.min(1, (seconds - from) / (to - from)));
        for (let b = 0; b < BANDS; b++) {
          const walls =
            x.first * losses[0]![b]! +
            x.second * losses[1]![b]! +
            y.first * losses[2]![b]! +
            y.second * losses[3]![b]! +
            z.first * losses[4]![b]! +
            z.second * losses[5]![b]!;
          amplitudes[b] = (fade / length) * Math.exp(walls - AIR_NEPERS_PER_METRE[b]! * length);
        }
        visit(seconds, [x.offset / length, y.offset / length, z.offset / length], amplitudes);
      }
    }
  }
}

const AIR_NEPERS_PER_METRE = AIR_DB_PER_METRE.map((db) => (db * Math.LN10) / 20);

interface AxisImage {
  /** Metres from the array along this axis. */
  readonly offset: number;
  /** Reflections at the wall through the origin and at the one across. */
  readonly first: number;
  readonly second: number;
}

function imagesAlong({ size, array }: Room, source: Vector, axis: number, reach: number): AxisImage[] {
  const length = size[axis]!;
  const listener = array[axis]!;
  const place = listener + source[axis]!;
  const images: AxisImage[] = [];
  const most = Math.ceil(reach / (2 * length)) + 1;
  for (let n = -most; n <= most; n++) {
    for (const mirrored of [0, 1]) {
      const offset = (1 - 2 * mirrored) * place + 2 * n * length - listener;
      if (Math.abs(offset) <= reach) images.push({ offset, first: Math.abs(n - mirrored), second: Math.abs(n) });
    }
  }
  return images;
}
