// How frame scores become events: the settings of the tracker with their defaults.

export interface TrackingSettings {
  /** A sound must last this long, in seconds, before it is told; default 0.2: the shortest event of TAU 2019 lasts 0.21 s. */
  readonly minimumSeconds: number;
  /** Silence of a class up to this long, in seconds, does not end its event; default 0.2. */
  readonly gapSeconds: number;
  /** A going event is told again this often, in seconds; default 1. */
  readonly updateSeconds: number;
  /** A direction further away than this from the event's, in degrees, is another source; default 35. */
  readonly jumpDegrees: number;
  /** ... when it stays there this long, in seconds; default 0.3. */
  readonly jumpSeconds: number;
  /** Directions older than this, in seconds, count 1/e in an event's direction; default 3. */
  readonly fadeSeconds: number;
}

export const DEFAULT_TRACKING: TrackingSettings = {
  minimumSeconds: 0.2,
  gapSeconds: 0.2,
  updateSeconds: 1,
  jumpDegrees: 35,
  jumpSeconds: 0.3,
  fadeSeconds: 3,
};

/** The settings in label frames. */
export interface TrackingFrames {
  readonly frameSeconds: number;
  readonly minimum: number;
  readonly gap: number;
  readonly update: number;
  readonly jumpDegrees: number;
  readonly jump: number;
  readonly fade: number;
}

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
  };
}
