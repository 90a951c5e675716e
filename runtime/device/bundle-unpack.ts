// The files of a verified bundle out of its compressed archive. The manifest says every byte that is no file's: no other is taken.
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type BundledFile, type BundleManifest, modeOf, paddingOf, TAR_END_BYTES, tarHeader } from './bundle-format.ts';

/** A stretch of the archive: bytes that must be exactly these, or the contents of a file. */
type Stretch = { readonly exactly: Buffer } | { readonly file: BundledFile };

/**
 * Writes the files; that they last is for the caller to see to (syncTree).
 * @param onFile called after each file is whole
 * @throws Error saying what is wrong with the archive, or what the disk answered
 */
export async function unpackTar(
  payload: Readable,
  manifest: BundleManifest,
  folder: string,
  onFile: (file: BundledFile) => void = () => {},
): Promise<void> {
  await pipeline(payload, createGunzip({ chunkSize: 64 * 1024 }), async (chunks: AsyncIterable<Buffer>) => {
    const writer = new StretchWriter(manifest.files, folder, onFile);
    try {
      for await (const chunk of chunks) await writer.take(chunk);
      writer.end();
    } finally {
      await writer.close();
    }
  });
}

function stretchesOf(files: readonly BundledFile[]): Stretch[] {
  const ofFile = (file: BundledFile): Stretch[] => [
    { exactly: tarHeader(file) },
    { file },
    { exactly: Buffer.alloc(paddingOf(file.bytes)) },
  ];
  return [...files.flatMap(ofFile), { exactly: Buffer.alloc(TAR_END_BYTES) }];
}

class StretchWriter {
  readonly #folder: string;
  readonly #onFile: (file: BundledFile) => void;
  readonly #stretches: Stretch[];
  #taken = 0;
  #handle: FileHandle | undefined;
  #hash = createHash('sha256');

  constructor(files: readonly BundledFile[], folder: string, onFile: (file: BundledFile) => void) {
    this.#folder = folder;
    this.#onFile = onFile;
    this.#stretches = stretchesOf(files);
  }

  async take(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      await this.#skipDone();
      const stretch = this.#stretches[0];
      if (!stretch) throw new Error('it holds more than its manifest says');
      const piece = chunk.subarray(at, at + lengthOf(stretch) - this.#taken);
      if ('file' in stretch) await this.#write(stretch.file, piece);
      else if (!piece.equals(stretch.exactly.subarray(this.#taken, this.#taken + piece.length))) {
        throw new Error('its archive is not what its manifest says');
      }
      this.#taken += piece.length;
      at += piece.length;
    }
    await this.#skipDone();
  }

  end(): void {
    if (this.#stretches.length > 0) throw new Error('it ends too early');
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  /** Goes to the next stretch that wants bytes; empty files are made on the way. */
  async #skipDone(): Promise<void> {
    for (let first = this.#stretches[0]; first && this.#taken === lengthOf(first); first = this.#stretches[0]) {
      if ('file' in first) await this.#finish(first.file);
      this.#stretches.shift();
      this.#taken = 0;
    }
  }

  async #write(file: BundledFile, piece: Buffer): Promise<void> {
    this.#hash.update(piece);
    const handle = await this.#open(file);
    await handle.writeFile(piece);
  }

  async #open(file: BundledFile): Promise<FileHandle> {
    if (this.#handle) return this.#handle;
    const { path } = file;
    const place = join(this.#folder, path);
    await mkdir(dirname(place), { recursive: true });
    // wx: a name that is there already, or a link, is never written through.
    this.#handle = await open(place, 'wx', modeOf(file));
    return this.#handle;
  }

  async #finish(file: BundledFile): Promise<void> {
    const handle = await this.#open(file);
    // The process's umask may have taken bits away.
    await handle.chmod(modeOf(file));
    await handle.close();
    this.#handle = undefined;
    const found = this.#hash.digest('hex');
    this.#hash = createHash('sha256');
    if (found !== file.sha256) throw new Error(`${file.path} is not what its manifest says`);
    this.#onFile(file);
  }
}

const lengthOf = (stretch: Stretch) => ('file' in stretch ? stretch.file.bytes : stretch.exactly.length);
