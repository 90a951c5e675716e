// ZIP archives as torch.save writes them: every entry stored. Whatever could mean two things to two readers is refused.
import { crc32 } from '../../../runtime/crc32.ts';
import { WeightsError } from './tensor.ts';

const [LOCAL, CENTRAL, END, END64, LOCATOR64] = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50];
const [END_BYTES, END64_BYTES, LOCATOR64_BYTES] = [22, 56, 20];
const [CENTRAL_BYTES, LOCAL_BYTES] = [46, 30];
const [ENCRYPTED, DESCRIPTOR_FOLLOWS] = [1, 8];
const MOST_ENTRIES = 20_000;

interface Directory {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

interface Entry {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly flags: number;
  readonly crc: number;
  readonly size: number;
  /** Of the local header. */
  readonly offset: number;
}

/**
 * The entries of an archive by name, as views into it.
 * @throws WeightsError for compressed, encrypted, overlapping, doubled or contradictory entries, and names that leave the folder
 */
export function readStoredZip(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(view);
  const entries = readDirectory(bytes, view, directory).sort((a, b) => a.offset - b.offset);
  const files = new Map<string, Uint8Array>();
  let free = 0;
  for (const entry of entries) {
    if (files.has(entry.name)) throw refusal(`holds ${entry.name} twice`);
    // torch writes from the first byte on; a gap before it could be another file in disguise.
    if (entry.offset < free || (free === 0 && entry.offset !== 0))
      throw refusal(`${entry.name} overlaps what lies before it`);
    const start = dataStart(bytes, view, entry, directory.start);
    free = start + entry.size;
    if (free > directory.start) throw refusal(`${entry.name} reaches into the directory`);
    const data = bytes.subarray(start, free);
    if (crc32(data) !== entry.crc) throw refusal(`${entry.name} is damaged: its checksum differs`);
    files.set(entry.name, data);
  }
  return files;
}

function refusal(what: string): WeightsError {
  return new WeightsError(`the archive ${what}; save the weights again with torch.save(model.state_dict(), FILE)`);
}

function findDirectory(view: DataView): Directory {
  const end = view.byteLength - END_BYTES;
  if (end < 0 || view.getUint32(end, true) !== END || view.getUint16(end + 20, true) !== 0) {
    throw refusal('is cut off, or something follows it');
  }
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (count > MOST_ENTRIES) throw refusal(`holds ${count} entries, more than ${MOST_ENTRIES}`);
  const whole = view.getUint32(end + 4, true) === 0 && view.getUint16(end + 8, true) === count;
  const limit = checkZip64(view, end, { count, size, start });
  if (!whole || start + size !== limit) throw refusal('has a directory of another size than it says');
  return { count, start, end: limit };
}

/** Where the directory must end: before the 64-bit end record, if torch wrote one. That record must say the same. */
function checkZip64(view: DataView, end: number, said: { count: number; size: number; start: number }): number {
  const locator = end - LOCATOR64_BYTES;
  if (locator < 0 || view.getUint32(locator, true) !== LOCATOR64) return end;
  const record = locator - END64_BYTES;
  const at = (offset: number) => view.getBigUint64(record + offset, true);
  const same =
    record >= 0 &&
    view.getUint32(record, true) === END64 &&
    view.getBigUint64(locator + 8, true) === BigInt(record) &&
    at(24) === BigInt(said.count) &&
    at(32) === BigInt(said.count) &&
    at(40) === BigInt(said.size) &&
    at(48) === BigInt(said.start);
  if (!same) throw refusal('has two end records that contradict each other');
  return record;
}

function readDirectory(bytes: Uint8Array, view: DataView, { count, start, end }: Directory): Entry[] {
  const entries: Entry[] = [];
  let at = start;
  for (let i = 0; i < count; i += 1) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL) throw refusal('has a damaged directory');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      view.getUint16(at + offset, true),
    ) as [number, number, number];
    const next = at + CENTRAL_BYTES + nameLength + extraLength + commentLength;
    if (next > end) throw refusal('has a damaged directory');
    entries.push(readEntry(view, at, bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameLength)));
    at = next;
  }
  if (at !== end) throw refusal('has a directory of another size than it says');
  return entries;
}

function readEntry(view: DataView, at: number, nameBytes: Uint8Array): Entry {
  const name = checkedName(nameBytes);
  const flags = view.getUint16(at + 8, true);
  if (flags & ENCRYPTED) throw refusal(`holds ${name} encrypted`);
  if (view.getUint16(at + 10, true) !== 0) throw refusal(`holds ${name} compressed`);
  const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
  if (packed !== size) throw refusal(`gives two sizes for ${name}`);
  return { name, nameBytes, flags, crc: view.getUint32(at + 16, true), size, offset: view.getUint32(at + 42, true) };
}

function checkedName(bytes: Uint8Array): string {
  const name = new TextDecoder().decode(bytes);
  const parts = name.split('/');
  const leaves = parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\0]/.test(name);
  if (leaves) throw refusal(`holds the name ${JSON.stringify(name.slice(0, 100))}`);
  return name;
}

/** Offset of an entry's data; its local header must agree with the directory. */
function dataStart(bytes: Uint8Array, view: DataView, entry: Entry, limit: number): number {
  const { name, nameBytes, flags, size, offset } = entry;
  if (offset + LOCAL_BYTES > limit || view.getUint32(offset, true) !== LOCAL)
    throw refusal(`has no header for ${name}`);
  const nameStart = offset + LOCAL_BYTES;
  const start = nameStart + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const sameName =
    Buffer.compare(bytes.subarray(nameStart, nameStart + view.getUint16(offset + 26, true)), nameBytes) === 0;
  // With a descriptor behind the data, as torch writes it, the sizes here are 0.
  const expected = flags & DESCRIPTOR_FOLLOWS ? [size, 0] : [size];
  const sameSize = [18, 22].every((field) => expected.includes(view.getUint32(offset + field, true)));
  if (!sameName || !sameSize || view.getUint16(offset + 8, true) !== 0)
    throw refusal(`contradicts itself about ${name}`);
  return start;
}
