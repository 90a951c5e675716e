// One clip on its way to the disk: it has its name only when it is whole and its sidecar is beside it.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sidecar } from './clips-sidecar.ts';
import { WAVE_HEAD_BYTES, waveHead } from './clips-wave.ts';

export const PARTIAL = '.partial';

/** Opens files; tests give one whose disk fills up. */
export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

export interface FinishedClip {
  readonly sidecar: Sidecar;
  readonly path: string;
  /** Of the WAV file. */
  readonly bytes: number;
  readonly sha256: string;
}

export class ClipFile {
  readonly #folder: string;
  readonly #file: FileHandle;
  #sidecar: Sidecar;
  #dataBytes = 0;

  /** Begins `folder/NAME.wav.partial` and its sidecar, so that what a crash leaves can be completed. */
  static async begin(folder: string, sidecar: Sidecar, openFile: OpenFile = open): Promise<ClipFile> {
    const path = join(folder, sidecar.file);
    let file: FileHandle | undefined;
    try {
      await writeSynced(sidecarOf(path) + PARTIAL, sidecar, openFile);
      file = await openFile(path + PARTIAL, 'w');
      const clip = new ClipFile(folder, file, sidecar);
      await clip.#writeHead();
      return clip;
    } catch (error) {
      await file?.close();
      await removeParts(path);
      throw error;
    }
  }

  private constructor(folder: string, file: FileHandle, sidecar: Sidecar) {
    this.#folder = folder;
    this.#file = file;
    this.#sidecar = sidecar;
  }

  get bytes(): number {
    return WAVE_HEAD_BYTES + this.#dataBytes;
  }

  /** Samples per channel written so far. */
  get samples(): number {
    const { channels, bits } = this.#sidecar;
    return this.#dataBytes / ((channels * bits) / 8);
  }

  /** Appends samples as the file holds them. */
  async append(samples: Uint8Array): Promise<void> {
    const { bytesWritten } = await this.#file.write(samples, 0, samples.length, WAVE_HEAD_BYTES + this.#dataBytes);
    if (bytesWritten < samples.length) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
    this.#dataBytes += bytesWritten;
  }

  /** Completes head and sidecar and gives both their names. @param facts what was not known when it began */
  async finish(facts: Pick<Sidecar, 'discontinuities' | 'detections' | 'complete'>): Promise<FinishedClip> {
    this.#sidecar = { ...this.#sidecar, ...facts, samples: this.samples };
    await this.#writeHead();
    await this.#file.sync();
    await this.#file.close();
    return complete(this.#folder, this.#sidecar);
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined); // a file that cannot even be closed is removed all the same
    await removeParts(join(this.#folder, this.#sidecar.file));
  }

  async #writeHead(): Promise<void> {
    const head = waveHead(waveFacts(this.#sidecar), this.#dataBytes);
    await this.#file.write(head, 0, head.length, 0);
  }
}

/**
 * Completes what a crash has left of a clip.
 * @param isFinal the sidecar had its name already: only the name of the sound was missing
 * @returns undefined when it holds no sample, or nobody knows what it is; then nothing is left of it
 */
export async function recoverClip(
  folder: string,
  name: string,
  sidecar: Sidecar | undefined,
  isFinal: boolean,
): Promise<FinishedClip | undefined> {
  const path = join(folder, name);
  const bytesPerFrame = sidecar ? (sidecar.channels * sidecar.bits) / 8 : 1;
  const file = await open(path + PARTIAL, 'r+');
  let whole: Sidecar | undefined;
  try {
    const samples = Math.floor(((await file.stat()).size - WAVE_HEAD_BYTES) / bytesPerFrame);
    if (sidecar && samples > 0) {
      const head = waveHead(waveFacts(sidecar), samples * bytesPerFrame);
      await file.truncate(WAVE_HEAD_BYTES + samples * bytesPerFrame);
      await file.write(head, 0, head.length, 0);
      await file.sync();
      whole = isFinal ? sidecar : { ...sidecar, samples, complete: false, recovered: true };
    }
  } finally {
    await file.close();
  }
  if (whole) return complete(folder, whole);
  await removeParts(path);
  return undefined;
}

export function sidecarOf(wav: string): string {
  return `${wav.slice(0, -'.wav'.length)}.json`;
}

/** Removes the unfinished files of a clip. */
export async function removeParts(wav: string): Promise<void> {
  await rm(wav + PARTIAL, { force: true });
  await rm(sidecarOf(wav) + PARTIAL, { force: true });
}

/** The sidecar gets its name first: a WAV file with its name always has one. */
async function complete(folder: string, sidecar: Sidecar): Promise<FinishedClip> {
  const path = join(folder, sidecar.file);
  await writeSynced(sidecarOf(path) + PARTIAL, sidecar);
  await rename(sidecarOf(path) + PARTIAL, sidecarOf(path));
  await rename(path + PARTIAL, path);
  const entry = await open(folder, 'r');
  await entry.sync().finally(() => entry.close());
  return { sidecar, path, ...(await measure(path)) };
}

async function measure(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function writeSynced(path: string, sidecar: Sidecar, openFile: OpenFile = open): Promise<void> {
  const file = await openFile(path, 'w');
  try {
    await file.writeFile(`${JSON.stringify(sidecar, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function waveFacts({ channels, sampleRate, bits, origin, reason, rule, note, startTime, file }: Sidecar) {
  const why = [reason, rule, note].filter((part) => part !== null).join(', ');
  const description = `${origin.format} ${origin.normalization ?? ''}; ${why}; ${origin.site}/${origin.device}; ${origin.model.name}`;
  return {
    ...{ channels, sampleRate, bits, startTime: new Date(startTime), description },
    ...{ originator: `earshot ${origin.version}`, reference: file.slice(0, 32) },
  };
}
