// What a native program needs, read from its ELF file (System V gABI, chapters 4 and 5; LSB core, symbol versions): its processor,
// its libraries, and the newest glibc whose symbols it uses.
import { compareVersions } from '../../runtime/device/bundle-rules.ts';

export interface ElfFacts {
  /** As process.arch. */
  readonly architecture: 'arm64' | 'x64' | 'other';
  readonly libraries: readonly string[];
  /** e.g. '2.28'; null: it uses no versioned symbol of glibc. */
  readonly glibc: string | null;
}

const MACHINES: Readonly<Record<number, ElfFacts['architecture']>> = { 183: 'arm64', 62: 'x64' };
const [CLASS_64, LITTLE_ENDIAN] = [2, 1];
const PT = { load: 1, dynamic: 2 } as const;
const DT = { needed: 1, strtab: 5, verneed: 0x6ffffffe, verneednum: 0x6fffffff } as const;
const PROGRAM_HEADER_BYTES = 56;

/** Other systems' programs: Mach-O (both byte orders, and for several processors), PE. */
const FOREIGN = [0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe];

export const isElf = (bytes: Buffer): boolean => bytes.length > 4 && bytes.readUInt32BE(0) === 0x7f454c46;
export const isForeignProgram = (bytes: Buffer): boolean =>
  bytes.length > 4 && (FOREIGN.includes(bytes.readUInt32BE(0)) || bytes.toString('latin1', 0, 2) === 'MZ');

/** @throws RangeError when the file ends inside what it announces */
export function elfFacts(bytes: Buffer): ElfFacts {
  if (bytes[4] !== CLASS_64 || bytes[5] !== LITTLE_ENDIAN) return { architecture: 'other', libraries: [], glibc: null };
  const architecture = MACHINES[bytes.readUInt16LE(18)] ?? 'other';
  const [start, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(56)];
  const headers = Array.from({ length: count }, (_, i) => segmentAt(bytes, start + i * PROGRAM_HEADER_BYTES));
  const dynamic = headers.find(({ type }) => type === PT.dynamic);
  if (!dynamic) return { architecture, libraries: [], glibc: null };
  const tags = dynamicTags(bytes, dynamic);
  const inFile = (address: number) => {
    const load = headers.find(
      (each) => each.type === PT.load && address >= each.address && address < each.address + each.bytes,
    );
    if (!load) throw new RangeError(`address ${address} lies in no segment`);
    return load.offset + address - load.address;
  };
  const one = (tag: number) => tags.find((each) => each.tag === tag)?.value;
  const strings = inFile(one(DT.strtab) ?? 0);
  const text = (at: number) => bytes.toString('latin1', strings + at, bytes.indexOf(0, strings + at));
  const libraries = tags.filter(({ tag }) => tag === DT.needed).map(({ value }) => text(value));
  const verneed = one(DT.verneed);
  const versions = verneed === undefined ? [] : neededVersions(bytes, inFile(verneed), one(DT.verneednum) ?? 0, text);
  const glibcs = versions.flatMap((name) => /^GLIBC_(\d+(?:\.\d+)+)$/.exec(name)?.[1] ?? []);
  return { architecture, libraries, glibc: glibcs.sort(compareVersions).at(-1) ?? null };
}

function segmentAt(bytes: Buffer, at: number) {
  const wide = (offset: number) => Number(bytes.readBigUInt64LE(at + offset));
  return { type: bytes.readUInt32LE(at), offset: wide(8), address: wide(16), bytes: wide(32) };
}

function dynamicTags(bytes: Buffer, { offset, bytes: length }: ReturnType<typeof segmentAt>) {
  const tags: { tag: number; value: number }[] = [];
  for (let at = offset; at + 16 <= offset + length; at += 16) {
    const tag = Number(bytes.readBigInt64LE(at));
    if (tag === 0) break;
    tags.push({ tag, value: Number(bytes.readBigUInt64LE(at + 8)) });
  }
  return tags;
}

/** Verneed and Vernaux: a list of libraries, each with a list of versions. */
function neededVersions(bytes: Buffer, start: number, count: number, text: (at: number) => string): string[] {
  const names: string[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const [versions, first, next] = [
      bytes.readUInt16LE(at + 2),
      bytes.readUInt32LE(at + 8),
      bytes.readUInt32LE(at + 12),
    ];
    let aux = at + first;
    for (let j = 0; j < versions; j++) {
      names.push(text(bytes.readUInt32LE(aux + 8)));
      aux += bytes.readUInt32LE(aux + 12);
    }
    at += next;
  }
  return names;
}
