// One recording through features, inference and tracking without waiting for time: the whole of it judged at once.
import type { Normalization } from '../runtime/ambisonics.ts';
import type { InferenceBackend } from '../runtime/inference/engine.ts';
import type { Model } from '../runtime/inference/model-files.ts';
import { Pipeline } from '../runtime/pipeline.ts';
import type { SoundEvent } from '../runtime/signals.ts';
import { openRecordingSource } from './recording-source.ts';
import type { SceneEvent, SceneFrame } from './scene-csv.ts';

/** Length of a frame of the DCASE 2019 output format. */
const OUTPUT_FRAME_SECONDS = 0.02;

export interface DetectOptions {
  readonly recording: string;
  readonly model: Model;
  /** Started. */
  readonly backend: InferenceBackend;
  readonly resample: boolean;
  readonly normalization?: Normalization;
}

/** A sound found in a recording. */
export interface DetectedEvent extends SceneEvent {
  /** Mean activity, 0..1. */
  readonly score: number;
}

export interface Detection {
  readonly recording: string;
  readonly durationSeconds: number;
  /** In the order of their starts. */
  readonly events: readonly DetectedEvent[];
}

/** @throws an error named UserError when the recording cannot be heard */
export async function detect(options: DetectOptions): Promise<Detection> {
  const { recording, model, backend, resample, normalization } = options;
  const source = await openRecordingSource({ path: recording, model, paced: false, resample });
  const events: DetectedEvent[] = [];
  const onEvent = (event: SoundEvent) => {
    if (event.phase === 'offset') events.push(detected(event));
  };
  // With a look-ahead of the whole window each label frame is the mean of all windows that can see it.
  const timing = { lookaheadFrames: model.manifest.window.frames };
  const pipeline = new Pipeline({ source, model, backend, normalization, timing, onEvent });
  try {
    await pipeline.run();
  } finally {
    await source.stop();
  }
  events.sort((a, b) => a.startSeconds - b.startSeconds || a.classIndex - b.classIndex);
  const durationSeconds = pipeline.figures.streamSeconds;
  return { recording, durationSeconds, events: events.map((event) => endBy(event, durationSeconds)) };
}

/** The events frame by frame: each frame that lies in an event, in the order of frames. */
export function framesOf({ events }: Pick<Detection, 'events'>): SceneFrame[] {
  const frames = events.flatMap(({ startSeconds, endSeconds, classIndex, azimuth, elevation }) => {
    const first = Math.round(startSeconds / OUTPUT_FRAME_SECONDS);
    const count = Math.round(endSeconds / OUTPUT_FRAME_SECONDS) - first;
    return Array.from({ length: count }, (_, i) => ({ frame: first + i, classIndex, azimuth, elevation }));
  });
  return frames.sort((a, b) => a.frame - b.frame || a.classIndex - b.classIndex);
}

function detected(event: SoundEvent): DetectedEvent {
  const { label, classIndex, startSeconds, endSeconds, azimuth, elevation, score } = event;
  return { label, classIndex, startSeconds, endSeconds, azimuth, elevation, score };
}

/** The last label frame may reach past the recording's end. */
function endBy(event: DetectedEvent, durationSeconds: number): DetectedEvent {
  return event.endSeconds <= durationSeconds ? event : { ...event, endSeconds: durationSeconds };
}
