// A recording heard again and again at real speed, as if it were a microphone: for soak tests, demonstrations and virtual boards.
import type { AudioSource, BlockHandler } from './source.ts';
import { openWavFile, type WavFileOptions } from './wav-file.ts';

/**
 * Opens a recording as a source that never ends. At the seam the sound jumps as a recording's end does; samples are counted on.
 * @throws an error named UserError when the recording cannot be heard
 */
export async function openLoopedRecording(options: Omit<WavFileOptions, 'paced'>): Promise<AudioSource> {
  const open = () => openWavFile({ ...options, paced: true });
  return new LoopedRecording(open, await open());
}

class LoopedRecording implements AudioSource {
  readonly sampleRate: number;
  readonly channels: number;
  readonly totalSamples = Number.POSITIVE_INFINITY;
  readonly #open: () => Promise<AudioSource>;
  #round: AudioSource;
  #stopping = false;

  constructor(open: () => Promise<AudioSource>, first: AudioSource) {
    this.#open = open;
    this.#round = first;
    this.sampleRate = first.sampleRate;
    this.channels = first.channels;
  }

  async start(onBlock: BlockHandler): Promise<void> {
    let samples = 0;
    while (!this.#stopping) {
      const begun = samples;
      await this.#round.start((block) => {
        samples = begun + block.sampleIndex + block.channels[0]!.length;
        return onBlock({ ...block, sampleIndex: begun + block.sampleIndex });
      });
      if (!this.#stopping) this.#round = await this.#open();
    }
    await this.#round.stop();
  }

  stop(): Promise<void> {
    this.#stopping = true;
    return this.#round.stop();
  }
}
