// How far the flashing of a board came, in a file beside its log: an interrupted run goes on there.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { STORAGES } from '../../boards/board.ts';
import { jsonOrUndefined } from '../../runtime/json-text.ts';
import { UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';

const time = z.iso.datetime().nullable();

const FlashState = z.strictObject({
  format: z.literal('earshot-flash'),
  version: z.literal(1),
  board: z.string(),
  instance: z.string(),
  storage: z.enum(STORAGES),
  configuration: z.string(),
  bsp: z.string(),
  l4t: z.string(),
  begun: z.iso.datetime(),
  /** When each stage was done; null: not yet. */
  images: time,
  written: time,
  answered: time,
  /** Why the last run did not come to its end. */
  error: z.string().nullable(),
});
export type FlashState = z.infer<typeof FlashState>;

/** What must be the same for a run to go on where another one stopped. */
const SETTINGS = ['board', 'instance', 'storage', 'configuration', 'bsp', 'l4t'] as const;
export type FlashSettings = Pick<FlashState, (typeof SETTINGS)[number]>;

export const now = (): string => new Date().toISOString();

export function newState(settings: FlashSettings): FlashState {
  const done = { images: null, written: null, answered: null, error: null };
  return { format: 'earshot-flash', version: 1, ...settings, begun: now(), ...done };
}

const fileOf = (folder: string, { board, instance }: Pick<FlashState, 'board' | 'instance'>) =>
  join(folder, `${board}-${instance}.json`);

export async function writeState(folder: string, state: FlashState): Promise<void> {
  await writeWhole(fileOf(folder, state), `${JSON.stringify(state, null, 2)}\n`);
}

/**
 * What an earlier run left for a board; undefined when there is none.
 * @throws UserError when it was for other settings, or is no state
 */
export async function readState(folder: string, settings: FlashSettings): Promise<FlashState | undefined> {
  const file = fileOf(folder, settings);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UserError(`${file} cannot be read (${error.message}).`, { cause: error });
  });
  if (text === undefined) return undefined;
  const parsed = FlashState.safeParse(jsonOrUndefined(text));
  if (!parsed.success) throw new UserError(`${file} does not say how far a flash came: begin anew without --resume.`);
  const other = SETTINGS.find((key) => parsed.data[key] !== settings[key]);
  if (!other) return parsed.data;
  throw new UserError(
    `The run in ${folder} was for ${other} ${parsed.data[other]}, this is for ${settings[other]}: begin anew without --resume.`,
  );
}
