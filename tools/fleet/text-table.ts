// Tables as a terminal shows them: columns as wide as their longest cell, cut where the terminal ends.
import { fitted, printable, textWidth } from './terminal-text.ts';

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

const BETWEEN = '  ';

/**
 * Head and rows as lines; every cell is made printable.
 * @param width columns of the terminal; the last column of the table is cut to fit
 */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width = Infinity): string[] {
  const cells = rows.map((row) => columns.map(({ of }) => printable(of(row))));
  const widths = columns.map(({ title }, c) =>
    cells.reduce((widest, row) => Math.max(widest, textWidth(row[c]!)), title.length),
  );
  const line = (texts: readonly string[]) => {
    const whole = texts.map((text, c) => fitted(text, widths[c]!, columns[c]!.align)).join(BETWEEN);
    return textWidth(whole) > width ? fitted(whole, width) : whole.trimEnd();
  };
  return [columns.map(({ title }) => title), ...cells].map(line);
}

/** Prints a table on standard output: whole lines into pipes and files, cut lines into a terminal. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  for (const line of tableLines(columns, rows, width || Infinity)) process.stdout.write(`${line}\n`);
}

/** A moment as people compare it: 12 s ago, 3 h ago, 5 d ago; a clock that is ahead says now. */
export function ago(time: string | null, nowMs = Date.now()): string {
  if (time === null) return '-';
  const seconds = (nowMs - Date.parse(time)) / 1000;
  if (seconds < 1) return 'now';
  if (seconds < 120) return `${Math.round(seconds)} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** Values as a row of bars from the lowest to the highest of them; a gap where nothing is known. */
export function sparkline(values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return values
    .map((value) => {
      if (value === null) return ' ';
      return BARS[span === 0 ? 0 : Math.min(BARS.length - 1, Math.floor((BARS.length * (value - low)) / span))];
    })
    .join('');
}
