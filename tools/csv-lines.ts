// Comma-separated lines with the place of every mistake: what all readers of scene files share.
import { UserError } from './command.ts';

/** One line of a file, split at its commas. */
export interface CsvLine {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly values: readonly string[];
}

/** The non-empty lines of a text, with their numbers; a byte order mark and either kind of line end are accepted. */
export function csvLines(text: string, path: string): CsvLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((row, i) => ({ path, line: i + 1, values: row.split(',').map((value) => value.trim()) }))
    .filter(({ values }) => values.length > 1 || values[0] !== '');
}

export function errorAt({ path, line }: Pick<CsvLine, 'path' | 'line'>, message: string): UserError {
  return new UserError(`${path} line ${line}: ${message}`);
}

export interface NumberRule {
  readonly lowest: number;
  readonly highest?: number;
  readonly whole?: boolean;
}

/** @throws UserError naming file, line, value and rule */
export function numberAt(at: CsvLine, column: number, name: string, { lowest, highest, whole }: NumberRule): number {
  const text = at.values[column]!;
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) throw errorAt(at, `${name}="${text}" is not a number`);
  if (whole && !Number.isInteger(value)) throw errorAt(at, `${name}=${text} must be a whole number`);
  if (value < lowest || value > (highest ?? Number.POSITIVE_INFINITY))
    throw errorAt(
      at,
      `${name}=${text} must ${highest === undefined ? `be ${lowest} or more` : `lie in ${lowest}..${highest}`}`,
    );
  return value;
}

export const AZIMUTH: NumberRule = { lowest: -180, highest: 180 };
export const ELEVATION: NumberRule = { lowest: -90, highest: 90 };
