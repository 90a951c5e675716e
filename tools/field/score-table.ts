// Scores as a table for people: the metrics of 2019 above, the joint ones below, a line for each part.
import type { PartScores } from './breakdown.ts';
import type { AllScores } from './metrics/scores.ts';

type Cell = (part: PartScores) => string;

const rate = (value: number | null) => (value === null ? '-' : value.toFixed(3));
const angle = (value: number | null) => (value === null ? '-' : `${value.toFixed(2)}°`);

const COLUMNS_2019: readonly [title: string, cell: Cell][] = [
  ['ER', ({ scores }) => rate(scores.ER)],
  ['F1', ({ scores }) => rate(scores.F1)],
  ['DE', ({ scores }) => angle(scores.DE)],
  ['DE snapped', ({ scores }) => angle(scores.DE_snapped)],
  ['DE unsnapped', ({ scores }) => angle(scores.DE_unsnapped)],
  ['FR', ({ scores }) => rate(scores.FR)],
  ['SELD', ({ scores }) => rate(scores.SELD)],
];

function jointColumns(average: 'joint_micro' | 'joint_macro'): [title: string, cell: Cell][] {
  return [
    ['F20', ({ scores }) => rate(scores[average].F20)],
    ['LE_CD', ({ scores }) => angle(scores[average].LE_CD)],
    ['LR_CD', ({ scores }) => rate(scores[average].LR_CD)],
    ['SELD', ({ scores }) => rate(scores[average].SELD)],
  ];
}

const COLUMNS_JOINT: readonly [title: string, cell: Cell][] = [
  ['ER20', ({ scores }) => rate(scores.joint_micro.ER20)],
  ...jointColumns('joint_micro'),
  ['| macro', () => '|'],
  ...jointColumns('joint_macro'),
];

const NOTES = `DE: the official run, which floors predicted angles to the 10° grid. DE snapped: predictions rounded to the nearest 10° first.
DE unsnapped: no grid, one direction per class and frame. Joint: right class and within 20°; in macro an absent class counts F20 0, LE_CD 180°.
`;

export function scoreTable(parts: readonly PartScores[]): string {
  return [section('DCASE 2019', COLUMNS_2019, parts), section('Joint, micro', COLUMNS_JOINT, parts), NOTES].join('\n');
}

/** The scores that matter most in a line. */
export function oneLine(scores: AllScores): string {
  const joint = scores.joint_micro;
  return [
    `ER ${rate(scores.ER)}, F1 ${rate(scores.F1)}, DE ${angle(scores.DE_unsnapped)} (official ${angle(scores.DE)})`,
    `FR ${rate(scores.FR)}, SELD ${rate(scores.SELD)}, ER20 ${rate(joint.ER20)}, F20 ${rate(joint.F20)}`,
    `LE_CD ${angle(joint.LE_CD)}, LR_CD ${rate(joint.LR_CD)}`,
  ].join(', ');
}

function section(title: string, columns: readonly [string, Cell][], parts: readonly PartScores[]): string {
  const rows = [
    [title, ...columns.map(([name]) => name)],
    ...parts.map((part) => [`${part.part} ${part.value}`.trim(), ...columns.map(([, cell]) => cell(part))]),
  ];
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, c) =>
        c === 0 || cell === '|' || cell.startsWith('| ') ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!),
      )
      .join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}
