// `earshot field results`: the result tables of all scored rows, as a page for people and as JSON.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { ROW_FILE, type Row, type RowFile, readRows, rowFolder } from '../rows.ts';
import { writeWhole } from '../write-whole.ts';
import { type Interval, type NamedScores, named, resample, resampleDifference, type ScoreName } from './bootstrap.ts';
import { addCounts, allScores } from './metrics/scores.ts';
import { resultsPage } from './results-page.ts';
import { readScoreFile, type ScoredSet, type ScoreFile } from './score-file.ts';

/** A set that a model was scored on, with its scores and how far they depend on the choice of recordings. */
export interface ResultSet {
  readonly set: ScoredSet;
  readonly scores: NamedScores;
  readonly intervals: Readonly<Record<ScoreName, Interval | null>>;
}

/** How much better or worse a set's scores are than another model's on the same recordings; undefined where the recordings differ. */
export function difference(
  { set }: ResultSet,
  { set: base }: ResultSet,
): Readonly<Record<ScoreName, Interval | null>> | undefined {
  const same = set.recordings.length === base.recordings.length;
  if (!same || set.recordings.some(({ name }, i) => name !== base.recordings[i]!.name)) return undefined;
  return resampleDifference(countsOf(set), countsOf(base));
}

export interface Result {
  readonly name: string;
  /** Undefined for models that are no row. */
  readonly row: Row | undefined;
  /** Undefined where a row is not trained yet. */
  readonly model: ScoreFile['model'] | undefined;
  readonly sets: readonly ResultSet[];
}

export interface Results {
  readonly rows: readonly Result[];
  readonly others: readonly Result[];
  readonly tables: RowFile['tables'];
}

interface Options {
  readonly runs: string;
  readonly model: readonly string[];
  readonly rows: string;
  readonly out?: string;
  readonly json: boolean;
}

export function resultsCommand(): Command {
  return new Command('results')
    .summary('the result tables of all trained rows')
    .description(
      'Forms the tables from RUNS/ROW/scores.json: mean and 95 % interval of 200 resamplings over recordings, cost, provenance of\n' +
        'every number, and the results of others beside them. Rows that are not trained are listed as that.',
    )
    .requiredOption('--runs <folder>', 'where "earshot train rows" keeps the rows')
    .option('--model <scores>', 'scores.json of a further model; may be given again', more, [])
    .option('--rows <file>', 'another list of rows', ROW_FILE)
    .option('--out <file>', 'Markdown page to write; a JSON file of the same name stands beside it')
    .option('--json', 'print one JSON object per row', false)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field results --runs runs --out docs/results.md\n' +
        '  earshot field results --runs runs --model office-foa-scores.json --json',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  if (!options.out && !options.json)
    throw new UserError('Say with --out FILE.md where the page goes, or print JSON with --json.');
  const { rows, tables } = await readRows(options.rows);
  const results: Results = {
    rows: await Promise.all(rows.map((row) => resultOf(row.name, rowFolder(options.runs, row).scores, row))),
    others: await Promise.all(options.model.map((file) => resultOf(undefined, file, undefined))),
    tables,
  };
  const all = [...results.rows, ...results.others];
  if (options.out) {
    await writeWhole(options.out, resultsPage(results));
    await writeWhole(options.out.replace(/(\.md)?$/, '.json'), `${JSON.stringify(all.map(asJson), null, 1)}\n`);
  }
  if (options.json) for (const result of all) printJson(asJson(result));
  else
    process.stdout.write(
      `${options.out}: ${all.filter(({ model }) => model).length} of ${all.length} trained and scored\n`,
    );
}

/** @param name of a row; a further model has its own, and its scores must be there */
async function resultOf(name: string | undefined, file: string, row: Row | undefined): Promise<Result> {
  if (name !== undefined && !existsSync(file)) return { name, row, model: undefined, sets: [] };
  const { model, sets } = await readScoreFile(file);
  return { name: name ?? model.name, row, model, sets: sets.map(scored) };
}

function scored(set: ScoredSet): ResultSet {
  const counts = countsOf(set);
  return { set, scores: named(allScores(addCounts(counts))), intervals: resample(counts) };
}

function countsOf(set: ScoredSet) {
  return set.recordings.map((recording) => recording.counts);
}

function asJson({ name, row, model, sets }: Result) {
  return {
    name,
    state: model ? 'scored' : 'not yet trained',
    ...(row && { row }),
    ...(model && { model: { ...model, labels: undefined, thresholds: undefined } }),
    sets: sets.map(({ set, scores, intervals }) => {
      const { splits, command, sha256, lookaheadFrames, windowMs, processor, recordings } = set;
      const facts = { splits, command, sha256, lookaheadFrames, windowMs, processor };
      return { set: set.set, recordings: recordings.length, ...facts, scores, intervals };
    }),
  };
}

function more(file: string, before: readonly string[]): string[] {
  return [...before, file];
}
