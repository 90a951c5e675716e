// The page of results: tables with intervals, results of others, what may be compared, and where every number comes from.
import type { RowFile } from '../rows.ts';
import { type Interval, RESAMPLINGS, type ScoreName } from './bootstrap.ts';
import { PAPER_NOTES, PUBLISHED } from './published.ts';
import type { Result, ResultSet } from './results-file.ts';

type Show = (value: number) => string;
const rate: Show = (value) => value.toFixed(3);
const percent: Show = (value) => (100 * value).toFixed(1);
const degrees: Show = (value) => value.toFixed(1);

const COLUMNS: readonly [name: ScoreName, title: string, show: Show][] = [
  ['ER', 'ER', rate],
  ['F1', 'F1 %', percent],
  ['DE', 'DE°', degrees],
  ['DE_official', 'DE official°', degrees],
  ['FR', 'FR %', percent],
  ['SELD', 'SELD', rate],
  ['ER20', 'ER20', rate],
  ['F20', 'F20 %', percent],
  ['LE_CD', 'LE_CD°', degrees],
  ['LR_CD', 'LR_CD %', percent],
];

const DIFFERENCES = COLUMNS.filter(([name]) => ['ER', 'F1', 'DE', 'FR', 'SELD'].includes(name));

const DIFFERENCE_NOTE =
  'The same draws of recordings taken for both rows; bold where 95 % of them lie on one side of zero. Another training seed may still turn it.';

const INTRODUCTION = `# Results

This page is written by \`earshot field results\`; nothing on it is typed. Rows are trained by \`earshot train rows\` and scored by
\`earshot field score\`, with the metrics of \`earshot field evaluate\`.

Each cell is the mean of ${RESAMPLINGS} resamplings over recordings, and below it the range that holds 95 % of them: how much of a difference may
come from the choice of recordings. It says nothing of another training seed. ER, F1, DE, FR, SELD are those of DCASE 2019; DE takes the predicted
angles as they are, "DE official" floors them to the 10° grid first, as the official scorer does, which costs 4° even where the angle is right.
SELD is the mean of ER, 1 - F1, DE official / 180 and 1 - FR. ER20, F20, LE_CD, LR_CD are the joint metrics of 2020 and later (micro). Lower is
better for ER, DE, SELD, ER20, LE_CD. GMAC and ms are the work of one window (6 s), the latter on one thread while scoring, the
median over the recording in which the machine was least busy with other things. Compare milliseconds within a table only: machines that
call themselves the same took 13 and 23 ms for one network.
`;

const COMPARISON = `## What may be compared

Our rows hear the events and layouts of TAU Spatial Sound Events 2019, its official folds and its label framing, rendered again by
\`earshot data synth\` in simulated rooms. The results of others were measured on the original recordings, in five measured rooms. Rows of ours may be
compared with each other: same recordings, same resamplings. Ours and others' may be compared only in what depends on the events and layouts;
simulated rooms lack the clutter of real ones, so part of any difference is the rooms. Ours are scored on the test split of the fold named in the
table below; others report all four folds. The paper does not say whether its directions were snapped to the grid, which hides errors below 5°, and
its intervals ("200 predictions with Monte Carlo simulation") are not defined; ours are as said above.
`;

export interface Results {
  readonly rows: readonly Result[];
  readonly others: readonly Result[];
  readonly tables: RowFile['tables'];
}

export function resultsPage(results: Results): string {
  return [
    INTRODUCTION,
    ...results.tables.map(({ title, paper, rows }) => {
      const chosen = rows.map((name) => results.rows.find((result) => result.name === name)!);
      return [table(title, chosen, paper === null ? undefined : PAPER_NOTES[paper]), differences(chosen)].join('\n');
    }),
    ...(results.others.length > 0 ? [table('Further models', results.others, undefined)] : []),
    others(),
    COMPARISON,
    provenance([...results.rows, ...results.others]),
  ].join('\n');
}

function table(title: string, results: readonly Result[], note: string | undefined): string {
  const head = ['', ...COLUMNS.map(([, title]) => title), 'parameters', 'GMAC', 'ms'];
  const rows = results.flatMap((result) => rowsOf(result));
  return [`## ${title}\n`, markdown([head, ...rows]), ...(note ? [`${note}\n`] : [])].join('\n');
}

/** What the later rows of a table gain or lose against its first. */
function differences([base, ...later]: readonly Result[]): string {
  const rows = later.flatMap(({ name, differences }) => {
    const found = differences.find(({ against }) => against === base!.name);
    return found ? [[name, ...DIFFERENCES.map(([score, , show]) => signedCell(found.intervals[score], show))]] : [];
  });
  if (rows.length === 0) return '';
  const head = [`against ${base!.name}`, ...DIFFERENCES.map(([, title]) => title)];
  return `${DIFFERENCE_NOTE}\n\n${markdown([head, ...rows])}`;
}

/** Bold where chance does not explain it. */
function signedCell(interval: Interval | null, show: Show): string {
  if (!interval) return '-';
  const [mean, low, high] = [interval.mean, interval.low, interval.high].map((value) => signed(value, show));
  return `${interval.low > 0 || interval.high < 0 ? `**${mean}**` : mean}<br>${low} to ${high}`;
}

/** With a minus sign, which Markdown's tables do not break a line at. */
function signed(value: number, show: Show): string {
  return `${value < 0 ? '−' : '+'}${show(Math.abs(value))}`;
}

/** The sets that judge: all but validation, which stands in, by its name, where a model was scored on nothing else. */
export function judging<T extends { readonly set: string }>(sets: readonly T[]): readonly T[] {
  const others = sets.filter(({ set }) => set !== 'validation');
  return others.length > 0 ? others : sets;
}

/** A line for each set that judges. */
function rowsOf({ name, model, sets }: Result): string[][] {
  const judges = judging(sets);
  if (!model || judges.length === 0) return [[name, 'not yet trained']];
  const cost = [
    model.parameters?.toLocaleString('en') ?? '-',
    model.macs === null ? '-' : (model.macs / 1e9).toFixed(3),
  ];
  return judges.map(({ set, intervals, windowMs }) => [
    judges.length > 1 || set === 'validation' ? `${name}: ${set}` : name,
    ...COLUMNS.map(([score, , show]) => cell(intervals[score], show)),
    ...[...cost, windowMs === null ? '-' : windowMs.toFixed(1)],
  ]);
}

function cell(interval: Interval | null, show: Show): string {
  return interval ? `${show(interval.mean)}<br>${show(interval.low)}–${show(interval.high)}` : '-';
}

function others(): string {
  const head = ['system', 'format', 'ER', 'F1 %', 'DE°', 'FR %', 'source'];
  const rows = PUBLISHED.map(({ system, format, ER, F1, DE, FR, source }) => [
    ...[system, format, rate(ER), percent(F1), degrees(DE), percent(FR), source],
  ]);
  return [
    '## Results of others\n',
    'On the development set of TAU Spatial Sound Events 2019, four folds.\n',
    markdown([head, ...rows]),
  ].join('\n');
}

function provenance(results: readonly Result[]): string {
  const head = ['', 'trained by', 'seed', 'epochs', 'minutes', 'training data', 'scored by', 'test data'];
  const rows = results.map((result) => {
    const { name, model, row, sets } = result;
    if (!model) return [name, row ? `\`earshot train rows --only ${name}\` (not yet)` : '-'];
    const { seed = '-', epochsDone = '-', trainedMinutes = '-' } = model.training;
    const command = model.command ? `\`${model.command}\`` : '-';
    const data = `\`${model.data.sha256.slice(0, 12)}\``;
    return [name, command, `${seed}`, `${epochsDone}`, `${trainedMinutes}`, data, scoredBy(sets), hashes(sets)];
  });
  const processors = [...new Set(results.flatMap(({ sets }) => sets.map(({ processor }) => processor)))];
  return [
    '## Where the numbers come from\n',
    'Data are named by the first digits of a sha256: of the training data over features and labels, of the test data over names, recordings and labels.\n',
    markdown([head, ...rows]),
    ...(processors.length > 0 ? [`Milliseconds were measured on: ${processors.join('; ')}.\n`] : []),
  ].join('\n');
}

function scoredBy(sets: readonly ResultSet[]): string {
  return [...new Set(sets.map(({ command }) => `\`${command}\``))].join('<br>');
}

function hashes(sets: readonly ResultSet[]): string {
  return judging(sets)
    .map(({ sha256 }) => `\`${sha256.slice(0, 12)}\``)
    .join('<br>');
}

function markdown([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${head!.map((_, i) => cells[i] ?? '').join(' | ')} |`;
  return [line(head!), `|${head!.map(() => '---').join('|')}|`, ...rows.map(line), ''].join('\n');
}
