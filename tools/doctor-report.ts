// The support bundle of earshot doctor: what helps to find a fault, as a .tar.gz, with every secret hidden.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { release, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { boardIdentity } from '../runtime/device/board-identity.ts';
import { hideSecrets, withoutSecrets } from '../runtime/device/secrets.ts';
import { SelfLook } from '../runtime/device/self-look.ts';
import { jsonOrUndefined } from '../runtime/json-text.ts';
import type { NamedFinding } from './doctor-checks.ts';
import { version } from './package-version.ts';
import { writeWhole } from './write-whole.ts';

const JOURNAL_LINES = 2000;
/** Longest entry; of longer ones the end is kept. */
const LONGEST_BYTES = 1_000_000;
/** Where a device stands is its owner's business. */
const PRIVATE_KEYS = ['position', 'latitude', 'longitude', 'altitudeMetres'];
const TEXTS = [
  '/proc/cpuinfo',
  '/proc/meminfo',
  '/proc/asound/cards',
  '/proc/asound/devices',
  '/etc/os-release',
  '/etc/nv_tegra_release',
];

export interface ReportContents {
  readonly findings: readonly NamedFinding[];
  readonly configFile: string | undefined;
  readonly stateFolder: string | undefined;
}

/** Writes the bundle. @returns the names of its entries */
export async function writeReport(file: string, contents: ReportContents): Promise<string[]> {
  const entries = await collect(contents);
  const tar = pack();
  for (const [name, text] of entries) tar.entry({ name: `earshot-report/${name}`, mode: 0o600 }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  await writeWhole(file, gzipSync(Buffer.concat(chunks)));
  return [...entries.keys()];
}

/** Every text passes through the same sieve, whatever it is. */
async function collect({ findings, configFile, stateFolder }: ReportContents): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  const add = (name: string, value: unknown) => entries.set(name, safe(value));
  add('findings.json', findings);
  add('versions.json', { earshot: version, node: process.versions, arch: process.arch, kernel: release() });
  add('machine.json', await machine(stateFolder ?? '/'));
  if (configFile) await addFile(entries, 'settings.json', configFile);
  for (const name of ['last-exit.json', 'remote-settings.json']) {
    if (stateFolder) await addFile(entries, name, join(stateFolder, name));
  }
  for (const path of TEXTS) await addFile(entries, path.slice(1).replaceAll('/', '-').concat('.txt'), path);
  const journal = await printed('journalctl', [
    '-u',
    'earshot',
    '-n',
    String(JOURNAL_LINES),
    '-o',
    'cat',
    '--no-pager',
  ]);
  if (journal) add('journal.txt', journal);
  const cards = await printed('arecord', ['-l']);
  if (cards) add('arecord.txt', cards);
  return entries;
}

async function machine(folder: string): Promise<unknown> {
  const look = new SelfLook({ root: '/', stateFolder: folder });
  const [self, identity] = await Promise.all([look.look(), boardIdentity(look.files)]);
  return { ...self, identity, totalBytes: totalmem(), uptimeSeconds: uptime() };
}

/** A file that is not there is no part of the bundle. */
async function addFile(entries: Map<string, string>, name: string, path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const json = name.endsWith('.json') ? jsonOrUndefined(text) : undefined;
  entries.set(name, safe(json ?? text));
}

function safe(value: unknown): string {
  const text =
    typeof value === 'string' ? withoutSecrets(value) : JSON.stringify(withoutPlaces(hideSecrets(value)), null, 2);
  return text.slice(-LONGEST_BYTES);
}

function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      PRIVATE_KEYS.includes(key) && inner !== null ? '[hidden]' : withoutPlaces(inner),
    ]),
  );
}

async function printed(program: string, args: readonly string[]): Promise<string | undefined> {
  const options = { timeout: 10_000, maxBuffer: 16 * 2 ** 20 };
  return promisify(execFile)(program, args, options).then(
    ({ stdout }) => stdout,
    () => undefined, // this machine has no such program, or nothing to say
  );
}
