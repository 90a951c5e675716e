// Changed copies of real files, the same ones for the same seed: bytes flipped, cut, doubled, mixed, and numbers made extreme.

/** Numbers from a seed (mulberry32), so that a failure can be had again. */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export const oneOf = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]!;

const EXTREME_BYTES = [0, 1, 0x7f, 0x80, 0xff];
const EXTREME_WORDS = [
  0n,
  1n,
  0x7fn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
/** Inserted pieces are short, doubled ones may be long: repetition is how small files ask for much. */
const LONGEST_PIECE = 4096;

type Mutation = (bytes: Buffer, random: Random, other: Uint8Array) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const at = below(random, bytes.length);
    bytes[at]! ^= 1 << below(random, 8);
    return bytes;
  },
  (bytes, random) => {
    bytes[below(random, bytes.length)] = oneOf(random, EXTREME_BYTES);
    return bytes;
  },
  (bytes, random) => {
    const width = oneOf(random, [2, 4, 8]);
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(oneOf(random, EXTREME_WORDS));
    word.copy(bytes, below(random, Math.max(1, bytes.length - width)), 0, width);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  (bytes, random) => {
    const at = below(random, bytes.length);
    const length = below(random, Math.min(LONGEST_PIECE, bytes.length - at));
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
  },
  (bytes, random) => {
    const at = below(random, bytes.length);
    const piece = bytes.subarray(at, at + below(random, LONGEST_PIECE));
    const times = oneOf(random, [1, 1, 2, 50]);
    return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(times).fill(piece), bytes.subarray(at)]);
  },
  (bytes, random, other) => {
    const [at, from] = [below(random, bytes.length), below(random, other.length)];
    const piece = other.subarray(from, from + below(random, LONGEST_PIECE));
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + (random() < 0.5 ? piece.length : 0))]);
  },
];

/** A copy with one to six changes. @param other a file to take pieces of */
export function mutate(original: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Buffer = Buffer.from(original);
  for (let left = 1 + below(random, 6); left > 0; left -= 1) {
    if (bytes.length < 16) bytes = Buffer.concat([bytes, Buffer.alloc(16)]);
    bytes = Buffer.from(oneOf(random, MUTATIONS)(bytes, random, other));
  }
  return new Uint8Array(bytes);
}
