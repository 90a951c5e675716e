// The folder of clips: what a crash left is completed, the oldest go when room is needed, and the disk keeps its reserve.
import { mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClipsConfig } from '../clip-settings.ts';
import { type FinishedClip, PARTIAL, recoverClip, removeParts, sidecarOf } from './clips-file.ts';
import { parseSidecar, type Sidecar } from './clips-sidecar.ts';

const MEGABYTE = 1e6;
const DAY_MS = 86_400_000;
/** A clock that was never set says something before this: clips of such a time do not go by their age. */
const EARLIEST_MS = Date.UTC(2024, 0, 1);
/** Clips are written so far without a look at the disk, at most. */
const LONGEST_LOOK_BYTES = 4e6;
const NAME = /^(\d{6,})-.*\.wav$/;

export interface StoredClip {
  /** NAME.wav */
  readonly name: string;
  /** With its sidecar. */
  readonly bytes: number;
  readonly sidecar: Sidecar | undefined;
}

export interface ClipStoreOptions {
  readonly settings: Pick<ClipsConfig, 'folder' | 'megabytes' | 'reserveMegabytes' | 'days'>;
  /** Bytes free on the disk of a folder; default the system's answer. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  /** Unix time in milliseconds; default the system's. */
  readonly now?: () => number;
}

export class ClipStore {
  readonly #settings: ClipStoreOptions['settings'];
  readonly #freeBytes: (folder: string) => Promise<number>;
  readonly #now: () => number;
  /** In the order of their numbers: the order in which they were recorded, whatever the clock said. */
  #clips: StoredClip[] = [];
  #nextNumber = 1;
  #removed = 0;

  constructor({ settings, freeBytes = freeBytesOf, now = Date.now }: ClipStoreOptions) {
    this.#settings = settings;
    this.#freeBytes = freeBytes;
    this.#now = now;
  }

  /**
   * Makes the folder or reads what is in it. What a crash left is completed, unless it is a clip that speech might have ended:
   * with no-speech only continuous recordings survive, of which every written sample was cleared.
   * @returns the clips that were completed
   */
  async start(): Promise<FinishedClip[]> {
    await mkdir(this.#settings.folder, { recursive: true });
    const recovered = await this.#recover();
    const names = (await readdir(this.#settings.folder)).filter((name) => NAME.test(name)).sort(byNumber);
    this.#clips = await Promise.all(names.map((name) => this.#read(name)));
    this.#nextNumber = 1 + Math.max(0, ...names.map(numberOf));
    await this.makeRoom(0);
    return recovered;
  }

  get clips(): readonly StoredClip[] {
    return this.#clips;
  }

  /** Of all finished clips. */
  get bytes(): number {
    return this.#clips.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes written between two looks at the disk: room for so many is made before. */
  get lookBytes(): number {
    return Math.min(LONGEST_LOOK_BYTES, (this.#settings.megabytes * MEGABYTE) / 16);
  }

  /** Clips that had to go for newer ones, for the reserve or by their age. */
  get removed(): number {
    return this.#removed;
  }

  /** A name that sorts behind all others: number, time, what it is. */
  nextName(startMs: number, what: string): string {
    const number = String(this.#nextNumber++).padStart(6, '0');
    const time = new Date(startMs)
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
      .replace(/[-:]/g, '');
    return `${number}-${time}-${what}.wav`;
  }

  add({ sidecar, bytes }: FinishedClip): void {
    this.#clips.push({ name: sidecar.file, bytes: bytes + JSON.stringify(sidecar, undefined, 2).length + 1, sidecar });
  }

  /**
   * Removes old clips until so many more bytes fit into both bounds.
   * @param openBytes of clips being written: they are on the disk already and count against the bound of the folder
   * @returns whether they fit
   */
  async makeRoom(bytes: number, openBytes = 0): Promise<boolean> {
    const { folder, megabytes, reserveMegabytes, days } = this.#settings;
    const oldestMs = days === undefined ? 0 : this.#now() - days * DAY_MS;
    while (this.#clips[0] && isOlder(this.#clips[0], oldestMs)) await this.#removeOldest();
    const isFull = () => this.bytes + openBytes + bytes > megabytes * MEGABYTE;
    while (isFull() && this.#clips.length > 0) await this.#removeOldest();
    const reaches = async () => (await this.#freeBytes(folder)) - bytes >= reserveMegabytes * MEGABYTE;
    while (!(await reaches())) {
      if (this.#clips.length === 0) return false;
      await this.#removeOldest();
    }
    return !isFull();
  }

  async #removeOldest(): Promise<void> {
    const { name } = this.#clips[0]!;
    await rm(join(this.#settings.folder, name), { force: true });
    await rm(sidecarOf(join(this.#settings.folder, name)), { force: true });
    this.#clips.shift();
    this.#removed += 1;
  }

  async #recover(): Promise<FinishedClip[]> {
    const { folder } = this.#settings;
    const names = await readdir(folder);
    const recovered: FinishedClip[] = [];
    for (const partial of names.filter((name) => name.endsWith(`.wav${PARTIAL}`))) {
      const name = partial.slice(0, -PARTIAL.length);
      const json = sidecarOf(name);
      const isFinal = names.includes(json);
      const known = isFinal ? json : `${json}${PARTIAL}`;
      const sidecar = parseSidecar(await readFile(join(folder, known), 'utf8').catch(() => ''));
      const mayHoldSpeech = sidecar?.privacy === 'no-speech' && sidecar.reason !== 'continuous' && !isFinal;
      const clip = await recoverClip(folder, name, mayHoldSpeech ? undefined : sidecar, isFinal);
      if (clip) recovered.push(clip);
    }
    await this.#removeOrphans();
    return recovered;
  }

  /** Sidecars without their sound, and parts of them. */
  async #removeOrphans(): Promise<void> {
    const { folder } = this.#settings;
    const names = await readdir(folder);
    for (const name of names) {
      const wav = `${name.replace(/\.json(\.partial)?$/, '')}.wav`;
      if (!NAME.test(wav) || name === wav || names.includes(wav)) continue;
      await removeParts(join(folder, wav));
      await rm(sidecarOf(join(folder, wav)), { force: true });
    }
  }

  async #read(name: string): Promise<StoredClip> {
    const path = join(this.#settings.folder, name);
    const text = await readFile(sidecarOf(path), 'utf8').catch(() => '');
    return { name, bytes: (await stat(path)).size + text.length, sidecar: parseSidecar(text) };
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function isOlder({ sidecar }: StoredClip, thanMs: number): boolean {
  const startMs = sidecar ? Date.parse(sidecar.startTime) : Number.NaN;
  return startMs >= EARLIEST_MS && startMs < thanMs;
}

function numberOf(name: string): number {
  return Number(NAME.exec(name)![1]);
}

function byNumber(a: string, b: string): number {
  return numberOf(a) - numberOf(b);
}
