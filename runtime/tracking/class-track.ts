// The sounds of one class, one after the other: silent, perhaps sounding, sounding. One source per class at a time.
import type { Vector } from '../directions.ts';
import type { EventPhase, SoundEvent } from '../signals.ts';
import { DirectionMean } from './direction-mean.ts';
import type { TrackingFrames } from './settings.ts';

interface ClassTrackOptions {
  readonly label: string;
  readonly classIndex: number;
  readonly onset: number;
  /** Activity from which an onset is told early; above 1: never. */
  readonly sure: number;
  readonly offset: number;
  readonly frames: TrackingFrames;
  readonly nextTrackId: () => number;
  readonly onEvent: (event: SoundEvent) => void;
}

/** A stretch of active frames with one direction; frame numbers are label frames since the stream began. */
class Stretch {
  readonly first: number;
  readonly direction: DirectionMean;
  last: number;
  active = 0;
  activitySum = 0;

  constructor(first: number, fade: number) {
    this.first = first;
    this.last = first;
    this.direction = new DirectionMean(fade);
  }

  add(frame: number, activity: number, vector: Vector): void {
    this.count(frame, activity);
    this.direction.add(vector, activity);
  }

  /** Counts a frame as sound whose direction is not believed. */
  count(frame: number, activity: number): void {
    this.last = frame;
    this.active += 1;
    this.activitySum += activity;
  }
}

/** A frame of one class: activity 0..1, direction of any length. */
export interface ClassFrame {
  readonly activity: number;
  readonly vector: Vector;
}

/** Follows one class from frame to frame. */
export class ClassTrack {
  readonly #options: ClassTrackOptions;
  /** Sounding, or perhaps sounding while #trackId is undefined. */
  #stretch: Stretch | undefined;
  #trackId: number | undefined;
  #lastTold = 0;
  /** An onset told early, until the final scores have said whether it is one. */
  #foreseen: { readonly trackId: number; readonly stretch: Stretch } | undefined;
  /** Active frames that come from elsewhere: a jump once there are enough of them. */
  #elsewhere: { stretch: Stretch; activities: number[] } | undefined;

  constructor(options: ClassTrackOptions) {
    this.#options = options;
  }

  /**
   * Takes what is known so far of frames that step() has still to get. Where the class is sure to sound for long enough, its
   * onset is told at once; when step() does not find it, its offset follows.
   */
  foresee(firstFrame: number, known: readonly ClassFrame[]): void {
    const { sure, frames, nextTrackId } = this.#options;
    if (this.#trackId !== undefined || this.#foreseen) return;
    let stretch: Stretch | undefined;
    for (const [i, { activity, vector }] of known.entries()) {
      if (activity < sure) stretch = undefined;
      else {
        stretch ??= new Stretch(firstFrame + i, frames.fade);
        stretch.add(firstFrame + i, activity, vector);
      }
      if (!stretch || stretch.active < frames.minimum) continue;
      this.#foreseen = { trackId: nextTrackId(), stretch };
      this.#tell('onset', firstFrame + i, this.#foreseen);
      return;
    }
  }

  /** Takes the next frame's activity (0..1) and direction (any length). */
  step(frame: number, activity: number, vector: Vector): void {
    this.#follow(frame, activity, vector);
    const foreseen = this.#foreseen;
    const perhaps = this.#stretch && this.#trackId === undefined;
    if (foreseen && !perhaps && frame >= foreseen.stretch.last + this.#options.frames.patience) this.#takeBack();
  }

  #follow(frame: number, activity: number, vector: Vector): void {
    const { onset, offset, frames } = this.#options;
    const stretch = this.#stretch;
    if (!stretch) {
      if (activity >= onset) this.#begin(frame, activity, vector);
    } else if (activity >= offset) {
      this.#continue(stretch, frame, activity, vector);
    } else if (this.#trackId === undefined) {
      this.#stretch = undefined;
    } else if (frame - this.#lastActive(stretch) > frames.gap) {
      this.finish();
    }
  }

  /** The stream ended or broke: what sounds ends with its last active frame, what only perhaps sounded never was. */
  finish(): void {
    if (this.#stretch && this.#trackId !== undefined) {
      this.#believeElsewhere(this.#stretch);
      this.#tell('offset', this.#stretch.last);
    }
    this.#takeBack();
    this.#stretch = undefined;
    this.#trackId = undefined;
    this.#elsewhere = undefined;
  }

  #begin(frame: number, activity: number, vector: Vector): void {
    this.#stretch = new Stretch(frame, this.#options.frames.fade);
    this.#stretch.add(frame, activity, vector);
    this.#confirm(this.#stretch, frame);
  }

  #continue(stretch: Stretch, frame: number, activity: number, vector: Vector): void {
    const { frames } = this.#options;
    if (this.#trackId === undefined) {
      stretch.add(frame, activity, vector);
      this.#confirm(stretch, frame);
    } else if (stretch.direction.angleTo(vector) <= frames.jumpDegrees) {
      this.#believeElsewhere(stretch);
      stretch.add(frame, activity, vector);
      if (frame - this.#lastTold >= frames.update) this.#tell('update', frame);
    } else {
      this.#hearElsewhere(stretch, frame, activity, vector);
    }
  }

  #confirm(stretch: Stretch, frame: number): void {
    if (stretch.active < this.#options.frames.minimum) return;
    const foreseen = this.#foreseen;
    this.#foreseen = undefined;
    this.#trackId = foreseen?.trackId ?? this.#options.nextTrackId();
    if (foreseen) this.#lastTold = foreseen.stretch.last;
    else this.#tell('onset', frame);
  }

  /** What was told early is none: it ends where it was last thought to sound. */
  #takeBack(): void {
    const foreseen = this.#foreseen;
    this.#foreseen = undefined;
    if (foreseen) this.#tell('offset', foreseen.stretch.last, foreseen);
  }

  /** A stray frame belongs to the event; frames that stay elsewhere, and agree where, are a new event. */
  #hearElsewhere(stretch: Stretch, frame: number, activity: number, vector: Vector): void {
    const { frames } = this.#options;
    this.#elsewhere ??= { stretch: new Stretch(frame, frames.fade), activities: [] };
    const { stretch: other, activities } = this.#elsewhere;
    other.add(frame, activity, vector);
    activities.push(activity);
    if (other.active < frames.jump || other.direction.spreadDegrees > frames.jumpDegrees) return;
    this.#tell('offset', stretch.last);
    this.#elsewhere = undefined;
    this.#stretch = other;
    this.#trackId = this.#options.nextTrackId();
    this.#tell('onset', frame);
  }

  /** What seemed to come from elsewhere was this event after all; only its directions are not believed. */
  #believeElsewhere(stretch: Stretch): void {
    if (!this.#elsewhere) return;
    const { stretch: other, activities } = this.#elsewhere;
    for (const activity of activities) stretch.count(other.last, activity);
    this.#elsewhere = undefined;
  }

  #lastActive(stretch: Stretch): number {
    return this.#elsewhere?.stretch.last ?? stretch.last;
  }

  /** @param frame the frame now; an event lasts to the end of its last active frame */
  #tell(phase: EventPhase, frame: number, of = { trackId: this.#trackId!, stretch: this.#stretch! }): void {
    const { label, classIndex, frames, onEvent } = this.#options;
    const { trackId, stretch } = of;
    this.#lastTold = frame;
    const { azimuth, elevation } = stretch.direction.angles;
    const [x, y, z] = stretch.direction.vector;
    onEvent({
      ...{ phase, trackId, label, classIndex },
      ...{ azimuth, elevation, direction: [x, y, z], spreadDegrees: stretch.direction.spreadDegrees },
      score: stretch.activitySum / stretch.active,
      startSeconds: stretch.first * frames.frameSeconds,
      endSeconds: (stretch.last + 1) * frames.frameSeconds,
    });
  }
}
