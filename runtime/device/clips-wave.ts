// The head of a clip's WAV file, with room to become RF64 past 4 GiB (EBU Tech 3306) and a broadcast chunk (EBU Tech 3285).

const RIFF_BYTES = 12;
const CHUNK_HEAD = 8;
const DS64_BYTES = 28;
const FMT_BYTES = 16;
const BEXT_BYTES = 602;
const LARGEST_RIFF = 0xffffffff;

/** Bytes before the first sample; always the same, so that a file left by a crash can be completed. */
export const WAVE_HEAD_BYTES = RIFF_BYTES + 4 * CHUNK_HEAD + DS64_BYTES + FMT_BYTES + BEXT_BYTES;

export interface WaveFacts {
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: 16 | 24;
  /** What the sound is, at most 256 characters; shown by editors. */
  readonly description: string;
  /** Who recorded it, at most 32 characters each. */
  readonly originator: string;
  readonly reference: string;
  /** Of the first sample. */
  readonly startTime: Date;
}

/** @param dataBytes of samples; @param rf64From files of this size and more are RF64 (by the format: 4 GiB) */
export function waveHead(facts: WaveFacts, dataBytes: number, rf64From = LARGEST_RIFF): Buffer {
  const head = Buffer.alloc(WAVE_HEAD_BYTES);
  const isLong = WAVE_HEAD_BYTES + dataBytes >= rf64From;
  const bytesPerFrame = (facts.channels * facts.bits) / 8;
  head.write(isLong ? 'RF64' : 'RIFF', 0, 'latin1');
  head.writeUInt32LE(isLong ? LARGEST_RIFF : WAVE_HEAD_BYTES - 8 + dataBytes, 4);
  head.write('WAVE', 8, 'latin1');
  let at = chunk(head, RIFF_BYTES, isLong ? 'ds64' : 'JUNK', DS64_BYTES);
  if (isLong) {
    head.writeBigUInt64LE(BigInt(WAVE_HEAD_BYTES - 8 + dataBytes), at);
    head.writeBigUInt64LE(BigInt(dataBytes), at + 8);
    head.writeBigUInt64LE(BigInt(dataBytes / bytesPerFrame), at + 16);
  }
  at = chunk(head, at + DS64_BYTES, 'fmt ', FMT_BYTES);
  head.writeUInt16LE(1, at);
  head.writeUInt16LE(facts.channels, at + 2);
  head.writeUInt32LE(facts.sampleRate, at + 4);
  head.writeUInt32LE(facts.sampleRate * bytesPerFrame, at + 8);
  head.writeUInt16LE(bytesPerFrame, at + 12);
  head.writeUInt16LE(facts.bits, at + 14);
  at = chunk(head, at + FMT_BYTES, 'bext', BEXT_BYTES);
  writeBext(head, at, facts);
  at = chunk(head, at + BEXT_BYTES, 'data', isLong ? LARGEST_RIFF : dataBytes);
  return head;
}

/** @returns where the chunk's content begins */
function chunk(head: Buffer, at: number, id: string, length: number): number {
  head.write(id, at, 'latin1');
  head.writeUInt32LE(length, at + 4);
  return at + CHUNK_HEAD;
}

function writeBext(head: Buffer, at: number, facts: WaveFacts): void {
  const { description, originator, reference, startTime, sampleRate } = facts;
  const iso = startTime.toISOString();
  head.write(ascii(description), at, 256, 'latin1');
  head.write(ascii(originator), at + 256, 32, 'latin1');
  head.write(ascii(reference), at + 288, 32, 'latin1');
  head.write(iso.slice(0, 10), at + 320, 10, 'latin1');
  head.write(iso.slice(11, 19), at + 330, 8, 'latin1');
  const sinceMidnightMs = startTime.getTime() - Date.parse(`${iso.slice(0, 10)}T00:00:00Z`);
  head.writeBigUInt64LE(BigInt(Math.round((sinceMidnightMs / 1000) * sampleRate)), at + 338);
  head.writeUInt16LE(1, at + 346);
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
