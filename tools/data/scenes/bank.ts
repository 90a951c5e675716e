// Which sounds there are to place: folders of class/sound files, or the corpus's samples by split.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../command.ts';
import type { Random } from './random.ts';

/** Sounds that were recorded alike and may be strung together: one recording, or one keyboard's single strokes. */
export interface SoundGroup {
  readonly files: readonly string[];
}

/** Class name to its groups. */
export type Bank = Readonly<Record<string, readonly SoundGroup[]>>;

const SOUND_FILE = /\.(wav|flac)$/i;

/** Reads a folder of class/sound.wav|flac. `<folder>.csv` beside it may name the recordings' groups. */
export function folderBank(folder: string): Bank {
  const classes = entries(folder).filter((e) => e.isDirectory() && !e.name.startsWith('.'));
  if (classes.length === 0)
    throw new UserError(`${folder} has no class folders: put sounds into it as CLASS/sound.wav or CLASS/sound.flac`);
  const groups = groupsOf(folder);
  const bank: Record<string, SoundGroup[]> = {};
  for (const { name } of classes) {
    const files = entries(join(folder, name))
      .filter((e) => e.isFile() && SOUND_FILE.test(e.name))
      .map((e) => e.name);
    if (files.length === 0)
      throw new UserError(`${join(folder, name)} holds no .wav or .flac file: add sounds or remove the folder`);
    bank[name] = gather(files.map((file) => [groups.get(`${name}/${file}`) ?? file, join(folder, name, file)]));
  }
  return bank;
}

/** Reads the corpus's samples of some splits (1..4). */
export function corpusBank(corpus: string, splits: readonly number[]): Bank {
  const bank: Record<string, SoundGroup[]> = {};
  for (const { sample, class: label, split } of readCsv(join(corpus, 'samples.csv'))) {
    if (!splits.includes(Number(split))) continue;
    bank[label!] ??= [];
    bank[label!]!.push({ files: [join(corpus, 'events', `${sample}.wav`)] });
  }
  if (Object.keys(bank).length === 0)
    throw new UserError(`${corpus}/samples.csv has no sample of split ${splits.join(', ')}: splits are 1 to 4`);
  return bank;
}

/** The classes that a list of banks has, in alphabetical order. */
export function classesOf(banks: readonly Bank[]): string[] {
  return [...new Set(banks.flatMap((bank) => Object.keys(bank)))].sort();
}

/** A group of a class: banks count by the square root of their groups, so that a large one does not drown a small one. */
export function pickGroup(banks: readonly Bank[], label: string, random: Random): SoundGroup {
  const having = banks.filter((bank) => bank[label]);
  const weights = having.map((bank) => Math.sqrt(bank[label]!.length));
  let place = random.uniform(
    0,
    weights.reduce((a, b) => a + b),
  );
  const chosen = having.find((_, i) => {
    place -= weights[i]!;
    return place < 0;
  });
  return random.pick((chosen ?? having.at(-1)!)[label]!);
}

/** Rows of a CSV file with a header; fields may be quoted. */
export function readCsv(path: string): Record<string, string>[] {
  if (!existsSync(path)) throw new UserError(`${path} is missing: give the folder that holds it`);
  const [header, ...rows] = readFileSync(path, 'utf8').trim().split(/\r?\n/).map(fields);
  return rows.map((row) => Object.fromEntries(header!.map((name, i) => [name, row[i] ?? ''])));
}

function fields(line: string): string[] {
  const parts = line.matchAll(/("([^"]|"")*"|[^,]*)(,|$)/g);
  const values = [...parts].map(([, field]) => field!.replace(/^"|"$/g, '').replaceAll('""', '"'));
  return values.slice(0, -1);
}

function entries(folder: string) {
  if (!existsSync(folder)) throw new UserError(`There is no folder ${folder}: check the path`);
  return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function groupsOf(folder: string): Map<string, string> {
  const list = `${folder.replace(/\/+$/, '')}.csv`;
  if (!existsSync(list)) return new Map();
  return new Map(readCsv(list).map(({ file, group }) => [(file ?? '').split('/').slice(-2).join('/'), group ?? '']));
}

function gather(pairs: readonly (readonly [group: string, path: string])[]): SoundGroup[] {
  const groups = new Map<string, string[]>();
  for (const [group, path] of pairs) groups.set(group, [...(groups.get(group) ?? []), path]);
  return [...groups.values()].map((files) => ({ files }));
}
