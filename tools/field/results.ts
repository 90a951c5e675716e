// `earshot field results`: the result tables of all scored rows, as a page for people and as JSON.
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { ROW_FILE, type Row, type RowFile, readRows, rowFolder } from '../rows.ts';
import { writeWhole } from '../write-whole.ts';
import { named, resample, resampleDifference } from './bootstrap.ts';
import { addCounts, allScores } from './metrics/scores.ts';
import { type Difference, type Result, type ResultSet, readResults, writeResults } from './results-file.ts';
import { judging, resultsPage } from './results-page.ts';
import { readScoreFile, type ScoredSet } from './score-file.ts';

interface Options {
  readonly runs?: string;
  readonly published?: string;
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
    .option('--runs <folder>', 'where "earshot train rows" keeps the rows')
    .option(
      '--published <file>',
      'results.json of an earlier page: rows that RUNS does not hold stand as they do there',
    )
    .option('--model <scores>', 'scores.json of a further model; may be given again', more, [])
    .option('--rows <file>', 'another list of rows', ROW_FILE)
    .option('--out <file>', 'Markdown page to write; a JSON file of the same name stands beside it')
    .option('--json', 'print one JSON object per row', false)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot field results --runs runs --out docs/results.md\n' +
        '  earshot field results --runs runs --model office-foa-scores.json --json\n' +
        '  # the same page with another model, long after the runs are gone\n' +
        '  earshot field results --published docs/results.json --model office-foa-scores.json --out docs/results.md',
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { runs, published, out } = options;
  if (!out && !options.json)
    throw new UserError('Say with --out FILE.md where the page goes, or print JSON with --json.');
  if (!runs && !published)
    throw new UserError(
      'Say with --runs FOLDER where the rows are, or with --published FILE.json which results stand.',
    );
  if (runs && !existsSync(runs))
    throw new UserError(`There is no folder ${runs}: name the one that "earshot train rows" keeps.`);
  const { rows, tables } = await readRows(options.rows);
  const before = published ? await readResults(published) : [];
  const heard = await Promise.all(rows.map((row) => heardRow(row, runs, before)));
  const found = heard.map((one) => ({ ...one.result, differences: differences(one, heard, tables) }));
  const others = await Promise.all(options.model.map(async (file) => (await heardModel(file)).result));
  const all = [...found, ...others];
  if (out) {
    await writeWhole(out, resultsPage({ rows: found, others, tables }));
    await writeResults(out.replace(/(\.md)?$/, '.json'), all);
  }
  if (options.json) for (const result of all) printJson(result);
  else process.stdout.write(`${out}: ${all.filter(({ model }) => model).length} of ${all.length} trained and scored\n`);
}

/** A result, and the recordings that it was counted on where they are at hand. */
interface Heard {
  readonly result: Result;
  readonly sets: readonly ScoredSet[];
}

/** From its run, else as it was published with the same settings, else not yet trained. */
async function heardRow(row: Row, runs: string | undefined, before: readonly Result[]): Promise<Heard> {
  const file = runs && rowFolder(runs, row).scores;
  if (file && existsSync(file)) return heardModel(file, row);
  const kept = before.find((result) => result.name === row.name && isDeepStrictEqual(result.row, row));
  const untrained: Result = { name: row.name, state: 'not yet trained', row, sets: [], differences: [] };
  return { result: kept ?? untrained, sets: [] };
}

async function heardModel(file: string, row?: Row): Promise<Heard> {
  const { model, sets } = await readScoreFile(file);
  const { labels, thresholds, ...shown } = model;
  const result: Result = {
    ...{ name: row?.name ?? model.name, state: 'scored' },
    ...{ ...(row && { row }), model: shown, sets: sets.map(scored), differences: [] },
  };
  return { result, sets };
}

function scored(set: ScoredSet): ResultSet {
  const { classes, diagnosis, reliability, folders, recordings, ...facts } = set;
  const counts = countsOf(set);
  return {
    ...{ ...facts, recordings: recordings.length },
    ...{ scores: named(allScores(addCounts(counts))), intervals: resample(counts) },
  };
}

function countsOf({ recordings }: ScoredSet) {
  return recordings.map(({ counts }) => counts);
}

/** What a row gains or loses against the first rows of its tables: of both runs, else as it was published if both were. */
function differences({ result, sets }: Heard, all: readonly Heard[], tables: RowFile['tables']): readonly Difference[] {
  const bases = tables.filter(({ rows }) => rows.indexOf(result.name) > 0).map(({ rows }) => rows[0]);
  return [...new Set(bases)].flatMap((against) => {
    const base = all.find((other) => other.result.name === against)!;
    if (sets.length === 0 && base.sets.length === 0)
      return result.differences.filter((kept) => kept.against === against);
    const [set, baseSet] = [judging(sets)[0], judging(base.sets)[0]];
    if (!set || !baseSet || !isDeepStrictEqual(namesOf(set), namesOf(baseSet))) return [];
    return [{ against: against!, intervals: resampleDifference(countsOf(set), countsOf(baseSet)) }];
  });
}

function namesOf({ recordings }: ScoredSet) {
  return recordings.map(({ name }) => name);
}

function more(file: string, before: readonly string[]): string[] {
  return [...before, file];
}
