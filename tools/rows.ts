// models/train/rows.json: the trainings behind the tables of docs/results.md.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FORMATS, PRESET_NAMES } from '../models/presets.ts';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { UserError } from './command.ts';

const settings = {
  format: z.enum(FORMATS),
  preset: z.enum(PRESET_NAMES),
  fold: z.int().min(1).max(4),
  seed: z.int(),
  schedule: z.enum(['one-cycle', 'constant']),
  epochs: z.int().positive(),
  minutes: z.number().positive().describe('the most wall time of the training'),
};

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens');

/** One training, nothing left open. */
export const Row = z.strictObject({ name, network: name, ...settings });

const RowFile = z
  .strictObject({
    format: z.literal('earshot-rows'),
    version: z.literal(1),
    about: z.string(),
    defaults: z.strictObject(settings),
    rows: z.array(z.strictObject({ name, network: name, ...z.strictObject(settings).partial().shape })),
    tables: z.array(z.strictObject({ title: z.string(), paper: z.string().nullable(), rows: z.array(name) })),
  })
  .refine(({ rows }) => new Set(rows.map((row) => row.name)).size === rows.length, 'rows must have names of their own')
  .refine(
    ({ rows, tables }) =>
      tables.every((table) => table.rows.every((wanted) => rows.some((row) => row.name === wanted))),
    'tables must name rows that exist',
  );

export type RowFile = z.infer<typeof RowFile>;
export type Row = Readonly<z.infer<typeof Row>>;

export const ROW_FILE = join(PACKAGE_ROOT, 'models', 'train', 'rows.json');

/** @throws UserError when the file cannot be read or breaks a rule */
export async function readRows(file = ROW_FILE): Promise<{ rows: Row[]; tables: RowFile['tables'] }> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UserError(`${file} is no list of trainings (${(cause as Error).message}): see ${ROW_FILE}.`, { cause });
  }
  const result = RowFile.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`${file} breaks a rule: ${issue?.path.join('.') || 'file'}: ${issue?.message}.`);
  }
  const { defaults, rows, tables } = result.data;
  return { rows: rows.map((row) => ({ ...defaults, ...row })), tables };
}

/** Files of a row below the folder of all runs. */
export function rowFolder(runs: string, row: Pick<Row, 'name'>) {
  const folder = join(runs, row.name);
  return {
    run: join(folder, 'run'),
    model: join(folder, 'model'),
    scores: join(folder, 'scores.json'),
    predictions: join(folder, 'predictions'),
  };
}
