// .pt files: those torch wrote are read exactly; those nobody should write are refused, each for its reason.
import { readFileSync } from 'node:fs';
import { parsePytorch } from '../../../../tools/model/weights/pytorch.ts';
import { decodeFloats } from '../golden-networks.ts';
import { bytes, oneTensor, op, tensorPickle, torchFile, u32, type ZipEntry, type ZipLies, zip } from './craft.ts';

const golden = (name: string) => readFileSync(new URL(`../../../golden/weights/${name}`, import.meta.url));
const pickled =
  (...parts: (number | string | Uint8Array)[]) =>
  () =>
    parsePytorch(torchFile(bytes(op.start, ...parts)));
const error = expect.objectContaining;

/** Appends to the list on the stack a list that holds a list, made from the inside out. */
function nestedLists(depth: number): (string | number)[] {
  const steps: (string | number)[] = ['q', 0];
  for (let i = 0; i < depth; i += 1) steps.push(']', 'h', i, 'a', 'q', i + 1);
  return steps;
}

describe('files of torch', () => {
  const expected: Record<string, { shape: number[]; values: string }> = JSON.parse(
    golden('expected.json').toString(),
  ).mixed;

  test('every kind of tensor has the shape and values it has in torch, bit by bit', () => {
    const weights = parsePytorch(golden('mixed.pt'));
    expect([...weights.keys()]).toEqual(Object.keys(expected));
    for (const [name, { shape, values }] of Object.entries(expected)) {
      expect([name, weights.get(name)!.shape]).toEqual([name, shape]);
      expect([name, Buffer.from(weights.get(name)!.values.buffer)]).toEqual([
        name,
        Buffer.from(decodeFloats(values).buffer),
      ]);
    }
  });

  test('a checkpoint gives its state dict, without the prefix of data-parallel training', () => {
    const weights = parsePytorch(golden('tiny.pt'));
    expect(weights.get('stages.0.block.first.conv.weight')?.shape).toEqual([4, 7, 3, 3]);
    expect([...weights.keys()].filter((name) => name.startsWith('module.'))).toEqual([]);
  });

  test('a program of TorchScript is refused', () => {
    expect(() => parsePytorch(golden('program.pt'))).toThrow('state_dict()');
    const program = zip([
      { name: 'x/data.pkl', data: bytes(op.start, '}.') },
      { name: 'x/constants.pkl', data: bytes(op.start, ').') },
    ]);
    expect(() => parsePytorch(program)).toThrow('TorchScript program');
  });

  test('the file cut off anywhere is refused as such', () => {
    const whole = golden('mixed.pt');
    for (let length = 0; length < whole.length; length += 97) {
      expect(() => parsePytorch(whole.subarray(0, length))).toThrow(error({ name: 'UserError' }));
    }
  });

  test('no changed byte of a pickle makes more than a refusal or other values', () => {
    const pickle = (() => {
      const file = golden('tiny.pt');
      const start = file.indexOf(bytes(0x80, 2));
      return file.subarray(start, file.indexOf('PK\x07\x08', start, 'latin1'));
    })();
    for (let at = 0; at < pickle.length; at += 7) {
      const changed = Uint8Array.from(pickle);
      changed[at] = (changed[at]! + 1 + (at % 250)) & 0xff;
      try {
        parsePytorch(torchFile(changed));
      } catch (caught) {
        expect(caught).toMatchObject({ name: 'UserError' });
      }
    }
  });
});

test('the crafted file is read when nothing is wrong with it', () => {
  expect(parsePytorch(oneTensor()).get('w')).toEqual({ shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) });
});

describe('a hostile pickle', () => {
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['__builtin__', 'exec'],
    ['torch', '__dict__'],
    ['collections', 'Counter'],
    ['torch._utils', '_rebuild_tensor_v2.__globals__'],
    ['constructor', 'constructor'],
    ['torch', 'FloatStorage.constructor'],
  ])('asks for %s.%s', (module, name) => {
    const call = [op.global(module, name), op.tuple(op.text('touch /tmp/owned')), 'R.'];
    expect(pickled(...call)).toThrow(`asks for ${module}.${name}`);
  });

  test.each([
    ['STACK_GLOBAL', bytes(op.text('os'), op.text('system'), 0x93)],
    ['INST', bytes('(', op.text('id'), 'ios\nsystem\n')],
    ['OBJ', bytes('(', op.global('collections', 'OrderedDict'), 'o')],
    ['NEWOBJ_EX', bytes(op.global('collections', 'OrderedDict'), ')}', 0x92)],
    ['EXT1', bytes(0x82, 1)],
    ['EXT2', bytes(0x83, 1, 0)],
    ['EXT4', bytes(0x84, 1, 0, 0, 0)],
    ['MEMOIZE', bytes('}', 0x94)],
    ['FRAME', bytes(0x95, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['BINBYTES', bytes('B', u32(0))],
    ['PERSID', bytes('Pid\n')],
    ['DUP', bytes('}2')],
    ['POP', bytes('}}0')],
    ['STRING', bytes("S'x'\n")],
    ['LONG4', bytes(0x8b, u32(0))],
  ])('uses the opcode %s', (_, step) => {
    expect(pickled(step, '.')).toThrow('uses opcode');
  });

  test.each([
    ['calls a text', [op.text('eval'), ')R.'], 'calls something that is no function'],
    ['calls a storage type', [op.global('torch', 'FloatStorage'), ')R.'], 'calls something that is no function'],
    ['makes an object of a dict', ['})', 0x81, '.'], 'calls something that is no function'],
    [
      'calls with something that is no tuple',
      [op.global('torch', 'Size'), '}R.'],
      'calls something that is no function',
    ],
    [
      'fills an OrderedDict by calling it',
      [op.global('collections', 'OrderedDict'), op.tuple(bytes(']')), 'R.'],
      'never does',
    ],
    ['sets the state of a function', [op.global('torch', 'Size'), '}b.'], 'no dict'],
    ['names a storage by a text', [op.text('0'), 'Q.'], 'storage in a way'],
    [
      'names a storage of four parts',
      [op.tuple(op.text('storage'), op.text('0'), op.text('cpu'), op.int(1)), 'Q.'],
      'storage in a way',
    ],
    [
      'wraps a dict as a parameter',
      [op.global('torch._utils', '_rebuild_parameter'), op.tuple(bytes('}')), 'R.'],
      'no tensor',
    ],
    ['remembers value 2^32 - 1', ['}r', u32(2 ** 32 - 1), '.'], 'remembers value 4294967295'],
    ['recalls what it never remembered', ['j', u32(2 ** 32 - 1), '.'], 'recalls value 4294967295'],
    ['sets marks without end', ['('.repeat(1_000_000), '.'], 'nests deeper'],
    ['nests a million tuples', [')', '\x85'.repeat(1_000_000), '.'], 'nests deeper'],
    ['nests lists in lists', [']', ...nestedLists(101), '.'], 'nests deeper'],
    ['makes a million dicts', ['}'.repeat(1_100_000), '.'], 'steps'],
    ['has a text of 2 GiB', ['X', u32(2 ** 31), 'abc'], 'text of 2147483648 bytes'],
    ['has a text beyond its end', ['X', u32(1000), 'abc'], 'cut off'],
    ['has no end', ['}'], 'cut off'],
    ['has a name without an end', ['cos'], 'cut off'],
    ['takes from an empty stack', ['.'], 'takes more than it has put'],
    ['takes below its mark', ['}(', 'R.'], 'takes more than it has put'],
    ['leaves values over', ['}}.'], 'left over'],
    ['has a mark too few', ['}u.'], 'mark'],
    ['appends to a dict', ['}', op.int(1), 'a.'], 'no list'],
    ['has half an item', ['}(', op.int(1), 'u.'], 'no dict'],
    ['is of protocol 4', [0x80, 4, '}.'], 'protocol 4'],
    ['is a list', ['].'], 'no state dict'],
    ['is a dict of nothing', ['}.'], 'no state dict'],
  ] as [string, (string | number | Uint8Array)[], string | RegExp][])('%s', (_, parts, message) => {
    expect(pickled(...parts)).toThrow(error({ name: 'UserError' }));
    expect(pickled(...parts)).toThrow(message);
  });

  test('holds itself: found to be no state dict, without running in circles', () => {
    expect(pickled('}q', 0, op.text('state_dict'), 'h', 0, 's.')).toThrow('no state dict (its keys: state_dict)');
  });

  test.each(['__proto__', 'constructor', 'toString'])('names a tensor %s: it is a tensor like any other', (name) => {
    const weights = parsePytorch(oneTensor({}, name));
    expect(weights.get(name)?.shape).toEqual([2, 2]);
    expect(({} as Record<string, unknown>).shape).toBeUndefined();
  });

  test('changes the shape after the tensor was made: the tensor keeps its own', () => {
    const shape = bytes(']q', 5, '(', op.int(2), op.int(2), 'e');
    const id = op.tuple(
      op.text('storage'),
      op.global('torch', 'FloatStorage'),
      op.text('0'),
      op.text('cpu'),
      op.int(4),
    );
    const args = op.tuple(bytes(id, 'Q'), op.int(0), shape, op.tuple(op.int(2), op.int(1)), bytes(0x89), bytes('}'));
    const tensor = bytes(op.global('torch._utils', '_rebuild_tensor_v2'), args, 'R');
    const grow = bytes('h', 5, op.int(-7), 'a');
    const pickle = bytes(op.start, op.dict(op.text('w'), tensor, op.text('list'), grow), op.stop);
    const weights = parsePytorch(torchFile(pickle, { 0: new Uint8Array(16) }));
    expect(weights.get('w')?.shape).toEqual([2, 2]);
  });
});

describe('a hostile tensor', () => {
  const two32 = op.long(2n ** 32n);
  test.each([
    ['has more values than its storage', { count: op.int(5) }, 'wants 5 values of a storage of 16 bytes'],
    ['has doubles in a storage of floats', { type: 'DoubleStorage' }, 'wants 4 values of a storage of 16 bytes'],
    ['reaches one value too far', { offset: op.int(1) }, 'reaches beyond its storage'],
    ['has strides that reach too far', { stride: [op.int(3), op.int(1)] }, 'reaches beyond its storage'],
    ['has an offset below 0', { offset: op.int(-1) }, 'whole numbers from 0'],
    ['has a stride below 0', { stride: [op.int(-2), op.int(1)] }, 'whole numbers from 0'],
    ['has a size below 0', { shape: [op.int(-2), op.int(2)] }, 'whole numbers from 0'],
    [
      'has half a size',
      { shape: [bytes('G', Buffer.from([0x3f, 0xe0, 0, 0, 0, 0, 0, 0])), op.int(2)] },
      'whole numbers',
    ],
    ['has fewer strides than sizes', { stride: [op.int(1)] }, 'whole numbers from 0'],
    ['has 2^32 x 2^32 values', { shape: [two32, two32], stride: [op.int(0), op.int(0)] }, 'more than'],
    ['has strides whose reach overflows', { stride: [op.long(2n ** 52n), op.long(2n ** 52n)] }, 'reaches beyond'],
    ['has a storage of 2^53 values', { count: op.long(2n ** 53n) }, 'storage in a way'],
    ['has a storage of 2^52 values', { count: op.long(2n ** 52n) }, 'wants 4503599627370496 values'],
    ['makes a billion values of one', { shape: [op.int(2 ** 30)], stride: [op.int(0)] }, 'more than'],
    ['has nine dimensions', { shape: Array(9).fill(op.int(1)), stride: Array(9).fill(op.int(0)) }, '9 dimensions'],
    ['lies in a storage that is missing', { key: '7' }, 'storage 7 of tensor w is missing'],
    ['lies outside the folder of storages', { key: '../data.pkl' }, 'storage in a way'],
    ['is of complex numbers', { type: 'ComplexFloatStorage' }, 'asks for torch.ComplexFloatStorage'],
  ])('%s', (_, lies, message) => {
    expect(() => parsePytorch(oneTensor(lies))).toThrow(error({ name: 'UserError' }));
    expect(() => parsePytorch(oneTensor(lies))).toThrow(message);
  });

  test('many small tensors that stand for too many values are refused before memory is taken', () => {
    const wide = { shape: [op.int(2 ** 25)], stride: [op.int(0)] };
    expect(parsePytorch(oneTensor({ shape: [op.int(1000)], stride: [op.int(0)] })).get('w')!.values).toHaveLength(1000);
    const items = ['a', 'b', 'c'].flatMap((name) => [op.text(name), tensorPickle(wide)]);
    const file = torchFile(bytes(op.start, op.dict(...items), op.stop), { 0: new Uint8Array(16) });
    expect(() => parsePytorch(file)).toThrow('the tensors hold more than 67108864 values');
  });
});

describe('a hostile archive', () => {
  const pickle = bytes(op.start, op.dict(op.text('w'), tensorPickle()), op.stop);
  const storage = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const archive = (entry: Partial<ZipEntry>, lies: ZipLies = {}) =>
    zip(
      [
        { name: 'x/data.pkl', data: pickle },
        { name: 'x/data/0', data: storage, ...entry },
      ],
      lies,
    );

  test('without a lie it is read, also with 64-bit end records and descriptors as torch writes them', () => {
    for (const file of [archive({}), archive({ descriptor: true }), archive({}, { zip64: {} })]) {
      expect(parsePytorch(file).get('w')?.values).toEqual(Float32Array.of(1, 2, 3, 4));
    }
  });

  test.each([
    ['a deflated entry', { method: 8 }, {}, 'holds x/data/0 compressed'],
    ['an encrypted entry', { flags: 1 }, {}, 'holds x/data/0 encrypted'],
    ['a bomb: much said to be in little', { packedSize: 16, size: 2 ** 31, localSize: 16 }, {}, 'two sizes'],
    ['an entry that overlaps another', { offset: 0 }, {}, /overlaps|contradicts/],
    ['an entry longer than the file', { size: 10_000, packedSize: 10_000 }, {}, 'reaches into the directory'],
    ['another size in the header before the data', { localSize: 12 }, {}, 'contradicts itself about x/data/0'],
    ['another name in the header before the data', { localName: 'x/data/1' }, {}, 'contradicts itself'],
    ['a wrong checksum', { crc: 1 }, {}, 'is damaged'],
    ['an offset outside', { offset: 2 ** 31 }, {}, 'no header for x/data/0'],
    ['two entries of a name', { name: 'x/data.pkl' }, {}, 'holds x/data.pkl twice'],
    ['a name that climbs out', { name: 'x/../../etc/passwd' }, {}, 'holds the name'],
    ['an absolute name', { name: '/etc/passwd' }, {}, 'holds the name'],
    ['a name with a backslash', { name: 'x\\data' }, {}, 'holds the name'],
    ['something before it', {}, { before: bytes('#!/bin/sh\n') }, 'overlaps what lies before it'],
    ['something after it', {}, { after: bytes('more') }, 'is cut off, or something follows it'],
    ['fewer entries than its directory', {}, { count: 1 }, 'another size'],
    ['more entries than its directory', {}, { count: 3 }, 'damaged directory'],
    ['65 535 entries', {}, { count: 65_535 }, '65535 entries'],
    ['a shorter directory than it says', {}, { directorySize: 1000 }, 'another size'],
    ['another count in the 64-bit record', {}, { zip64: { count: 1 } }, 'contradict each other'],
    ['another start in the 64-bit record', {}, { zip64: { start: 0 } }, 'contradict each other'],
  ] as [string, Partial<ZipEntry>, ZipLies, string | RegExp][])('%s', (_, entry, lies, message) => {
    expect(() => parsePytorch(archive(entry, lies))).toThrow(error({ name: 'UserError' }));
    expect(() => parsePytorch(archive(entry, lies))).toThrow(message);
  });

  test('two folders with a pickle each, or none, are refused', () => {
    const two = zip(['x', 'y'].map((folder) => ({ name: `${folder}/data.pkl`, data: pickle })));
    expect(() => parsePytorch(two)).toThrow('not of torch.save');
    expect(() => parsePytorch(zip([{ name: 'x/other', data: pickle }]))).toThrow('not of torch.save');
  });

  test('numbers of a big-endian machine are refused', () => {
    const order = { name: 'x/byteorder', data: bytes('big') };
    expect(() => parsePytorch(zip([{ name: 'x/data.pkl', data: pickle }, order]))).toThrow('byte order is "big"');
  });
});
