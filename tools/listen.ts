// The service behind earshot run --config: listens to the microphone until it is told to stop, as systemd or a person starts it.

import { PRESETS } from '../models/presets.ts';
import { openLoopedRecording } from '../runtime/capture/looped-recording.ts';
import { openMicrophone } from '../runtime/capture/open-microphone.ts';
import type { AudioSource } from '../runtime/capture/source.ts';
import { openWavFile } from '../runtime/capture/wav-file.ts';
import type { Config } from '../runtime/config.ts';
import { createLog } from '../runtime/device/log.ts';
import type { Model } from '../runtime/inference/model-files.ts';
import { Service } from '../runtime/service.ts';
import { UserError } from './command.ts';
import { onInterruption } from './interruption.ts';
import { version } from './package-version.ts';

export interface ListenOptions {
  readonly config: Config;
  /** The settings file as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Runs the service to its end. Log lines go to standard output: JSON for the journal, plain to a person at a terminal. */
export async function listen({ config, settings }: ListenOptions): Promise<void> {
  if (!config.broker) {
    throw new UserError('The settings name no broker: add "broker": "mqtt://HOST:1883", where the messages go.');
  }
  const log = createLog({ write: (line) => process.stdout.write(line), plain: process.stdout.isTTY === true });
  const root = process.env.EARSHOT_ROOT ?? '/';
  let restart: (reason: string) => void = () => {};
  const slots = process.env.EARSHOT_SLOTS;
  const onRestart = (reason: string) => restart(reason);
  const service = new Service({ settings, version, log, openSource, root, slots, onRestart });
  const ended = new Promise<void>((resolve, reject) => {
    // The launcher, or systemd, starts what shall run then.
    restart = (reason) => void service.stop(reason).then(resolve, reject);
    onInterruption((signal) => void service.stop(signal).then(resolve, reject));
    process.once('uncaughtException', (error) => {
      log.error('crashed', error.message, { stack: error.stack });
      void service.fail(error).finally(() => reject(error));
    });
  });
  await service.start();
  await ended;
}

/** Opens what the settings name as microphone: a sound card, or a recording in its place. */
export function openSource({ microphone, normalization }: Config, model: Model): Promise<AudioSource> {
  const { recording, loop } = microphone!;
  if (recording === undefined) return openMicrophone(microphone!, model.manifest, { normalization });
  const options = { path: recording, resampleTo: PRESETS[model.manifest.features.preset].sampleRate };
  return loop ? openLoopedRecording(options) : openWavFile({ ...options, paced: true });
}
