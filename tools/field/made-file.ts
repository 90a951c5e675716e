// A JSON file that one of our commands made and another reads: whole and of this version, or refused with the way to make it again.
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { jsonOrUndefined } from '../../runtime/json-text.ts';
import { UserError } from '../command.ts';

/**
 * @param kind what such files are called, e.g. scores.json
 * @param remedy how one is made, e.g. 'make it with "earshot field score"'
 * @throws UserError when the file is missing, or not of that kind
 */
export async function readMade<S extends z.ZodType>(
  file: string,
  schema: S,
  kind: string,
  remedy: string,
): Promise<z.infer<S>> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UserError(`Cannot read ${file}: ${remedy}.`, { cause });
  });
  const json = jsonOrUndefined(text);
  if (json === undefined) throw new UserError(`${file} is no JSON, so no ${kind}: ${remedy}.`);
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join('.') || 'file';
  throw new UserError(`${file} is no ${kind} of this version (${where}: ${issue?.message}): ${remedy}.`);
}
