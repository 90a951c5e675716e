// From frame scores to sound events: one track per class, thresholds with hysteresis, onset told as soon as it is sure.
import type { Manifest } from '../../models/manifest.ts';
import { DEFAULT_TRACKING, type TrackingSettings } from '../config.ts';
import type { Scores, SoundEvent } from '../signals.ts';
import { type ClassFrame, ClassTrack } from './class-track.ts';
import { inFrames } from './settings.ts';

/** How much less a direction counts while another class sounds: each pulls the other's towards itself. 0.9 took 0.3° off the error on validation. */
const BESIDE_OTHERS = 0.9;

export interface TrackerOptions {
  readonly manifest: Pick<Manifest, 'labels' | 'thresholds'>;
  readonly frameSeconds: number;
  readonly settings?: Partial<TrackingSettings>;
  /** Default 1. */
  readonly firstTrackId?: number;
  readonly onEvent: (event: SoundEvent) => void;
}

/**
 * Follows every class. A class is one source at a time, as the network has one direction per class; when its direction
 * jumps and stays, the event is split, since the same class can sound from two places in turn.
 * Event times lie between label frames where activity says so; each track tells one onset, updates, one offset.
 */
export class Tracker {
  readonly #tracks: readonly ClassTrack[];
  #nextTrackId: number;

  constructor({ manifest, frameSeconds, settings = {}, firstTrackId = 1, onEvent }: TrackerOptions) {
    this.#nextTrackId = firstTrackId;
    const all = { ...DEFAULT_TRACKING, ...settings };
    const frames = inFrames(all, frameSeconds);
    const nextTrackId = () => {
      this.#nextTrackId += 1;
      return this.#nextTrackId - 1;
    };
    const { onset, offset } = manifest.thresholds;
    this.#tracks = manifest.labels.map(
      (label, classIndex) =>
        new ClassTrack({
          ...{ label, classIndex, frames, nextTrackId, onEvent },
          ...{ onset: onset[classIndex]!, offset: offset[classIndex]! },
          sure:
            all.sureness < 1 ? onset[classIndex]! + all.sureness * (1 - onset[classIndex]!) : Number.POSITIVE_INFINITY,
        }),
    );
  }

  get nextTrackId(): number {
    return this.#nextTrackId;
  }

  /** Takes scores in order; events leave through onEvent before it returns. */
  push({ firstFrame, frames, activity, direction, discontinuity }: Scores): void {
    if (discontinuity) this.end();
    const classes = this.#tracks.length;
    for (let i = 0; i < frames; i += 1)
      for (const [c, track] of this.#tracks.entries())
        track.step(firstFrame + i, classFrame(activity, direction, i * classes, classes, c));
  }

  /** Takes what is known so far of frames that push() will get: sure onsets are told early. */
  foresee({ firstFrame, frames, activity, direction }: Scores): void {
    const classes = this.#tracks.length;
    for (const [c, track] of this.#tracks.entries()) {
      const known = Array.from({ length: frames }, (_, i) => classFrame(activity, direction, i * classes, classes, c));
      track.foresee(firstFrame, known);
    }
  }

  /** The stream ended: tells the offsets of what still sounds. */
  end(): void {
    for (const track of this.#tracks) track.finish();
  }
}

/** Class c of the frame whose activities begin at `first`. */
function classFrame(
  activity: Float32Array,
  direction: Float32Array,
  first: number,
  classes: number,
  c: number,
): ClassFrame {
  let loudest = 0;
  for (let other = 0; other < classes; other += 1)
    if (other !== c) loudest = Math.max(loudest, activity[first + other]!);
  const at = first + c;
  return {
    activity: activity[at]!,
    vector: [direction[3 * at]!, direction[3 * at + 1]!, direction[3 * at + 2]!],
    alone: 1 - BESIDE_OTHERS * loudest,
  };
}
