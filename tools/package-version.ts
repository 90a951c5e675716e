// The version of this package, as package.json states it.
import { readFileSync } from 'node:fs';
import { PACKAGE_ROOT } from '../runtime/worker-file.ts';

export const { version } = JSON.parse(readFileSync(`${PACKAGE_ROOT}package.json`, 'utf8')) as { version: string };
