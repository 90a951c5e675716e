// The rule no-speech: which moments of the stream may leave the memory of the device, decided by the scores of the model.
import type { SpeechConfig } from '../clip-settings.ts';
import type { Scores } from '../signals.ts';

/** A stretch of the stream in seconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface SpeechGateOptions {
  readonly labels: readonly string[];
  readonly settings: SpeechConfig;
  /** Decisions older than this are forgotten. */
  readonly keepSeconds: number;
}

/** no-speech with a model that does not know speech: a mistake of the settings. */
export class PrivacyError extends Error {
  override name = 'UserError';
}

/**
 * Clears moments that were scored and lie `marginSeconds` away from every label frame whose speech activity reaches the
 * threshold. What was never scored (a break of the stream, a window dropped under load) is treated as speech.
 */
export class SpeechGate {
  readonly #classes: readonly number[];
  readonly #labels: number;
  readonly #settings: SpeechConfig;
  readonly #keepSeconds: number;
  /** In order of time, not touching each other. */
  #forbidden: Span[] = [];
  #scoredSeconds = 0;
  #ended = false;

  /** @throws PrivacyError when the model knows none of the classes of speech */
  constructor({ labels, settings, keepSeconds }: SpeechGateOptions) {
    this.#classes = settings.classes.map((name) => labels.indexOf(name));
    if (this.#classes.includes(-1))
      throw new PrivacyError(
        `privacy is no-speech, but the model does not know the class "${settings.classes[this.#classes.indexOf(-1)]}" (it knows ${labels.join(', ')}): ` +
          'name its classes of speech in speech.classes, or set privacy to none if people may be recorded.',
      );
    this.#labels = labels.length;
    this.#settings = settings;
    this.#keepSeconds = keepSeconds;
  }

  /** Takes scores in order. */
  push({ firstFrame, frames, frameSeconds, activity }: Scores): void {
    const start = firstFrame * frameSeconds;
    if (start > this.#scoredSeconds + frameSeconds / 2) this.#forbid(this.#scoredSeconds, start);
    for (let i = 0; i < frames; i++) {
      const isSpeech = this.#classes.some((c) => !(activity[i * this.#labels + c]! < this.#settings.threshold)); // NaN is speech
      if (isSpeech) this.#forbid(start + i * frameSeconds, start + (i + 1) * frameSeconds);
    }
    this.#scoredSeconds = start + frames * frameSeconds;
    const forgotten = this.#scoredSeconds - this.#keepSeconds;
    while (this.#forbidden[0] && this.#forbidden[0].to < forgotten) this.#forbidden.shift();
  }

  /** The stream has ended: nothing can follow that would forbid what was scored. */
  end(): void {
    this.#ended = true;
  }

  /** Another stream begins. */
  clear(): void {
    this.#forbidden = [];
    this.#scoredSeconds = 0;
    this.#ended = false;
  }

  /** All moments before this one are decided: no later score can forbid them. */
  get decidedSeconds(): number {
    return this.#ended ? this.#scoredSeconds : this.#scoredSeconds - this.#settings.marginSeconds;
  }

  /** The first forbidden stretch that touches the given one, cut to what is decided; undefined where all is clear. */
  firstForbidden(from: number, to: number): Span | undefined {
    return this.#forbidden.find((span) => span.to > from && span.from < to);
  }

  /** Whether a stretch of the stream may leave the device; undefined while it is not decided. */
  mayLeave(from: number, to: number): boolean | undefined {
    if (this.firstForbidden(from, to)) return false;
    return to <= this.decidedSeconds ? true : undefined;
  }

  #forbid(from: number, to: number): void {
    const { marginSeconds } = this.#settings;
    const span = { from: from - marginSeconds, to: to + marginSeconds };
    const last = this.#forbidden.at(-1);
    if (last && span.from <= last.to) this.#forbidden[this.#forbidden.length - 1] = { from: last.from, to: span.to };
    else this.#forbidden.push(span);
  }
}
