// A recording as samples, whatever its container: WAV or FLAC, told apart by their first bytes.
import { open } from 'node:fs/promises';
import { FLAC_MAGIC, openFlac } from './flac-reader.ts';
import { openWav } from './wav-reader.ts';

export interface RecordingReader {
  readonly path: string;
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel. */
  readonly frames: number;
  /**
   * Fills the arrays, one per channel and all of one length, with the next samples; full scale is -1..1.
   * @returns samples written per channel; fewer than the arrays hold only at the end, then 0
   */
  read(into: readonly Float32Array[]): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a WAV or FLAC recording; the caller closes it.
 * @param options allowTruncated takes what is there of a WAV that promises more
 * @throws an error named UserError when the file is missing, empty, damaged or of another kind
 */
export async function openRecording(
  path: string,
  options: { allowTruncated?: boolean } = {},
): Promise<RecordingReader> {
  return (await beginsWith(path, FLAC_MAGIC)) ? openFlac(path) : openWav(path, options);
}

/** False also when there is no such file: the reader that opens it next says so. */
async function beginsWith(path: string, magic: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return false;
  try {
    const head = Buffer.alloc(magic.length);
    if (!(await file.stat()).isFile()) return false;
    await file.read(head, 0, head.length, 0);
    return head.toString('latin1') === magic;
  } finally {
    await file.close();
  }
}
