// Network descriptions on disk: files of the user's, and those that came with the package by their names.
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type NetworkDescription, parseNetwork } from '../../models/network.ts';
import { nearestName } from '../../runtime/nearest-name.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { UserError } from '../command.ts';

const NETWORKS = join(PACKAGE_ROOT, 'models', 'networks');

/** Names of the descriptions that came with the package. */
export function shippedNetworks(): string[] {
  return readdirSync(NETWORKS)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}

/**
 * Reads and checks a description.
 * @param nameOrFile a shipped network's name, or the path of a file (with a slash or .json)
 * @throws UserError when there is none, or it breaks a rule
 */
export async function readNetwork(nameOrFile: string): Promise<NetworkDescription> {
  if (/[/\\]|\.json$/.test(nameOrFile)) return readNetworkFile(nameOrFile);
  const names = shippedNetworks();
  if (names.includes(nameOrFile)) return readNetworkFile(join(NETWORKS, `${nameOrFile}.json`));
  throw new UserError(
    `There is no network "${nameOrFile}", did you mean "${nearestName(nameOrFile, names)}"? Known: ${names.join(', ')}; or give a file.`,
  );
}

async function readNetworkFile(file: string): Promise<NetworkDescription> {
  return parseNetwork(await readJson(file), file);
}

/** @throws UserError when the file is missing or no JSON */
export async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`Cannot read ${file}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.code}.`, {
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${file} is no JSON: ${(cause as Error).message}.`, { cause });
  }
}
