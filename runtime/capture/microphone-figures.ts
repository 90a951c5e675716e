// What a microphone says of itself, and the times after which its supervision acts.
import type { Discontinuity, DiscontinuityKind } from './discontinuities.ts';
import type { ChannelReport, MicrophoneFault } from './microphone-health.ts';

/** Times in milliseconds; tests shorten them. */
export const MICROPHONE_TIMES = {
  /** A device that opens may take so long for its first samples. */
  firstBytesMs: 3000,
  /** Then silence of the pipe is a fault. */
  stallMs: 1000,
  /** Pauses before arecord is begun again, by step. */
  restartMs: 100,
  reopenMs: 1000,
  enumerateMs: 2000,
  slowMs: 30_000,
  /** Between two looks for a card that is not there. */
  absentMs: 1000,
  /** A stream that held so long was a good one. */
  goodMs: 10_000,
  /** A card away for longer is reported as failed. */
  awayMs: 5000,
  /** Sound that may wait for a slow taker. */
  queueMs: 2000,
};
export type MicrophoneTimes = typeof MICROPHONE_TIMES;

/** failed: tried without success for long, and tried on; the others are what they say. */
export type MicrophoneState = 'starting' | 'listening' | 'restarting' | 'failed' | 'stopped';

export interface MicrophoneFigures {
  readonly state: MicrophoneState;
  /** Why it does not listen; null: it does. */
  readonly complaint: string | null;
  /** Name of the profile. */
  readonly profile: string;
  /** Stable name of the card; null before it was found. */
  readonly device: string | null;
  /** Name and format it is open with now, for people. */
  readonly stream: string | null;
  /** Times the stream was begun again. */
  readonly restarts: number;
  readonly restartsByReason: Readonly<Partial<Record<DiscontinuityKind, number>>>;
  readonly overruns: number;
  readonly discontinuities: Readonly<Partial<Record<DiscontinuityKind, number>>>;
  /** Newest breaks, oldest first. */
  readonly recent: readonly Discontinuity[];
  readonly lostSamples: number;
  /** Parts per million by which its clock runs fast; null: not known yet. */
  readonly driftPpm: number | null;
  /** Blocks that wait for their taker. */
  readonly queuedBlocks: number;
  /** The last second of each channel and what is wrong with it; empty where nobody judges the signal. */
  readonly channels: readonly ChannelReport[];
  /** What the signal says against the microphone. */
  readonly faults: readonly MicrophoneFault[];
}
