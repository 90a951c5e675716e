// A model folder as the tools see it: network, weights and manifest, checked against each other; the manifest may be missing.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Manifest } from '../../models/manifest.ts';
import { UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { readJson } from './network-file.ts';

export const NETWORK = 'network.json';
export const WEIGHTS = 'weights.safetensors';
const MANIFEST = 'manifest.json';

/**
 * The manifest of a folder; network and weights beside it are as it says.
 * @returns undefined when there is none
 * @throws UserError when it breaks a rule, or a file is not the one it names
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) return undefined;
  const result = Manifest.safeParse(await readJson(file));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`${file} breaks a rule of model manifests: ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  for (const name of [NETWORK, WEIGHTS]) {
    const expected = result.data.files[name];
    if (expected && existsSync(join(folder, name))) await checkHash(join(folder, name), expected);
  }
  return result.data;
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeWhole(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function checkHash(file: string, expected: string): Promise<void> {
  const found = sha256(await readFile(file));
  if (found === expected) return;
  throw new UserError(
    `${file} has sha256 ${found.slice(0, 12)}…, its manifest says ${expected.slice(0, 12)}…: bring back the file the manifest was made for, or make a new manifest.`,
  );
}
