// npm run bench: features, network and whole pipeline in times real time, each beside its peer where one can be had.
// --short: the recording once, a few windows, no features, nothing at real speed (CI); --json: one object per line; --model FOLDER and --variant NAME: another network.
import { parseArgs } from 'node:util';
import { findModel, shippedModels } from '../../runtime/inference/model-files.ts';
import { bundledRecording } from '../../tools/bundled-recording.ts';
import { benchCapture } from './capture.ts';
import { benchFeatures, type Measurement } from './features.ts';
import { benchInference } from './inference.ts';
import { benchLatency, type LatencyMeasurement } from './latency.ts';
import { benchOutbox } from './outbox.ts';
import { benchPipeline } from './pipeline.ts';
import { benchQuantise, type QuantiseMeasurement } from './quantise.ts';
import { benchRewrites } from './rewrites.ts';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean' },
    json: { type: 'boolean' },
    model: { type: 'string' },
    variant: { type: 'string' },
  },
});

/** Peak memory is the process's: the pipeline, which is what it is asked of, goes first. */
async function measure(): Promise<void> {
  if (options.model || (await shippedModels()).length > 0) {
    const model = await findModel(options.model, 'foa', options.variant);
    show(await benchPipeline(model, bundledRecording(), options.short ? 1 : 3));
    show(await benchInference(model, options.short ? 5 : 20));
    if (!options.short) showLatency(await benchLatency(model, bundledRecording()));
    const rewrites = await benchRewrites(model, options.short ? 5 : 20);
    if (rewrites) show(rewrites);
    await measureQuantising(model);
  } else process.stderr.write('no model came with this package: pipeline and network are not measured\n');
  showBeside(await benchOutbox(options.short ? 100 : 1000));
  for (const measurement of benchCapture(options.short ? 5 : 60)) showBeside(measurement);
  if (!options.short) for (const measurement of await benchFeatures()) show(measurement);
}

async function measureQuantising(model: Parameters<typeof benchQuantise>[0]): Promise<void> {
  const measurements = await benchQuantise(model, options.short ?? false);
  if (measurements) for (const measurement of measurements) showBeside(measurement);
  else process.stderr.write('no Python with onnxruntime and onnx here: quantising is not measured beside it\n');
}

function showLatency(measurement: LatencyMeasurement): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(measurement)}\n`);
    return;
  }
  const { name, p50Ms, p95Ms, onsets, referenceP50Ms, referenceP95Ms, cpu, windowMs, goal } = measurement;
  const ms = (value: number | null) => (value === null ? 'unknown' : `${value.toFixed(0)} ms`);
  const parts = [
    `p50 ${ms(p50Ms)} (goal ${goal.p50Ms}), p95 ${ms(p95Ms)} (goal ${goal.p95Ms}) over ${onsets} onsets`,
    `from the reference's onsets ${ms(referenceP50Ms)} and ${ms(referenceP95Ms)}`,
    `${(100 * cpu).toFixed(1)} % of one core (goal ${100 * goal.cpu} %), ${ms(windowMs)} a window`,
  ];
  process.stdout.write(`${name.padEnd(52)} ${parts.join('; ')}\n`);
}

function showBeside(measurement: Omit<QuantiseMeasurement, 'unit'> & { unit: string }): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(measurement)}\n`);
    return;
  }
  const { name, unit, measured, peer, ratio, goal } = measurement;
  const beside = unit === 'dB' ? `${ratio >= 0 ? '+' : ''}${ratio.toFixed(1)} dB` : `${ratio.toFixed(2)} ×`;
  const goalText = goal === '-' ? '' : `, goal ${goal}`;
  process.stdout.write(
    `${name.padEnd(52)} ${measured.toFixed(1)} ${unit}, ${beside} its peer (${peer.toFixed(1)}${goalText})\n`,
  );
}

function show(
  measurement: Measurement & { windowMs?: number; ofProcessorTime?: number; peakMemoryMiB?: number },
): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(measurement)}\n`);
    return;
  }
  const { name, measured, peer, ratio, goal, windowMs, ofProcessorTime, peakMemoryMiB } = measurement;
  const goalText = goal === undefined ? '' : `, goal ${goal}`;
  const parts = [
    `${measured.toFixed(0)} × real time${ratio === undefined ? goalText : ''}`,
    windowMs !== undefined && `${windowMs.toFixed(1)} ms a window`,
    ratio !== undefined && `${ratio.toFixed(1)} × its peer in Python (${peer!.toFixed(0)} × real time${goalText})`,
    ofProcessorTime !== undefined && `${ofProcessorTime.toFixed(0)} × by processor time`,
    peakMemoryMiB !== undefined && `${peakMemoryMiB} MiB at most`,
  ];
  process.stdout.write(`${name.padEnd(52)} ${parts.filter(Boolean).join(', ')}\n`);
}

await measure();
