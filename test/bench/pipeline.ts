// The whole device on a recording: capture, features, inference, tracking and uplink into a broker, as fast as it goes.

import { type Model, NETWORK_FILE } from '../../runtime/inference/model-files.ts';
import { peakResidentBytes } from '../../runtime/memory.ts';
import { Pipeline } from '../../runtime/pipeline.ts';
import { Uplink } from '../../runtime/uplink/uplink.ts';
import { startBroker } from '../../tools/broker.ts';
import { allThreads, enginesFor } from '../../tools/engines.ts';
import { openRecordingSource } from '../../tools/recording-source.ts';
import type { Measurement } from './features.ts';

/** Real time that two cores should manage. */
const GOAL = 40;

export interface PipelineMeasurement extends Measurement {
  /** Times real time if the machine did nothing else: all its cores over the processor time used. */
  readonly ofProcessorTime: number;
  readonly peakMemoryMiB: number;
}

/** Runs the recording once to warm up and `runs` times to measure; the best run counts, as other work only slows it. */
export async function benchPipeline(model: Model, recording: string, runs: number): Promise<PipelineMeasurement> {
  const results: { measured: number; ofProcessorTime: number }[] = [];
  for (let run = 0; run <= runs; run += 1) results.push(await oneRun(model, recording));
  const measured = Math.max(...results.slice(1).map((result) => result.measured));
  const ofProcessorTime = Math.max(...results.slice(1).map((result) => result.ofProcessorTime));
  const name = `whole pipeline, ${allThreads()} cores`;
  const peakMemoryMiB = Math.round(peakResidentBytes() / 2 ** 20);
  return { name, measured, goal: GOAL, ofProcessorTime, peakMemoryMiB };
}

async function oneRun(model: Model, path: string): Promise<{ measured: number; ofProcessorTime: number }> {
  const broker = await startBroker();
  const backend = enginesFor(model, allThreads());
  await backend.start();
  const source = await openRecordingSource({ path, model, paced: false, resample: false });
  const uplink: Uplink = new Uplink({
    ...{ url: broker.url, site: 'bench', device: 'bench', bootId: 'bench', version: '0', headingDegrees: null },
    ...{ position: null, clock: { source: 'recording', synced: null, offsetMs: null } },
    wallTimeMs: (seconds) => pipeline.wallTimeMs(seconds),
  });
  const pipeline = new Pipeline({ source, model, backend, uplink });
  const { name, files, labels, features } = model.manifest;
  await uplink.start({
    ...{ model: { name, sha256: files[NETWORK_FILE]!, labels }, backend: backend.description },
    microphone: { format: features.format, sampleRate: source.sampleRate, channels: source.channels },
  });
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await pipeline.run();
  await uplink.stop();
  const wallSeconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  await backend.stop();
  await broker.stop();
  const { streamSeconds } = pipeline.figures;
  return {
    measured: streamSeconds / wallSeconds,
    ofProcessorTime: (streamSeconds * allThreads()) / ((user + system) / 1e6),
  };
}
