// safetensors: read as the reference reads, refused as strictly, written so that the reference reads it.
import { readFileSync } from 'node:fs';
import { formatSafetensors, parseSafetensors } from '../../../../tools/model/weights/safetensors.ts';
import { decodeFloats } from '../golden-networks.ts';
import { bytes, safetensors, u64 } from './craft.ts';

const golden = (name: string) => readFileSync(new URL(`../../../golden/weights/${name}`, import.meta.url));
const expected: Record<string, { shape: number[]; values: string }> = JSON.parse(
  golden('expected.json').toString(),
).mixed;

const four = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };
const two = (begin: number, end: number) => ({ dtype: 'F32', shape: [2], data_offsets: [begin, end] });

test('every tensor of a file by Hugging Face has the values it has in torch, bit by bit', () => {
  const weights = parseSafetensors(golden('mixed.safetensors'));
  expect([...weights.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [name, { shape, values }] of Object.entries(expected)) {
    expect([name, weights.get(name)!.shape]).toEqual([name, shape]);
    expect(Buffer.from(weights.get(name)!.values.buffer)).toEqual(Buffer.from(decodeFloats(values).buffer));
  }
});

test('what is written is read again, and laid out as the reference writer does it', () => {
  const weights = new Map(
    Object.entries(expected).map(([name, t]) => [
      name,
      { shape: t.shape, values: decodeFloats(t.values) as Float32Array<ArrayBuffer> },
    ]),
  );
  const file = formatSafetensors(weights);
  expect([...parseSafetensors(file)]).toEqual([...weights]);
  expect(new DataView(file.buffer).getBigUint64(0, true) % 8n).toBe(0n);
  const hand = { a: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] } };
  const padded = JSON.stringify(hand).padEnd(Math.ceil(JSON.stringify(hand).length / 8) * 8);
  const values = Float32Array.of(1.5, -2);
  expect(Buffer.from(formatSafetensors(new Map([['a', { shape: [1, 2], values }]])))).toEqual(
    Buffer.concat([u64(padded.length), Buffer.from(padded), Buffer.from(values.buffer)]),
  );
});

test('a header may be padded, hold metadata and name tensors in any order', () => {
  const header = `${JSON.stringify({ b: two(8, 16), a: two(0, 8), __metadata__: { format: 'pt' } })}   `;
  expect([...parseSafetensors(safetensors(header, 16)).keys()]).toEqual(['a', 'b']);
});

test('a tensor named __proto__ is a tensor', () => {
  const weights = parseSafetensors(safetensors(`{"__proto__":${JSON.stringify(four)}}`, 16));
  expect(weights.get('__proto__')?.shape).toEqual([4]);
});

const refused: [string, Uint8Array, string][] = [
  ['of seven bytes', bytes(0, 0, 0, 0, 0, 0, 0), 'too short'],
  ['whose header has 2^63 bytes', safetensors({ a: four }, 16, 2n ** 63n), 'said to have 9223372036854775808 bytes'],
  ['whose header is longer than the file', safetensors({ a: four }, 16, 10_000n), 'more than the file'],
  ['whose header is empty', safetensors('', 16), 'does not begin with {'],
  ['whose header has 100 MB', safetensors(`{${' '.repeat(100_000_000)}}`), 'the header has 100000002 bytes'],
  ['whose header begins with a space', safetensors(` ${JSON.stringify({ a: four })}`, 16), 'does not begin with {'],
  ['whose header begins with a byte order mark', safetensors('\ufeff{}'), 'does not begin with {'],
  ['whose header is no UTF-8', bytes(u64(4), '{"\xff}'), 'no UTF-8'],
  ['whose header is no JSON', safetensors('{"a"}'), 'lacks a :'],
  ['whose header is cut off', safetensors('{"a":{'), 'no JSON'],
  ['whose header goes on', safetensors('{}{}'), 'goes on after its JSON'],
  ['whose header ends in a comma', safetensors('{"a":1,}'), 'a comma before a }'],
  ['whose header has a text without end', safetensors(`{"${'a\\'.repeat(1_000_000)}`), 'no JSON'],
  ['whose header nests', safetensors(`{"a":${'['.repeat(1_000_000)}`), 'nests deeper'],
  [
    'whose header is a number of a million digits',
    safetensors(`{"a":${'1'.repeat(1_000_000)}}`),
    'where a comma belongs',
  ],
  ['with bytes behind the last tensor', safetensors({ a: four }, 17), 'fill 16 bytes, the file has 17'],
  ['with too few bytes', safetensors({ a: four }, 15), 'fill 16 bytes, the file has 15'],
  ['with a hole at the start', safetensors({ a: two(8, 16) }, 16), 'begins at 8, where 0 was due'],
  ['with a hole between tensors', safetensors({ a: two(0, 8), b: two(16, 24) }, 24), 'begins at 16, where 8 was due'],
  ['with overlapping tensors', safetensors({ a: two(0, 8), b: two(4, 12) }, 12), 'begins at 4, where 8 was due'],
  ['with two tensors in one place', safetensors({ a: two(0, 8), b: two(0, 8) }, 8), 'begins at 0, where 8 was due'],
  ['with a tensor that ends before it begins', safetensors({ a: two(8, 0) }, 8), 'has -8 bytes, not 8'],
  ['with more bytes than the shape has', safetensors({ a: { ...four, shape: [3] } }, 16), 'has 16 bytes, not 12'],
  ['with an unknown dtype', safetensors({ a: { ...four, dtype: 'F8_E5M2' } }, 16), 'has the dtype F8_E5M2'],
  [
    'with a dtype called constructor',
    safetensors({ a: { ...four, dtype: 'constructor' } }, 16),
    'has the dtype constructor',
  ],
  ['with a size of 1.5', safetensors({ a: { ...four, shape: [1.5] } }, 16), 'whole numbers from 0'],
  ['with a size below 0', safetensors({ a: { ...four, shape: [-4] } }, 16), 'whole numbers from 0'],
  ['with a size as text', safetensors({ a: { ...four, shape: ['4'] } }, 16), 'whole numbers from 0'],
  ['with an offset of 2^53', safetensors({ a: { ...four, data_offsets: [0, 2 ** 53] } }, 16), 'whole numbers from 0'],
  [
    'with 2^32 x 2^32 values',
    safetensors({ a: { ...four, shape: [2 ** 32, 2 ** 32] } }, 16),
    '18446744073709551616 values',
  ],
  ['with nine dimensions', safetensors({ a: { ...four, shape: Array(9).fill(1) } }, 16), '9 dimensions'],
  ['with three offsets', safetensors({ a: { ...four, data_offsets: [0, 8, 16] } }, 16), 'two data_offsets'],
  ['with a tensor that is a number', safetensors({ a: 5 }), 'must have a dtype'],
  ['with a key too many', safetensors({ a: { ...four, extra: 1 } }, 16), 'must have a dtype'],
  ['with metadata that are no texts', safetensors({ __metadata__: { epoch: 3 } }), '__metadata__'],
  ['with metadata that are a list', safetensors({ __metadata__: ['a'] }), '__metadata__'],
  [
    'with a tensor named twice',
    safetensors(`{"a":${JSON.stringify(four)},"a":${JSON.stringify(four)}}`, 16),
    'names "a" twice',
  ],
  [
    'with a tensor named twice, once escaped',
    safetensors(`{"a":${JSON.stringify(four)},"\\u0061":${JSON.stringify(four)}}`, 16),
    'names "a" twice',
  ],
  [
    'with a dtype named twice',
    safetensors('{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    'names "dtype" twice',
  ],
];

test.each(refused)('a file %s is refused', (_, file, message) => {
  expect(() => parseSafetensors(file)).toThrow(expect.objectContaining({ name: 'UserError' }));
  expect(() => parseSafetensors(file)).toThrow(message);
});

test('the real file cut off anywhere is refused', () => {
  const whole = golden('mixed.safetensors');
  for (let length = 0; length < whole.length; length += 31) {
    expect(() => parseSafetensors(whole.subarray(0, length))).toThrow(expect.objectContaining({ name: 'UserError' }));
  }
});
