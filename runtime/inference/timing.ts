// How long a window is, how often one is scored, and how much of the future a score waits for: the manifest's, or those of live use.
import type { Manifest } from '../../models/manifest.ts';
import type { InferenceConfig } from '../config.ts';

/** All in feature frames. */
export interface Timing {
  /** Of a window; at most the manifest's, which is what the network was trained on and engines are built for. */
  readonly frames: number;
  /** Between two windows. */
  readonly hopFrames: number;
  /** Of the future that a score waits for. */
  readonly lookaheadFrames: number;
  /** Of the future that the score of a sure onset waits for; null: onsets are told with all other scores. */
  readonly earlyFrames: number | null;
}

type WindowOf = Pick<Manifest, 'window' | 'timePooling'>;

/** Settings that do not fit the model. */
export class TimingError extends Error {
  override name = 'UserError';
}

/** What the manifest says: for recordings that nobody waits for. */
export function recordingTiming({ window }: WindowOf): Timing {
  return { ...window, earlyFrames: null };
}

/**
 * For sound that people wait to be told of: the settings, and where they leave it open, what was measured to cost little.
 * @throws TimingError when a setting does not fit the model
 */
export function liveTiming({ window, timePooling }: WindowOf, settings: InferenceConfig): Timing {
  const onGrid = (frames: number) => Math.ceil(frames / timePooling) * timePooling;
  const frames = settings.windowFrames ?? Math.min(window.frames, onGrid(LIVE.frames));
  const hopFrames = settings.hopFrames ?? Math.min(frames, onGrid(LIVE.hopFrames));
  const lookaheadFrames = settings.lookaheadFrames ?? Math.min(LIVE.lookaheadFrames, frames - timePooling);
  const early = settings.earlyFrames === undefined ? LIVE.earlyFrames : settings.earlyFrames;
  for (const [name, value] of Object.entries({ windowFrames: frames, hopFrames })) {
    if (value % timePooling !== 0) {
      throw new TimingError(
        `inference.${name}=${value} must be a multiple of the model's time pooling, ${timePooling}.`,
      );
    }
  }
  if (frames > window.frames) {
    throw new TimingError(`inference.windowFrames=${frames} must be at most the model's window, ${window.frames}.`);
  }
  if (hopFrames > frames || lookaheadFrames >= frames) {
    throw new TimingError(
      `inference.hopFrames=${hopFrames} and lookaheadFrames=${lookaheadFrames} must fit into the window of ${frames} frames.`,
    );
  }
  return { frames, hopFrames, lookaheadFrames, earlyFrames: early !== null && early < lookaheadFrames ? early : null };
}

/** Measured on validation scenes with office-foa (docs/decisions.md): windows of 2 s score as well as those of 6 s at a third of the cost. */
const LIVE = { frames: 100, hopFrames: 10, lookaheadFrames: 15, earlyFrames: 0 };
