// What the simulated devices say, in the words of the wire contract.
import { unitVector } from '../../../runtime/directions.ts';
import type {
  ClipAudioMessage,
  ClipMessage,
  EventMessage,
  HealthMessage,
  InfoMessage,
  LiveMessage,
  StateMessage,
} from '../../../runtime/uplink/topics.ts';
import { type Heard, type Post, placeOf } from './site.ts';

export const BOOT = 'b3f2a91c';
const address = ({ site, device }: Post) => ({ site, device, bootId: BOOT });
const round = (value: number) => Math.round(100 * value) / 100;

export function stateMessage(post: Post, state: StateMessage['state'], time: Date): StateMessage {
  return { schema: 'seld/state/1', ...address(post), sessionSeq: 1, state, version: '0.1.0', time: time.toISOString() };
}

export function infoMessage(post: Post, time: Date): InfoMessage {
  return {
    ...{ schema: 'seld/info/1', ...address(post), version: '0.1.0', backend: post.backend },
    model: {
      name: post.model,
      sha256: '5efef17a1aa16862239b1160885f2c8a04432564329d28576a2424c4f641ca43',
      labels: [...post.labels],
    },
    microphone: { format: 'foa', sampleRate: 48_000, channels: 4, profile: 'zylia-zm1-foa' },
    ...{ headingDegrees: post.headingDegrees, position: placeOf(post), time: time.toISOString() },
  };
}

export interface EventMoment {
  readonly seq: number;
  readonly track: number;
  readonly phase: EventMessage['phase'];
  readonly startMs: number;
  readonly endMs: number;
  readonly bootMs: number;
}

export function eventMessage(post: Post, heard: Heard, moment: EventMoment): EventMessage {
  const { seq, track, phase, startMs, endMs, bootMs } = moment;
  const { azimuth, elevation, label, score, spreadDegrees } = heard;
  return {
    ...{ schema: 'seld/event/1', ...address(post), id: `${post.device}/${BOOT}/${seq}`, seq, track, phase },
    ...{ class: label, score: round(score), frame: 'microphone', azimuth: round(azimuth), elevation: round(elevation) },
    ...{ direction: [...unitVector(azimuth, elevation)], spreadDegrees: round(spreadDegrees) },
    ...{ bearingDegrees: round((((post.headingDegrees - azimuth) % 360) + 360) % 360) % 360 },
    ...{ headingDegrees: post.headingDegrees, position: placeOf(post) },
    ...{ startSeconds: (startMs - bootMs) / 1000, endSeconds: (endMs - bootMs) / 1000 },
    ...{ startTime: new Date(startMs).toISOString(), endTime: new Date(endMs).toISOString() },
    sentTime: new Date(endMs).toISOString(),
    clock: { source: 'system', synced: true, offsetMs: 1.5 },
  };
}

export interface HealthFigures {
  readonly celsius: number;
  readonly queued: number;
  readonly faults?: HealthMessage['faults'];
  readonly bootMs: number;
}

/** @param random numbers 0..1 */
export function healthMessage(post: Post, figures: HealthFigures, time: Date, random: () => number): HealthMessage {
  const { celsius, queued, faults = [], bootMs } = figures;
  const uptimeSeconds = Math.max(1, (time.getTime() - bootMs) / 1000);
  const isJetson = post.board.includes('Jetson');
  const medianMs = (isJetson ? 5.2 : 23) * (0.95 + 0.1 * random());
  return {
    ...{ schema: 'seld/health/1', ...address(post), uptimeSeconds, streamSeconds: uptimeSeconds },
    levelsDbfs: [-46, -52, -55, -51].map((level) => round(level + 3 * random())),
    ...{
      lostSamples: 0,
      discontinuities: 0,
      realTimeFactor: round(isJetson ? 0.11 + 0.03 * random() : 0.31 + 0.05 * random()),
    },
    stages: {
      capture: 0.01,
      features: round(0.04 + 0.01 * random()),
      inference: round(isJetson ? 0.06 : 0.24),
      tracking: 0.002,
    },
    inference: { backend: post.backend, medianMs: round(medianMs), p95Ms: round(1.4 * medianMs) },
    outbox: { queued, acknowledged: Math.round(uptimeSeconds / 4), dropped: 0, bytes: queued * 900 },
    microphone: {
      ...{ state: 'ok', device: 'usb-19f7:0022', restarts: 0, driftPpm: round(11 + 2 * random()) },
      channels: [0, 1, 2, 3].map(() => ({ faults: [] })),
    },
    ...{ faults, memoryBytes: Math.round(2.1e8 + 1e7 * random()), version: '0.1.0', model: post.model },
    board: { model: post.board },
    celsius: { cpu: round(celsius), ...(isJetson && { gpu: round(celsius - 1.5) }) },
    ...(isJetson && { power: { totalWatts: round(6.1 + random()), watts: { VDD_IN: round(6.1 + random()) } } }),
    cpu: { load: round(isJetson ? 0.14 : 0.38), hertz: [1_500_000_000] },
    systemMemory: { totalBytes: 8e9, availableBytes: Math.round(5.6e9 + 1e8 * random()) },
    disk: { totalBytes: 64e9, freeBytes: 41e9 },
    time: time.toISOString(),
  };
}

const AZIMUTHS = Array.from({ length: 24 }, (_, i) => -180 + 15 * i);
const ELEVATIONS = Array.from({ length: 11 }, (_, i) => -75 + 15 * i);
const HERTZ = Array.from({ length: 64 }, (_, i) => Math.round(60 * (20_000 / 60) ** (i / 63)));
const FRAME_SECONDS = 0.1;

/** Bands that a class fills, as shares of the height: what its spectrogram looks like. */
const BANDS: Readonly<Record<string, readonly [number, number]>> = {
  ...{ chainsaw: [0.25, 0.85], vehicle: [0.05, 0.45], speech: [0.2, 0.62], dog: [0.35, 0.7], woodpecker: [0.5, 0.9] },
  ...{ gunshot: [0.1, 0.95], phone: [0.55, 0.75], keyboard: [0.5, 0.95], doorslam: [0.02, 0.55] },
};

/** The picture of 0.2 s: levels, power over directions and two columns of the spectrogram. */
export function liveMessage(
  ...[post, heard, seq, streamSeconds, random]: [Post, readonly Heard[], number, number, () => number]
): LiveMessage {
  const loudest = Math.max(0, ...heard.map(({ score }) => score));
  const level = -52 + 30 * loudest + 3 * random();
  return {
    ...{ schema: 'seld/live/1', ...address(post), seq, leaseSeconds: 30, streamSeconds },
    levelsDbfs: [0, -5.5, -9, -6].map((below) => round(level + below + 2 * random())),
    peaksDbfs: [0, -5.5, -9, -6].map((below) => round(level + below + 13 + 2 * random())),
    map: { azimuths: AZIMUTHS, elevations: ELEVATIONS, decibels: powerOf(heard, random) },
    spectrogram: {
      ...{ endSeconds: streamSeconds, frameSeconds: FRAME_SECONDS, hertz: HERTZ },
      decibels: [0, 1].map((column) => columnOf(heard, streamSeconds + column * FRAME_SECONDS, random)),
    },
    scores: scoresOf(post, heard, random),
    time: new Date().toISOString(),
  };
}

function powerOf(heard: readonly Heard[], random: () => number): number[] {
  const power = ELEVATIONS.flatMap((elevation) =>
    AZIMUTHS.map((azimuth) => {
      const at = unitVector(azimuth, elevation);
      const beams = heard.map((each) => {
        const to = unitVector(each.azimuth, each.elevation);
        const cosine = at[0] * to[0] + at[1] * to[1] + at[2] * to[2];
        return each.score * Math.exp(-(1 - cosine) / 0.06);
      });
      return 0.02 + 0.015 * random() + beams.reduce((sum, beam) => sum + beam, 0);
    }),
  );
  const loudest = Math.max(...power);
  return power.map((value) => Math.max(-30, Math.round(10 * Math.log10(value / loudest))) + 0);
}

function columnOf(heard: readonly Heard[], seconds: number, random: () => number): number[] {
  return HERTZ.map((_, band) => {
    const place = band / HERTZ.length;
    let decibels = -82 - 12 * place + 5 * random();
    for (const { label, score } of heard) {
      const [low, high] = BANDS[label] ?? [0.2, 0.7];
      if (place < low || place > high) continue;
      const pulse = 0.5 + 0.5 * Math.sin(2 * Math.PI * seconds * (2 + 6 * low));
      const harmonic = Math.cos(place * 60 + 2 * Math.sin(seconds)) > 0 ? 1 : 0.4;
      decibels = Math.max(decibels, -78 + 48 * score * harmonic * (0.5 + 0.5 * pulse) + 5 * random());
    }
    return Math.round(decibels);
  });
}

function scoresOf(post: Post, heard: readonly Heard[], random: () => number): Record<string, number> {
  const of = (label: string) => heard.find((each) => each.label === label)?.score ?? 0.04 * random();
  return Object.fromEntries(post.labels.slice(0, 8).map((label) => [label, round(of(label))]));
}

const CLIP_SECONDS = 0.5;

/** A sound that a mark has kept. */
export function clipMessage(post: Post): ClipMessage {
  const time = new Date().toISOString();
  return {
    ...{ schema: 'seld/clip/1', ...address(post), id: `${post.device}/${BOOT}/mark-1.wav`, file: 'mark-1.wav' },
    ...{ bytes: 192_044, sha256: '0'.repeat(64), reason: 'mark', startSeconds: 10, durationSeconds: CLIP_SECONDS },
    ...{ startTime: time, sampleRate: 48_000, channels: 4, detections: [], time },
  };
}

/** Its sound in one part: a tone of 1 kHz. */
export function clipAudioMessage(post: Post, file: string): ClipAudioMessage {
  const sampleRate = 16_000;
  const samples = Int16Array.from({ length: CLIP_SECONDS * sampleRate }, (_, i) =>
    Math.round(8000 * Math.sin((2 * Math.PI * 1000 * i) / sampleRate)),
  );
  const data = Buffer.from(samples.buffer).toString('base64');
  return {
    ...{ schema: 'seld/clip-audio/1', ...address(post), file, part: 1, parts: 1, sampleRate, data },
    time: new Date().toISOString(),
  };
}
