// scores.json: what a model heard in sets of recordings, as counts per recording that any table can be formed from.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { writeWhole } from '../write-whole.ts';
import { readMade } from './made-file.ts';

const Counts2019 = z.strictObject({
  ...{ S: z.number(), D: z.number(), I: z.number(), TP: z.number(), Nref: z.number(), Nsys: z.number() },
  ...{ frames: z.number(), good: z.number(), doa_sum: z.number(), doa_cnt: z.number() },
});

const ClassCounts = z.strictObject({
  ...{ TP: z.number(), FPspatial: z.number(), FP: z.number(), FN: z.number() },
  ...{ Nref: z.number(), angleSum: z.number(), matched: z.number() },
});

const RecordingCounts = z.strictObject({
  official: Counts2019,
  snapped: Counts2019,
  unsnapped: Counts2019,
  joint: z.strictObject({ classes: z.array(ClassCounts).readonly(), S: z.number(), D: z.number(), I: z.number() }),
});

const Bin = z.strictObject({
  ...{ from: z.number(), to: z.number() },
  ...{ count: z.number(), confidenceSum: z.number(), right: z.number() },
});

export const ScoredSet = z.strictObject({
  set: z.string().describe('validation, test, or a name of your own'),
  splits: z.array(z.int()).readonly().nullable(),
  folders: z.array(z.string()).describe('names of the data folders'),
  command: z.string(),
  sha256: z.string().describe('over names, recordings and labels'),
  lookaheadFrames: z.int().describe('feature frames of future a score waited for'),
  windowMs: z.number().nullable().describe('time of a window on one thread, median over the quietest recording'),
  processor: z.string(),
  recordings: z.array(z.strictObject({ name: z.string(), seconds: z.number(), counts: RecordingCounts })).min(1),
  classes: z.array(z.strictObject({ label: z.string(), official: Counts2019, unsnapped: Counts2019 })),
  diagnosis: z.strictObject({
    elevations: z
      .array(z.strictObject({ elevation: z.number(), frames: z.number(), heard: z.number(), angleSum: z.number() }))
      .readonly(),
    confusion: z.array(z.array(z.number()).readonly()).readonly(),
    invented: z.array(z.number()).readonly(),
  }),
  reliability: z.strictObject({ frames: z.array(Bin).readonly(), events: z.array(Bin).readonly() }),
});

export const ScoredModel = z.strictObject({
  name: z.string(),
  sha256: z.string().describe('of the weights'),
  labels: z.array(z.string()),
  features: z.strictObject({ preset: z.string(), format: z.string() }),
  output: z.string(),
  timePooling: z.int(),
  network: z.string().nullable().describe('name of its description'),
  parameters: z.int().nullable(),
  macs: z.number().nullable().describe('multiply-accumulates per window'),
  windowSeconds: z.number(),
  thresholds: z.strictObject({ onset: z.array(z.number()), offset: z.array(z.number()) }),
  data: z.strictObject({ sha256: z.string(), seed: z.int() }).describe('it was trained on'),
  training: z.record(z.string(), z.union([z.string(), z.number()])),
  command: z.string().nullable().describe('that trained it'),
});

const ScoreFile = z.strictObject({
  format: z.literal('earshot-scores'),
  version: z.literal(1),
  model: ScoredModel,
  sets: z.array(ScoredSet),
});

export type ScoreFile = z.infer<typeof ScoreFile>;
export type ScoredSet = z.infer<typeof ScoredSet>;

/** @throws UserError when the file is missing or no scores.json */
export function readScoreFile(file: string): Promise<ScoreFile> {
  return readMade(file, ScoreFile, 'scores.json', 'make it with "earshot field score"');
}

/** Writes sets into a score file; sets of other names that it holds for the same weights and thresholds stay. */
export async function writeScores(file: string, model: ScoreFile['model'], sets: readonly ScoredSet[]): Promise<void> {
  const before = existsSync(file) ? await readScoreFile(file) : undefined;
  const isSame = before?.model.sha256 === model.sha256 && same(before.model.thresholds, model.thresholds);
  const kept = isSame ? before.sets.filter(({ set }) => !sets.some((other) => other.set === set)) : [];
  const content: ScoreFile = { format: 'earshot-scores', version: 1, model, sets: [...kept, ...sets] };
  await writeWhole(file, `${JSON.stringify(content, shortened)}\n`);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Sums of angles need no sixteen digits. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;
}
