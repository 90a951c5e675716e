// References and predictions found by name: two files, or two folders with files of the same names.
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../command.ts';

export interface ScenePair {
  /** File name without .csv. */
  readonly name: string;
  readonly reference: string;
  /** Undefined where there is none, which stands for silence. */
  readonly prediction: string | undefined;
}

export interface Pairing {
  readonly pairs: readonly ScenePair[];
  /** Names of predictions that no reference asks for. */
  readonly extra: readonly string[];
}

/**
 * Pairs the CSV files of two folders by name, ordered by name; two files are a pair whatever their names.
 * @param missingAsSilence take a recording without a prediction as one in which nothing was heard
 * @throws UserError naming what is missing
 */
export async function findPairs(reference: string, prediction: string, missingAsSilence: boolean): Promise<Pairing> {
  if ((await isFolder(reference)) === false && (await isFolder(prediction)) === false)
    return { pairs: [{ name: stem(reference), reference, prediction }], extra: [] };
  const references = await csvFiles(reference);
  const predictions = await csvFiles(prediction);
  const missing = [...references.keys()].filter((name) => !predictions.has(name));
  if (missing.length > 0 && !missingAsSilence)
    throw new UserError(
      `${prediction} has no ${listed(missing)} for the reference of that name in ${reference}: predict it, or add --missing-as-silence`,
    );
  const pairs = [...references].map(([name, path]) => ({ name, reference: path, prediction: predictions.get(name) }));
  return { pairs, extra: [...predictions.keys()].filter((name) => !references.has(name)) };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new UserError(`There is no ${path}: give a CSV file or a folder of them`, { cause });
  }
}

/** The files by their names without .csv. */
async function csvFiles(path: string): Promise<Map<string, string>> {
  if (!(await isFolder(path))) return new Map([[stem(path), path]]);
  const names = (await readdir(path)).filter((name) => name.endsWith('.csv')).sort(byNumber);
  if (names.length === 0) throw new UserError(`${path} holds no .csv file: give the folder that does`);
  return new Map(names.map((name) => [stem(name), join(path, name)]));
}

/** split1_ir0_ov1_2 before split1_ir0_ov1_10. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function stem(path: string): string {
  return basename(path, '.csv');
}

function listed(names: readonly string[]): string {
  const more = names.length > 1 ? ` and ${names.length - 1} more` : '';
  return `${names[0]}.csv${more}`;
}
