// The device at real speed: how long after a sound began its message reaches a subscriber, and what hearing costs the processor.

import { DEFAULT_INFERENCE } from '../../runtime/config.ts';
import { quantile } from '../../runtime/health.ts';
import { chooseBackend } from '../../runtime/inference/choose-backend.ts';
import { type Model, NETWORK_FILE } from '../../runtime/inference/model-files.ts';
import { Pipeline } from '../../runtime/pipeline.ts';
import { Uplink } from '../../runtime/uplink/uplink.ts';
import { startBroker } from '../../tools/broker.ts';
import { Listener } from '../../tools/listener.ts';
import { openRecordingSource } from '../../tools/recording-source.ts';
import { readReference } from '../../tools/result-picture.ts';

export const LATENCY_GOALS = { p50Ms: 400, p95Ms: 700, cpu: 0.25 };
/** An onset found this much before or after a sound of its class began is that sound's. */
const EARLY_SECONDS = 0.3;
const LATE_SECONDS = 1.5;

export interface LatencyMeasurement {
  readonly name: string;
  /** From the onset as the device dates it to its message at a subscriber, in milliseconds. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly onsets: number;
  /** From the onset as the recording's reference dates it, where the sound was found at all; null without a reference. */
  readonly referenceP50Ms: number | null;
  readonly referenceP95Ms: number | null;
  /** Processor time of the whole process, all threads, per second of sound: broker and subscriber are in it. */
  readonly cpu: number;
  readonly windowMs: number | null;
  readonly goal: typeof LATENCY_GOALS;
}

interface Onset {
  readonly label: string;
  readonly startSeconds: number;
  /** When its message was there, on the clock of the recording. */
  readonly toldSeconds: number;
}

/** Plays a recording once, at real speed, with the default settings of live use. */
export async function benchLatency(model: Model, recording: string): Promise<LatencyMeasurement> {
  const broker = await startBroker();
  const backend = chooseBackend({ inference: DEFAULT_INFERENCE, model, threads: 1, stateFolder: '/nonexistent' });
  await backend.start();
  const source = await openRecordingSource({ path: recording, model, paced: true, resample: false });
  const identity = { url: broker.url, site: 'bench', device: 'bench', bootId: 'bench' };
  const onsets: Onset[] = [];
  const listener = new Listener({
    ...identity,
    onEvent: ({ phase, class: label, startSeconds }) => {
      if (phase !== 'new') return;
      const toldSeconds = (Date.now() - pipeline.wallTimeMs(0)) / 1000;
      onsets.push({ label, startSeconds, toldSeconds });
    },
  });
  await listener.start();
  const uplink: Uplink = new Uplink({
    ...{ ...identity, version: '0', headingDegrees: null, position: null },
    clock: { source: 'system', synced: null, offsetMs: null },
    wallTimeMs: (seconds) => pipeline.wallTimeMs(seconds),
  });
  const pipeline = new Pipeline({ source, model, backend, uplink, inference: DEFAULT_INFERENCE, live: true });
  const { name, files, labels, features } = model.manifest;
  await uplink.start({
    ...{ model: { name, sha256: files[NETWORK_FILE]!, labels }, backend: backend.description },
    microphone: { format: features.format, sampleRate: source.sampleRate, channels: source.channels },
  });
  const before = process.cpuUsage();
  await pipeline.run();
  const { user, system } = process.cpuUsage(before);
  await uplink.stop();
  await listener.waitFor(uplink.figures.acknowledged);
  for (const part of [listener, backend, broker]) await part.stop();
  const { streamSeconds, inference } = pipeline.figures;
  const reference = await readReference(recording, labels);
  const own = onsets.map(({ startSeconds, toldSeconds }) => 1000 * (toldSeconds - startSeconds));
  const real = reference ? delaysToReference(onsets, reference) : [];
  return {
    ...{ name: `onset to message at real speed, ${backend.description}`, onsets: onsets.length },
    ...{ p50Ms: quantile(own, 0.5), p95Ms: quantile(own, 0.95) },
    ...{ referenceP50Ms: quantile(real, 0.5), referenceP95Ms: quantile(real, 0.95) },
    ...{ cpu: (user + system) / 1e6 / streamSeconds, windowMs: inference.medianMs, goal: LATENCY_GOALS },
  };
}

/** For each sound of the reference the first onset of its class near its beginning; each onset serves once. */
function delaysToReference(
  onsets: readonly Onset[],
  reference: readonly { readonly label: string; readonly startSeconds: number }[],
): number[] {
  const left = new Set(onsets);
  return reference.flatMap(({ label, startSeconds }) => {
    const found = [...left].find((onset) => {
      const after = onset.startSeconds - startSeconds;
      return onset.label === label && after > -EARLY_SECONDS && after < LATE_SECONDS;
    });
    if (!found) return [];
    left.delete(found);
    return [1000 * (found.toldSeconds - startSeconds)];
  });
}
