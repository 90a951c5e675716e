// Pairs references with predictions so that the angles between them are least in sum.
import { angleBetween } from '../../../runtime/directions.ts';
import type { Row } from './frames.ts';

export interface Pair {
  /** Places in the two lists. */
  readonly reference: number;
  readonly prediction: number;
  /** Great-circle angle in degrees. */
  readonly angle: number;
}

/** Pairs of the shorter list's length, ordered by reference; where sums are equal the choice is scipy's, as in the official scorers. */
export function pairByAngle(references: readonly Row[], predictions: readonly Row[]): Pair[] {
  if (references.length === 0 || predictions.length === 0) return [];
  const angles = references.map((r) =>
    predictions.map((p) => angleBetween(r.azimuth, r.elevation, p.azimuth, p.elevation)),
  );
  const columns = leastSum(angles);
  return columns.flatMap((prediction, reference) =>
    prediction < 0 ? [] : [{ reference, prediction, angle: angles[reference]![prediction]! }],
  );
}

/**
 * Assignment of least sum: shortest augmenting paths (Crouse, IEEE Trans. AES 52, 2016), step by step as
 * scipy.optimize.linear_sum_assignment, so that ties fall the same way.
 * @param cost (rows, columns)
 * @returns the column of each row, -1 where there are more rows than columns and a row goes without
 */
export function leastSum(cost: readonly (readonly number[])[]): number[] {
  const rows = cost.length;
  const columns = cost[0]?.length ?? 0;
  if (rows === 1 && columns === 1) return [0];
  if (rows <= columns) return assignRows(cost, columns);
  const rowOfColumn = assignRows(transposed(cost, columns), rows);
  const columnOfRow = new Array<number>(rows).fill(-1);
  for (const [column, row] of rowOfColumn.entries()) columnOfRow[row] = column;
  return columnOfRow;
}

function transposed(cost: readonly (readonly number[])[], columns: number): number[][] {
  return Array.from({ length: columns }, (_, j) => cost.map((row) => row[j]!));
}

interface Search {
  readonly cost: readonly (readonly number[])[];
  /** Dual variables of rows and columns. */
  readonly u: number[];
  readonly v: number[];
  readonly columnOfRow: number[];
  readonly rowOfColumn: number[];
}

interface Path {
  readonly sink: number;
  /** Length of the path. */
  readonly length: number;
  /** Row from which each column was reached, and at what length. */
  readonly reachedFrom: readonly number[];
  readonly lengths: readonly number[];
  readonly visitedRows: ReadonlySet<number>;
  readonly visitedColumns: ReadonlySet<number>;
}

function assignRows(cost: readonly (readonly number[])[], columns: number): number[] {
  const rows = cost.length;
  const search: Search = {
    cost,
    u: new Array(rows).fill(0),
    v: new Array(columns).fill(0),
    columnOfRow: new Array(rows).fill(-1),
    rowOfColumn: new Array(columns).fill(-1),
  };
  for (let row = 0; row < rows; row++) augment(search, row, shortestPath(search, row));
  return search.columnOfRow;
}

function shortestPath({ cost, u, v, rowOfColumn }: Search, from: number): Path {
  const lengths = v.map(() => Number.POSITIVE_INFINITY);
  const reachedFrom = v.map(() => -1);
  // Reversed, so that equal costs give the identity.
  const remaining = v.map((_, i) => v.length - 1 - i);
  const visitedRows = new Set<number>();
  const visitedColumns = new Set<number>();
  let length = 0;
  for (let row = from; ; ) {
    visitedRows.add(row);
    let best = -1;
    let lowest = Number.POSITIVE_INFINITY;
    for (const [place, column] of remaining.entries()) {
      const reached = length + cost[row]![column]! - u[row]! - v[column]!;
      if (reached < lengths[column]!) {
        reachedFrom[column] = row;
        lengths[column] = reached;
      }
      // Of equal columns a free one is taken.
      if (lengths[column]! < lowest || (lengths[column] === lowest && rowOfColumn[column] === -1)) {
        lowest = lengths[column]!;
        best = place;
      }
    }
    length = lowest;
    const column = remaining[best]!;
    visitedColumns.add(column);
    if (rowOfColumn[column] === -1) return { sink: column, length, reachedFrom, lengths, visitedRows, visitedColumns };
    row = rowOfColumn[column]!;
    remaining[best] = remaining.at(-1)!;
    remaining.pop();
  }
}

function augment({ u, v, columnOfRow, rowOfColumn }: Search, from: number, path: Path): void {
  u[from]! += path.length;
  for (const row of path.visitedRows) if (row !== from) u[row]! += path.length - path.lengths[columnOfRow[row]!]!;
  for (const column of path.visitedColumns) v[column]! -= path.length - path.lengths[column]!;
  for (let column = path.sink; ; ) {
    const row = path.reachedFrom[column]!;
    rowOfColumn[column] = row;
    [columnOfRow[row], column] = [column, columnOfRow[row]!];
    if (row === from) return;
  }
}
