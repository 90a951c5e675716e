// The end of a run: what was heard, what it cost, and how late it was.
import { type PipelineFigures, quantile, STAGES } from '../runtime/health.ts';
import { peakResidentBytes } from '../runtime/memory.ts';
import type { UplinkFigures } from '../runtime/uplink/uplink.ts';

export interface Summary {
  readonly recording: string;
  readonly model: string;
  readonly backend: string;
  /** Sound heard in seconds, and the time that took. */
  readonly streamSeconds: number;
  readonly wallSeconds: number;
  readonly detections: number;
  readonly detectionsPerClass: Readonly<Record<string, number>>;
  /** Share of real time each stage computes; cpu is the whole process, all threads. */
  readonly stages: Readonly<Record<string, number>>;
  readonly cpu: number;
  readonly inferenceMs: { readonly median: number | null; readonly p95: number | null };
  /** From the onset in the air to the message at a subscriber; null where the recording was not played at real speed. */
  readonly delaySeconds: { readonly median: number | null; readonly p95: number | null };
  readonly messages: UplinkFigures & { readonly received: number };
  readonly peakMemoryMiB: number;
  readonly picture: string | null;
}

export interface SummaryParts {
  readonly recording: string;
  readonly model: string;
  readonly backend: string;
  readonly figures: PipelineFigures;
  readonly cpuSeconds: number;
  readonly classes: readonly string[];
  readonly delaysMs: readonly number[];
  readonly messages: UplinkFigures & { readonly received: number };
  readonly picture: string | null;
}

/** @param parts classes: the class of each detection */
export function summarise(parts: SummaryParts): Summary {
  const { recording, model, backend, figures, cpuSeconds, classes, delaysMs, messages, picture } = parts;
  const detectionsPerClass: Record<string, number> = {};
  for (const label of [...classes].sort()) detectionsPerClass[label] = (detectionsPerClass[label] ?? 0) + 1;
  const seconds = (ms: number | null) => (ms === null ? null : round(ms / 1000, 3));
  return {
    ...{ recording, model, backend },
    streamSeconds: round(figures.streamSeconds, 3),
    wallSeconds: round(figures.wallSeconds, 3),
    ...{ detections: classes.length, detectionsPerClass },
    stages: Object.fromEntries(STAGES.map((stage) => [stage, round(figures.stages[stage], 5)])),
    cpu: round(figures.streamSeconds > 0 ? cpuSeconds / figures.streamSeconds : 0, 5),
    inferenceMs: { median: rounded(figures.inference.medianMs), p95: rounded(figures.inference.p95Ms) },
    delaySeconds: { median: seconds(quantile(delaysMs, 0.5)), p95: seconds(quantile(delaysMs, 0.95)) },
    messages,
    peakMemoryMiB: Math.round(peakResidentBytes() / 2 ** 20),
    picture,
  };
}

/** The summary for people. */
export function summaryText(summary: Summary): string {
  const { streamSeconds, wallSeconds, detections, detectionsPerClass, messages, delaySeconds, picture } = summary;
  const per = Object.entries(detectionsPerClass).map(([label, count]) => `${label} ${count}`);
  const stages = Object.entries({ ...summary.stages, 'whole process': summary.cpu });
  const lines = [
    ['heard', `${streamSeconds.toFixed(1)} s in ${wallSeconds.toFixed(1)} s (${speed(summary)} × real time)`],
    ['detections', `${detections}${per.length > 0 ? `: ${per.join(', ')}` : ''}`],
    ['share of real time', stages.map(([stage, share]) => `${stage} ${percent(share)}`).join(', ')],
    ['network', `${summary.model}: ${summary.inferenceMs.median} ms a window (${summary.backend})`],
    [
      'onset to message',
      delaySeconds.median === null
        ? 'not measured: the recording was not played at real speed'
        : `median ${delaySeconds.median.toFixed(2)} s, 95 % within ${delaySeconds.p95!.toFixed(2)} s`,
    ],
    ['messages', messagesText(messages)],
    ['peak memory', `${summary.peakMemoryMiB} MiB`],
    ...(picture ? [['picture', picture]] : []),
  ];
  return lines.map(([name, value]) => `${name!.padEnd(20)}${value}`).join('\n');
}

function messagesText({ acknowledged, received, queued, dropped }: Summary['messages']): string {
  const lost = queued + dropped > 0 ? `, ${queued} still waiting, ${dropped} dropped` : '';
  return `${acknowledged} events acknowledged by the broker, ${received} received back${lost}`;
}

function speed({ streamSeconds, wallSeconds }: Summary): string {
  const ratio = streamSeconds / wallSeconds;
  return ratio.toFixed(ratio < 10 ? 2 : 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.001 ? 3 : share < 0.1 ? 2 : 1)} %`;
}

function rounded(value: number | null): number | null {
  return value === null ? null : round(value, 2);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
