// The outbox on disk: how a segment file begins, how a record lies in it, and how records are found again around damage.
import { crc32 } from '../crc32.ts';

/** Each segment begins with the name of the format and its version. */
export const SEGMENT_HEADER = Buffer.from('earshot-outbox 1\n');

/** Longest topic and payload together; no message of ours comes near it. */
export const MAX_BODY_BYTES = 128 * 1024;

const MARKER = Buffer.from('EOB1');
const HEAD_BYTES = 24;
export const MAX_RECORD_BYTES = HEAD_BYTES + 2 + MAX_BODY_BYTES;

/** A message in the outbox. */
export interface OutboxRecord {
  /** Place in the outbox, rising by one per message over all starts of the device. */
  readonly index: number;
  /** The outbox's clock when it was written (outbox-clock.ts), in milliseconds. */
  readonly writtenMs: number;
  readonly topic: string;
  readonly payload: string;
}

export interface Scan {
  readonly records: readonly OutboxRecord[];
  /** Where each record ends, in bytes of the buffer. */
  readonly ends: readonly number[];
  /** Stretches that hold no whole record, [from, to) in bytes of the buffer. */
  readonly damage: readonly { readonly from: number; readonly to: number }[];
}

/**
 * Lays a record out: marker, u32 body length, u32 CRC of all but marker and CRC, u48 index, u48 written, u16 topic length,
 * topic, payload; big-endian, text as UTF-8.
 * @throws RangeError when the message is longer than MAX_BODY_BYTES
 */
export function encodeRecord({ index, writtenMs, topic, payload }: OutboxRecord): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const bodyBytes = 2 + topicBytes + Buffer.byteLength(payload);
  if (bodyBytes - 2 > MAX_BODY_BYTES) {
    throw new RangeError(`a message of ${bodyBytes - 2} bytes is too long: at most ${MAX_BODY_BYTES}`);
  }
  const record = Buffer.allocUnsafe(HEAD_BYTES + bodyBytes);
  MARKER.copy(record);
  record.writeUInt32BE(bodyBytes, 4);
  record.writeUIntBE(index, 12, 6);
  record.writeUIntBE(writtenMs, 18, 6);
  record.writeUInt16BE(topicBytes, HEAD_BYTES);
  record.write(topic, HEAD_BYTES + 2);
  record.write(payload, HEAD_BYTES + 2 + topicBytes);
  record.writeUInt32BE(checksum(record), 8);
  return record;
}

/** Bytes of a record whose message is known. */
export function recordBytes({ topic, payload }: Pick<OutboxRecord, 'topic' | 'payload'>): number {
  return HEAD_BYTES + 2 + Buffer.byteLength(topic) + Buffer.byteLength(payload);
}

/** Finds every whole record from `start` on; after damage it goes on at the next marker whose record checks. */
export function scan(bytes: Buffer, start = 0): Scan {
  const records: OutboxRecord[] = [];
  const ends: number[] = [];
  const damage: { from: number; to: number }[] = [];
  let at = start;
  while (at < bytes.length) {
    const end = recordEnd(bytes, at);
    if (end !== undefined) {
      records.push(decodeRecord(bytes.subarray(at, end)));
      ends.push(end);
      at = end;
      continue;
    }
    const next = nextRecord(bytes, at + 1);
    damage.push({ from: at, to: next });
    at = next;
  }
  return { records, ends, damage };
}

function nextRecord(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(MARKER, from);
  while (at >= 0 && recordEnd(bytes, at) === undefined) at = bytes.indexOf(MARKER, at + 1);
  return at < 0 ? bytes.length : at;
}

/** Where the record at `at` ends; undefined when no whole record lies there. */
function recordEnd(bytes: Buffer, at: number): number | undefined {
  if (at + HEAD_BYTES + 2 > bytes.length || bytes.compare(MARKER, 0, 4, at, at + 4) !== 0) return undefined;
  const bodyBytes = bytes.readUInt32BE(at + 4);
  const end = at + HEAD_BYTES + bodyBytes;
  if (bodyBytes < 2 || bodyBytes > MAX_BODY_BYTES + 2 || end > bytes.length) return undefined;
  const record = bytes.subarray(at, end);
  return record.readUInt32BE(8) === checksum(record) ? end : undefined;
}

function decodeRecord(record: Buffer): OutboxRecord {
  const payloadAt = HEAD_BYTES + 2 + record.readUInt16BE(HEAD_BYTES);
  return {
    index: record.readUIntBE(12, 6),
    writtenMs: record.readUIntBE(18, 6),
    topic: record.toString('utf8', HEAD_BYTES + 2, payloadAt),
    payload: record.toString('utf8', payloadAt),
  };
}

function checksum(record: Buffer): number {
  return crc32(record, 12, record.length, crc32(record, 4, 8));
}
