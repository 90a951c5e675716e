// results.json: the scores of rows and models as their page shows them, which outlive the runs that they come from.
import { z } from 'zod';
import { Row } from '../rows.ts';
import { writeWhole } from '../write-whole.ts';
import { SCORE_NAMES } from './bootstrap.ts';
import { readMade } from './made-file.ts';
import { ScoredModel, ScoredSet } from './score-file.ts';

const Interval = z.strictObject({ mean: z.number(), low: z.number(), high: z.number() });
const Intervals = z.record(z.enum(SCORE_NAMES), Interval.nullable());

const ResultSet = ScoredSet.pick({
  ...({ set: true, splits: true, command: true, sha256: true } as const),
  ...({ lookaheadFrames: true, windowMs: true, processor: true } as const),
}).extend({
  recordings: z.int().positive(),
  scores: z.record(z.enum(SCORE_NAMES), z.number().nullable()),
  intervals: Intervals.describe('over the choice of recordings'),
});

const Difference = z.strictObject({ against: z.string().describe('another row'), intervals: Intervals });

const Result = z.strictObject({
  name: z.string(),
  state: z.enum(['scored', 'not yet trained']),
  row: Row.optional().describe('missing of models that are no row'),
  model: ScoredModel.omit({ labels: true, thresholds: true }).optional(),
  sets: z.array(ResultSet).readonly(),
  differences: z
    .array(Difference)
    .readonly()
    .describe('from the first rows of its tables, draw by draw of the same recordings'),
});

const ResultFile = z.strictObject({
  format: z.literal('earshot-results'),
  version: z.literal(1),
  results: z.array(Result),
});

export type Intervals = z.infer<typeof Intervals>;
/** A set that a model was scored on, with its scores and how far they depend on the choice of recordings. */
export type ResultSet = z.infer<typeof ResultSet>;
export type Difference = z.infer<typeof Difference>;
export type Result = z.infer<typeof Result>;

/** @throws UserError when the file is missing or no results.json of this version */
export async function readResults(file: string): Promise<readonly Result[]> {
  const { results } = await readMade(file, ResultFile, 'results.json', 'name one that "earshot field results" wrote');
  return results;
}

/** Keys stand in the schema's order, so that what has not changed leaves the file as it was. */
export async function writeResults(file: string, results: readonly Result[]): Promise<void> {
  const content = ResultFile.parse({ format: 'earshot-results', version: 1, results });
  await writeWhole(file, `${JSON.stringify(content, null, 1)}\n`);
}
