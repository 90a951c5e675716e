// A source whose faults can be ordered: it plays a sound again and again at real speed, stalls, loses samples, or breaks.
import type { AudioSource, BlockHandler } from '../../runtime/capture/source.ts';

const BLOCK_SECONDS = 0.02;

/** What happens to the sound from now on; shared by the sources that are opened one after the other, as a cable is. */
export interface Orders {
  stalled: boolean;
  /** Opening fails, and what is open breaks, with this message. */
  broken: string | undefined;
  /** Samples that get lost before the next block. */
  loseSamples: number;
}

export function orders(): Orders {
  return { stalled: false, broken: undefined, loseSamples: 0 };
}

/** Opens the source. @throws what is ordered @param speed times real speed */
export async function openOrderedSource(
  samples: readonly Float32Array[],
  sampleRate: number,
  faults: Orders,
  speed = 1,
): Promise<AudioSource> {
  if (faults.broken !== undefined) throw new Error(faults.broken);
  return new OrderedSource(samples, sampleRate, faults, speed);
}

class OrderedSource implements AudioSource {
  readonly sampleRate: number;
  readonly channels = 4;
  readonly totalSamples = Number.POSITIVE_INFINITY;
  readonly #samples: readonly Float32Array[];
  readonly #faults: Orders;
  readonly #speed: number;
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(samples: readonly Float32Array[], sampleRate: number, faults: Orders, speed: number) {
    this.#samples = samples;
    this.sampleRate = sampleRate;
    this.#faults = faults;
    this.#speed = speed;
  }

  start(onBlock: BlockHandler): Promise<void> {
    const running = this.#play(onBlock);
    this.#ended = running.catch(() => undefined); // told to the caller of start()
    return running;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
  }

  async #play(onBlock: BlockHandler): Promise<void> {
    const [length, total] = [Math.round(this.sampleRate * BLOCK_SECONDS), this.#samples[0]!.length];
    const [startWallMs, startMs] = [Date.now(), performance.now()];
    for (let at = 0; !this.#stopping; at += length) {
      await this.#until(() => performance.now() - startMs >= (1000 * at) / this.sampleRate / this.#speed);
      await this.#until(() => !this.#faults.stalled || this.#faults.broken !== undefined);
      if (this.#faults.broken !== undefined) throw new Error(this.#faults.broken);
      if (this.#stopping) return;
      const discontinuity = this.#faults.loseSamples;
      this.#faults.loseSamples = 0;
      at += discontinuity;
      const from = at % (total - (total % length));
      const channels = this.#samples.map((channel) => channel.subarray(from, from + length));
      const wallTimeMs = startWallMs + (1000 * at) / this.sampleRate;
      await onBlock({ channels, sampleRate: this.sampleRate, sampleIndex: at, wallTimeMs, discontinuity });
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#stopping) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
