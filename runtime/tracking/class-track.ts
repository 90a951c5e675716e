// The sounds of one class, one after the other: silent, perhaps sounding, sounding. One source per class at a time.
import type { Vector } from '../directions.ts';
import type { EventPhase, SoundEvent } from '../signals.ts';
import { DirectionMean } from './direction-mean.ts';
import { Edges } from './edges.ts';
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
  /** In frames, not whole ones. */
  start: number;
  end: number;
  active = 0;
  activitySum = 0;

  constructor(first: number, fade: number) {
    this.first = first;
    this.last = first;
    this.start = first;
    this.end = first + 1;
    this.direction = new DirectionMean(fade);
  }

  add(frame: number, { activity, vector, alone }: ClassFrame): void {
    this.count(frame, activity);
    this.direction.add(vector, activity * alone);
  }

  /** Counts a frame as sound whose direction is not believed. */
  count(frame: number, activity: number): void {
    this.last = frame;
    this.end = frame + 1;
    this.active += 1;
    this.activitySum += activity;
  }
}

/** A frame of one class: activity 0..1, direction of any length. */
export interface ClassFrame {
  readonly activity: number;
  readonly vector: Vector;
  /** Above 0, up to 1: how much its direction counts, little while other classes sound. */
  readonly alone: number;
}

/** Follows one class from frame to frame. */
export class ClassTrack {
  readonly #options: ClassTrackOptions;
  readonly #edges = new Edges();
  /** Sounding, or perhaps sounding while #trackId is undefined. */
  #stretch: Stretch | undefined;
  #trackId: number | undefined;
  #lastTold = 0;
  /** Where the sound before ended, in frames: none begins earlier. */
  #ended = 0;
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
    for (const [i, now] of known.entries()) {
      if (now.activity < sure) stretch = undefined;
      else {
        stretch ??= new Stretch(firstFrame + i, frames.fade);
        stretch.add(firstFrame + i, now);
      }
      if (!stretch || stretch.active < frames.minimum) continue;
      this.#foreseen = { trackId: nextTrackId(), stretch };
      this.#tell('onset', firstFrame + i, this.#foreseen);
      return;
    }
  }

  /** Takes the next frame. */
  step(frame: number, now: ClassFrame): void {
    this.#edges.add(frame, now.activity);
    this.#follow(frame, now);
    const foreseen = this.#foreseen;
    const perhaps = this.#stretch && this.#trackId === undefined;
    if (foreseen && !perhaps && frame >= foreseen.stretch.last + this.#options.frames.patience) this.#takeBack();
  }

  #follow(frame: number, now: ClassFrame): void {
    const { onset, offset, frames } = this.#options;
    const stretch = this.#stretch;
    if (!stretch) {
      if (now.activity >= onset) this.#begin(frame, now);
    } else if (now.activity >= offset) {
      this.#continue(stretch, frame, now);
    } else if (this.#trackId === undefined) {
      this.#stretch = undefined;
    } else if (frame - this.#lastActive(stretch) > frames.gap) {
      this.finish();
    }
  }

  /** The sound or the stream ended: what sounds ends after its last active frame, what only perhaps sounded never was. */
  finish(): void {
    if (this.#stretch && this.#trackId !== undefined) {
      this.#believeElsewhere(this.#stretch);
      this.#stretch.end = this.#edges.fall(this.#stretch.last);
      this.#ended = this.#stretch.end;
      this.#tell('offset', this.#stretch.last);
    }
    this.#takeBack();
    this.#stretch = undefined;
    this.#trackId = undefined;
    this.#elsewhere = undefined;
  }

  #begin(frame: number, now: ClassFrame): void {
    this.#stretch = new Stretch(frame, this.#options.frames.fade);
    this.#stretch.add(frame, now);
    this.#confirm(this.#stretch, frame);
  }

  #continue(stretch: Stretch, frame: number, now: ClassFrame): void {
    const { frames } = this.#options;
    if (this.#trackId === undefined) {
      stretch.add(frame, now);
      this.#confirm(stretch, frame);
    } else if (stretch.direction.angleTo(now.vector) <= frames.jumpDegrees) {
      this.#believeElsewhere(stretch);
      stretch.add(frame, now);
      if (frame - this.#lastTold >= frames.update) this.#tell('update', frame);
    } else {
      this.#hearElsewhere(stretch, frame, now);
    }
  }

  #confirm(stretch: Stretch, frame: number): void {
    if (frame <= stretch.first + 1) stretch.start = Math.max(this.#ended, this.#edges.rise(stretch.first));
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
  #hearElsewhere(stretch: Stretch, frame: number, now: ClassFrame): void {
    const { frames } = this.#options;
    this.#elsewhere ??= { stretch: new Stretch(frame, frames.fade), activities: [] };
    const { stretch: other, activities } = this.#elsewhere;
    other.add(frame, now);
    activities.push(now.activity);
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

  /** @param frame the frame now; an event that goes on lasts to the end of its last active frame */
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
      startSeconds: stretch.start * frames.frameSeconds,
      endSeconds: stretch.end * frames.frameSeconds,
    });
  }
}
