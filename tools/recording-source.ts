// Opens a recording as the sound a model wants to hear: four channels, at the rate of its feature preset.
import { PRESETS } from '../models/presets.ts';
import { openRecording } from '../runtime/capture/recording.ts';
import type { AudioSource } from '../runtime/capture/source.ts';
import { openWavFile } from '../runtime/capture/wav-file.ts';
import { checkRecording } from '../runtime/capture/wav-reader.ts';
import type { Model } from '../runtime/inference/model-files.ts';

/** Samples per block where nobody waits for the sound: few turns of the event loop. */
const UNPACED_BLOCK_FRAMES = 4800;

export interface RecordingSourceOptions {
  readonly path: string;
  readonly model: Model;
  /** At real speed, as from a microphone. */
  readonly paced: boolean;
  /** Take also rates other than 48 and 24 kHz. */
  readonly resample: boolean;
}

/** @throws an error named UserError when the recording cannot be heard: no audio, wrong channels or rate */
export async function openRecordingSource(options: RecordingSourceOptions): Promise<AudioSource> {
  const { path, model, paced, resample } = options;
  const recording = await openRecording(path);
  await recording.close();
  checkRecording(recording, resample);
  const resampleTo = PRESETS[model.manifest.features.preset].sampleRate;
  return openWavFile({ path, paced, resampleTo, blockFrames: paced ? undefined : UNPACED_BLOCK_FRAMES });
}
