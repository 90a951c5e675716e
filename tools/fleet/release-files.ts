// The files of a runtime release: what was built here, the packages it needs for the device's processor, and nothing else.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { UserError } from '../command.ts';
import { elfFacts, isElf, isForeignProgram } from './release-elf.ts';

export type Architecture = 'arm64' | 'x64';

/** Paths in the release and where they come from in the package; folders are taken with all that is in them. */
const OWN = [
  ...['package.json', 'LICENSE', 'NOTICE', 'bin', 'dist', 'boards', 'recordings', 'models'],
  ...['runtime/device/systemd', 'runtime/inference/trt-runner'],
];
/** Sources, tests, and what only a workstation needs. */
const LEFT_OUT = [
  /^dist\/(test|tsconfig)/,
  /^models\/train\//,
  /^models\/[^/]+\/(weights\.safetensors|learning-curve\.png|scores\.json)$/,
  /^runtime\/inference\/trt-runner\/build\//,
  /\.(ts|tsbuildinfo|map|cts|mts)$/,
];
/** In packages: nothing of it is loaded. Licences stay. */
const NO_PROGRAM = [
  /(^|\/)\./,
  /\.(ts|cts|mts|map|tsbuildinfo|markdown|exe|flow)$/i,
  /^node_modules\/(@[^/]+\/)?[^/]+(\/node_modules\/(@[^/]+\/)?[^/]+)*\/(tests?|__tests__|fixtures?|benchmarks?|examples?)\//,
  /(^|\/)(?!licen[cs]e|notice|copying)[^/]*\.md$/i,
];

export interface ReleaseFiles {
  readonly files: Map<string, Buffer>;
  readonly executables: Set<string>;
  /** Newest glibc that a program in it needs, and which program. */
  readonly glibc: { readonly version: string; readonly path: string } | null;
  /** Native programs that were kept. */
  readonly natives: readonly string[];
}

export interface ReleaseInputs {
  readonly architecture: Architecture;
  /** node_modules for that processor. */
  readonly modules: string;
  /** The program node, where the release brings one. */
  readonly node?: Buffer;
  /** Of models/; all that are shipped when left out. */
  readonly models?: readonly string[];
  /** Folder of the package; default this one. */
  readonly packageRoot?: string;
  /** Further files by path, as the list of trusted keys. */
  readonly more?: ReadonlyMap<string, Buffer>;
}

/** @throws UserError when something is missing or is for another processor */
export async function releaseFiles(inputs: ReleaseInputs): Promise<ReleaseFiles> {
  const { architecture, modules, node, models, packageRoot = PACKAGE_ROOT, more = new Map() } = inputs;
  const files = new Map<string, Buffer>();
  const isChosen = (path: string) => {
    const model = /^models\/([^/]+)\//.exec(path)?.[1];
    return model === undefined || models === undefined || models.includes(model);
  };
  for (const name of OWN) {
    const from = join(packageRoot, name);
    if (!existsSync(from)) throw new UserError(`${from} is missing: build the package first with "npm run build".`);
    for (const path of await filesBelow(from)) {
      const inside = relative(packageRoot, path);
      if (!LEFT_OUT.some((rule) => rule.test(inside)) && isChosen(inside)) files.set(inside, await readFile(path));
    }
  }
  checkModels(files, models);
  nameWhatIsThere(files);
  const natives = await addModules(files, modules, architecture);
  if (node) {
    checkNode(node, architecture);
    files.set('node/bin/node', node);
    natives.push('node/bin/node');
  }
  for (const [path, bytes] of more) files.set(path, bytes);
  return { files, executables: new Set(node ? ['node/bin/node'] : []), glibc: newestGlibc(files, natives), natives };
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTDIR') return undefined;
      throw error;
    },
  );
  if (!entries) return [path];
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function checkModels(files: ReadonlyMap<string, Buffer>, models: readonly string[] | undefined): void {
  const missing = models?.find((name) => !files.has(`models/${name}/manifest.json`));
  if (missing !== undefined) throw new UserError(`There is no model ${missing} in models/: name one that is shipped.`);
  if ([...files.keys()].some((path) => /^models\/[^/]+\/manifest\.json$/.test(path))) return;
  throw new UserError('No model is in models/: build one with "earshot model build".');
}

/** A model's manifest names its weights too, which stay here: a device checks every file that is named. */
function nameWhatIsThere(files: Map<string, Buffer>): void {
  for (const [path, bytes] of files) {
    const folder = /^models\/[^/]+\/(?=manifest\.json$)/.exec(path)?.[0];
    if (folder === undefined) continue;
    const manifest = JSON.parse(bytes.toString());
    const kept = Object.entries(manifest.files).filter(([name]) => files.has(folder + name));
    files.set(path, Buffer.from(`${JSON.stringify({ ...manifest, files: Object.fromEntries(kept) }, null, 2)}\n`));
  }
}

/** @returns paths of the native programs that were taken */
async function addModules(files: Map<string, Buffer>, modules: string, architecture: Architecture): Promise<string[]> {
  const natives: string[] = [];
  /** Packages by whether a program of theirs fits. */
  const packages = new Map<string, boolean>();
  for (const path of await filesBelow(modules)) {
    const inside = `node_modules/${relative(modules, path)}`;
    if (NO_PROGRAM.some((rule) => rule.test(inside))) continue;
    const bytes = await readFile(path);
    const isOurs = isElf(bytes) && fits(bytes, architecture);
    if (isElf(bytes) || isForeignProgram(bytes)) {
      const name = packageOf(inside);
      packages.set(name, (packages.get(name) ?? false) || isOurs);
      if (!isOurs) continue;
      natives.push(inside);
    }
    files.set(inside, bytes);
  }
  const useless = [...packages].find(([, isOurs]) => !isOurs)?.[0];
  if (useless !== undefined) {
    throw new UserError(
      `${useless} has no program for linux-${architecture}: install node_modules for that processor.`,
    );
  }
  return natives;
}

const packageOf = (path: string) => /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)![1]!;

function fits(bytes: Buffer, wanted: Architecture): boolean {
  const { architecture, libraries } = elfFacts(bytes);
  return architecture === wanted && !libraries.some((name) => name.startsWith('libc.musl'));
}

function checkNode(node: Buffer, wanted: Architecture): void {
  if (isElf(node) && elfFacts(node).architecture === wanted) return;
  const found = isElf(node) ? `for ${elfFacts(node).architecture}` : 'no program of Linux';
  throw new UserError(`The program given as --node is ${found}: fetch Node.js for linux-${wanted}.`);
}

function newestGlibc(files: ReadonlyMap<string, Buffer>, natives: readonly string[]): ReleaseFiles['glibc'] {
  const number = (version: string) => version.split('.').reduce((sum, part) => 1000 * sum + Number(part), 0);
  return natives
    .flatMap((path) => {
      const { glibc } = elfFacts(files.get(path)!);
      return glibc === null ? [] : [{ version: glibc.split('.').slice(0, 2).join('.'), path }];
    })
    .reduce<ReleaseFiles['glibc']>(
      (newest, each) => (newest === null || number(each.version) > number(newest.version) ? each : newest),
      null,
    );
}
