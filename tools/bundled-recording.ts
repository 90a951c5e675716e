// The recording that came with the package, for machines without a microphone.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';
import { UserError } from './command.ts';

const CANDIDATES = ['office.wav', 'office.flac'].map((name) => join(PACKAGE_ROOT, 'recordings', name));

/** Path of the bundled recording; its reference CSV lies beside it. @throws UserError when it is missing */
export function bundledRecording(): string {
  const found = CANDIDATES.find((file) => existsSync(file));
  if (!found) throw new UserError(`The bundled recording ${CANDIDATES[0]} is missing: name a recording of your own.`);
  return found;
}
