// What the service keeps and shows of its sound, in the words of the wire: clips announced, commands for them, the live picture.
import type { Manifest } from '../../models/manifest.ts';
import { PRESETS } from '../../models/presets.ts';
import type { Normalization } from '../ambisonics.ts';
import type { ClipsConfig, Privacy, SpeechConfig } from '../clip-settings.ts';
import type { Config } from '../config.ts';
import type { Scores } from '../signals.ts';
import { type ClipAudioPart, clipAudio, LONGEST_AUDIO_SECONDS } from './clip-audio.ts';
import type { FinishedClip } from './clips-file.ts';
import { SpeechGate } from './clips-privacy.ts';
import type { ClipOrigin } from './clips-sidecar.ts';
import { LiveView, type LiveViewOptions } from './live.ts';
import { AmbisonicPower, ArrayPower, TAU_ARRAY } from './live-map.ts';
import { Recorder, type RecorderOptions } from './recorder.ts';

/** Seconds that privacy may take to decide about what is shown live. */
const DECIDED_SECONDS = 10;
const LONGEST_RECORDING_SECONDS = 86_400;
const LONGEST_NOTE = 200;
const CHANNELS = 4;

/** The live view behind the rule of privacy: where speech cannot be known, no spectrogram is shown. */
export class LiveEars extends LiveView {
  readonly #gate: SpeechGate | undefined;

  constructor(options: Omit<LiveViewOptions, 'mayShow'> & { privacy: Privacy; speech: SpeechConfig }) {
    const { labels, privacy, speech } = options;
    const knowsSpeech = speech.classes.some((name) => labels.includes(name));
    const isPrivate = privacy === 'no-speech';
    const gate =
      isPrivate && knowsSpeech ? new SpeechGate({ labels, settings: speech, keepSeconds: DECIDED_SECONDS }) : undefined;
    const mayShow = gate ? (from: number, to: number) => gate.mayLeave(from, to) : () => !isPrivate;
    super({ ...options, mayShow });
    this.#gate = gate;
  }

  override pushScores(scores: Scores): void {
    this.#gate?.push(scores);
    super.pushScores(scores);
  }

  override restart(): void {
    this.#gate?.clear();
    super.restart();
  }
}

/** The live view of a device with these settings. @param bands of the model's features */
export function liveEars(config: Config, manifest: Manifest, bands: LiveViewOptions['bands']): LiveEars {
  const { labels, features } = manifest;
  const { privacy, speech, format } = config;
  const { hopLength, sampleRate, melBands } = PRESETS[features.preset];
  const power =
    format === 'foa'
      ? new AmbisonicPower(normalizationOf(config, manifest))
      : new ArrayPower(TAU_ARRAY, sampleRate, melBands);
  return new LiveEars({ labels, privacy, speech, frameSeconds: hopLength / sampleRate, bands, power });
}

/** What keeps clips; undefined where the settings want none. Not started. */
export function clipRecorder(
  config: Config,
  manifest: Manifest,
  more: Pick<ClipOrigin, 'bootId' | 'version' | 'model'> & Pick<RecorderOptions, 'onClip' | 'onTrouble'>,
): Recorder | undefined {
  const { clips, privacy, speech, site, device, format, headingDegrees, position, microphone } = config;
  if (!clips) return undefined;
  const { bootId, version, model, onClip, onTrouble } = more;
  return new Recorder({
    ...{ settings: clips, privacy, speech, labels: manifest.labels, channels: CHANNELS, onClip, onTrouble },
    sampleRate: PRESETS[manifest.features.preset].sampleRate,
    origin: {
      ...{ site, device, bootId, version, model, format, headingDegrees, position },
      microphone: microphone?.profile ?? microphone?.recording ?? 'unnamed',
      normalization: format === 'foa' ? normalizationOf(config, manifest) : null,
    },
  });
}

/** Of what is heard: as set, else as the model has it. */
function normalizationOf({ normalization }: Config, { input }: Manifest): Normalization {
  return normalization ?? (input.normalization === 'n3d' ? 'n3d' : 'sn3d');
}

/** What is told of a clip: the file stays on the device. */
export function clipAnnouncement({ sidecar, bytes, sha256 }: FinishedClip) {
  const { file, reason, rule, startSample, startTime, sampleRate, samples, channels, detections } = sidecar;
  return {
    ...{ file, bytes, sha256, reason, rule, startTime, sampleRate, channels },
    ...{ startSeconds: Math.max(0, startSample / sampleRate), durationSeconds: samples / sampleRate },
    detections: detections.map((detection) => ({ ...detection })),
  };
}

type Command = (given: Readonly<Record<string, unknown>>) => Record<string, unknown> | Promise<Record<string, unknown>>;

export interface ClipCommandsOptions {
  /** Undefined: nothing is kept, and there are no commands for it. */
  readonly recorder: Recorder | undefined;
  readonly clips: Pick<ClipsConfig, 'folder'> | null;
  readonly privacy: Privacy;
  readonly send: (part: ClipAudioPart) => Promise<void>;
}

/** Commands from far for what is kept; a RangeError is told to the sender as a refusal. */
export function clipCommands({ recorder, clips, privacy, send }: ClipCommandsOptions): Record<string, Command> {
  if (!recorder || !clips) return {};
  return {
    'clip-audio': async ({ file, seconds = LONGEST_AUDIO_SECONDS }) => {
      if (typeof file !== 'string') throw new RangeError('file must be the name of a clip');
      if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= LONGEST_AUDIO_SECONDS))
        throw new RangeError(`seconds must be above 0 and at most ${LONGEST_AUDIO_SECONDS}`);
      let sent = 0;
      for await (const part of clipAudio(clips.folder, recorder.clip(file), privacy, seconds)) {
        await send(part);
        sent += 1;
      }
      return { parts: sent };
    },
    mark: (given) => {
      recorder.mark(noteOf(given.note), secondsOf(given.seconds ?? 0));
      return {};
    },
    record: (given) => {
      const seconds = secondsOf(given.seconds);
      if (seconds === 0) recorder.stopRecording();
      else recorder.record(seconds, noteOf(given.note));
      return { recording: recorder.isRecording };
    },
  };
}

function secondsOf(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= LONGEST_RECORDING_SECONDS) return value;
  throw new RangeError(`seconds must be 0 to ${LONGEST_RECORDING_SECONDS}, not ${JSON.stringify(value)}`);
}

function noteOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.length <= LONGEST_NOTE) return value;
  throw new RangeError(`note must be a text of at most ${LONGEST_NOTE} characters`);
}
