// A scene in one format: sounds placed in a room, with the responses of places already known kept.
import type { Convolver, Kernel, SignedKernel } from './convolution.ts';
import type { FftMemory } from './fft.ts';
import { EarlyResponses } from './images.ts';
import { type PlacedSound, placeOf } from './layout.ts';
import { Random } from './random.ts';
import { ARRIVAL, type Receiver } from './receiver.ts';
import { SAMPLE_RATE } from './recipe.ts';
import type { Room } from './room.ts';
import { Tails } from './tail.ts';

/** Tails per room; mirrored they make 16 times as many in FOA. */
const TAILS = 2;
/** Early responses kept: 262 kB each. */
const KEPT_PLACES = 512;
const UPRIGHT = [1, 1, 1, 1];

export class SceneRenderer {
  readonly #convolver: Convolver;
  readonly #receiver: Receiver;
  readonly #early: EarlyResponses;
  readonly #tails: Tails;
  readonly #places = new Map<string, Kernel>();
  readonly #roomTails = new Map<string, Kernel[]>();

  constructor(memory: FftMemory, receiver: Receiver, convolver: Convolver) {
    this.#convolver = convolver;
    this.#receiver = receiver;
    this.#early = new EarlyResponses(memory, receiver, SAMPLE_RATE);
    this.#tails = new Tails(memory, receiver, SAMPLE_RATE);
  }

  /**
   * Adds sounds to `out`; the direct sound of each starts at its startSeconds.
   * @param key names the room; the same key always means the same room and seed
   */
  add(out: readonly Float32Array[], sounds: readonly PlacedSound[], room: Room, key: string, random: Random): void {
    const tails = this.#tailsOf(room, key);
    for (const sound of sounds) {
      const late: SignedKernel = { kernel: random.pick(tails), signs: random.pick(this.#receiver.mirrorings) };
      const early: SignedKernel = { kernel: this.#earlyOf(sound, room, key), signs: UPRIGHT };
      const start = Math.round(sound.startSeconds * SAMPLE_RATE) - ARRIVAL;
      this.#convolver.add(out, start, [{ signal: sound.signal, kernels: [late, early] }]);
    }
  }

  #earlyOf(sound: PlacedSound, room: Room, key: string): Kernel {
    const place = `${key} ${sound.azimuth} ${sound.elevation} ${sound.distanceMetres}`;
    return remember(this.#places, place, KEPT_PLACES, () =>
      this.#convolver.kernel(this.#early.compute(room, placeOf(sound))),
    );
  }

  #tailsOf(room: Room, key: string): Kernel[] {
    return remember(this.#roomTails, key, 5, () =>
      Array.from({ length: TAILS }, (_, i) =>
        this.#convolver.kernel(this.#tails.compute(room, new Random('tail', key, i))),
      ),
    );
  }
}

/** The value of a key, made when unknown; the longest unused one goes when there are too many. */
function remember<T>(known: Map<string, T>, key: string, most: number, make: () => T): T {
  const value = known.get(key) ?? make();
  known.delete(key);
  known.set(key, value);
  if (known.size > most) known.delete(known.keys().next().value!);
  return value;
}
