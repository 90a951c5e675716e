// What flows between the stages: capture -> AudioBlock -> features -> FeatureFrame -> inference -> Scores -> tracking -> SoundEvent.

/** Sampled sound of one array. The arrays may be reused by the sender: copy what must outlive the call. */
export interface AudioBlock {
  /** One Float32Array per channel, all of the same length; full scale is -1..1. */
  readonly channels: readonly Float32Array[];
  readonly sampleRate: number;
  /** Index of the block's first sample since the stream began; lost samples are counted, so it jumps over them. */
  readonly sampleIndex: number;
  /** Unix time of the first sample in milliseconds. */
  readonly wallTimeMs: number;
  /** Samples lost (> 0) or repeated (< 0) just before this block; 0 when it follows its predecessor. */
  readonly discontinuity: number;
}

/** One frame of features, (channels, bands) row-major, unscaled; a view valid until the next frame is made. */
export interface FeatureFrame {
  /** Frame k is centred on sample k * hopLength of the stream. */
  readonly frame: number;
  readonly values: Float32Array;
  /** True when samples were lost inside this frame's window: what lies before it is not its past. */
  readonly discontinuity: boolean;
}

/** Scores of consecutive label frames, as merged from overlapping windows. */
export interface Scores {
  /** Index of the first label frame since the stream began. */
  readonly firstFrame: number;
  readonly frames: number;
  /** Length of a label frame in seconds (feature hop x time pooling). */
  readonly frameSeconds: number;
  /** (frames, classes), 0..1. */
  readonly activity: Float32Array;
  /** (frames, classes, 3), x y z with x to the front, y to the left, z up; not necessarily of unit length. */
  readonly direction: Float32Array;
  /** True when the stream broke just before the first of these frames. */
  readonly discontinuity: boolean;
}

export type EventPhase = 'onset' | 'update' | 'offset';

/** A sound as the tracker sees it; the same trackId from its onset to its offset. */
export interface SoundEvent {
  readonly phase: EventPhase;
  readonly trackId: number;
  readonly label: string;
  readonly classIndex: number;
  /** Degrees, counter-clockwise from the front, -180..180. */
  readonly azimuth: number;
  /** Degrees, up positive, -90..90. */
  readonly elevation: number;
  /** Smoothed unit vector x y z. */
  readonly direction: readonly [number, number, number];
  /** Spread of the direction over the event so far in degrees (root mean square). */
  readonly spreadDegrees: number;
  /** Mean activity so far, 0..1. */
  readonly score: number;
  /** Seconds since the stream began. */
  readonly startSeconds: number;
  /** Seconds since the stream began; up to now while the event goes on. */
  readonly endSeconds: number;
}
