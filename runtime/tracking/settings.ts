// The tracker's settings counted in label frames.
import type { TrackingSettings } from '../config.ts';

/** The settings in label frames. */
export interface TrackingFrames {
  readonly frameSeconds: number;
  readonly minimum: number;
  readonly gap: number;
  readonly update: number;
  readonly jumpDegrees: number;
  readonly jump: number;
  readonly fade: number;
  /** Frames after which an onset told early must have been found by the final scores. */
  readonly patience: number;
}

/** Early and final scores of an onset lie less than this apart, or they are not of one sound. */
const PATIENCE_SECONDS = 0.3;

/** Rounds settings to label frames; lengths that must not vanish are at least one frame. */
export function inFrames(settings: TrackingSettings, frameSeconds: number): TrackingFrames {
  // A tenth of a nanosecond keeps 0.2 s / 0.1 s from being 2.0000000000000004 frames.
  const atLeast = (seconds: number) => Math.max(1, Math.ceil(seconds / frameSeconds - 1e-9));
  const minimum = atLeast(settings.minimumSeconds);
  return {
    frameSeconds,
    minimum,
    gap: Math.floor(settings.gapSeconds / frameSeconds + 1e-9),
    update: atLeast(settings.updateSeconds),
    jumpDegrees: settings.jumpDegrees,
    jump: Math.max(minimum, atLeast(settings.jumpSeconds)),
    fade: settings.fadeSeconds / frameSeconds,
    patience: atLeast(PATIENCE_SECONDS),
  };
}
