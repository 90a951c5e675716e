// Weight files made by hand, byte by byte, so that each can break one rule.

/** Bytes of numbers, texts and other bytes in a row. */
export function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const chunks = parts.map((part) =>
    typeof part === 'number' ? Uint8Array.of(part) : typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
  );
  return new Uint8Array(Buffer.concat(chunks));
}

export function u16(value: number): Uint8Array {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

export function u32(value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

export function u64(value: bigint | number): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

export interface ZipEntry {
  name: string;
  data: Uint8Array;
  /** What the directory says instead of the truth. */
  method?: number;
  flags?: number;
  size?: number;
  packedSize?: number;
  crc?: number;
  offset?: number;
  /** What the local header says instead of the truth. */
  localName?: string;
  localSize?: number;
  /** Behind the data. */
  descriptor?: boolean;
}

export interface ZipLies {
  before?: Uint8Array;
  after?: Uint8Array;
  count?: number;
  directorySize?: number;
  zip64?: { count?: number; start?: number };
}

/** A ZIP archive of stored entries. */
export function zip(entries: readonly ZipEntry[], lies: ZipLies = {}): Uint8Array<ArrayBuffer> {
  const locals: Uint8Array[] = [lies.before ?? bytes()];
  const directory: Uint8Array[] = [];
  let at = locals[0]!.length;
  for (const entry of entries) {
    const { name, data, method = 0, localName = name, descriptor = false } = entry;
    const flags = entry.flags ?? (descriptor ? 8 : 0);
    const crc = entry.crc ?? crc32(data);
    const size = entry.size ?? data.length;
    const localSize = descriptor ? 0 : (entry.localSize ?? size);
    const tail = descriptor ? bytes('PK\x07\x08', u32(crc), u32(size), u32(size)) : bytes();
    const local = bytes('PK\x03\x04', u16(0), u16(flags), u16(method), u32(0), u32(descriptor ? 0 : crc));
    locals.push(bytes(local, u32(localSize), u32(localSize), u16(localName.length), u16(0), localName, data, tail));
    const head = bytes('PK\x01\x02', u32(0), u16(flags), u16(method), u32(0), u32(crc), u32(entry.packedSize ?? size));
    const places = bytes(u32(size), u16(name.length), u16(0), u16(0), u16(0), u16(0), u32(0), u32(entry.offset ?? at));
    directory.push(bytes(head, places, name));
    at += locals.at(-1)!.length;
  }
  const index = bytes(...directory);
  const count = lies.count ?? entries.length;
  const size = lies.directorySize ?? index.length;
  const end = bytes('PK\x05\x06', u32(0), u16(count), u16(count), u32(size), u32(at), u16(0));
  return bytes(
    ...locals,
    index,
    end64(lies.zip64, { count, size, at, indexEnd: at + index.length }),
    end,
    lies.after ?? '',
  );
}

function end64(
  lies: ZipLies['zip64'],
  truth: { count: number; size: number; at: number; indexEnd: number },
): Uint8Array {
  if (!lies) return bytes();
  const count = u64(lies.count ?? truth.count);
  const record = bytes('PK\x06\x06', u64(44), u16(30), u16(45), u32(0), u32(0), count, count, u64(truth.size));
  return bytes(record, u64(lies.start ?? truth.at), 'PK\x06\x07', u32(0), u64(truth.indexEnd), u32(1));
}

/** CRC-32 bit by bit: not the table of the reader. */
function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A file of torch.save with this pickle and these storages. */
export function torchFile(
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array<ArrayBuffer> {
  const data = Object.entries(storages).map(([key, data]) => ({ name: `x/data/${key}`, data }));
  return zip([{ name: 'x/data.pkl', data: pickle, descriptor: true }, ...data]);
}

/** Opcodes of pickle protocol 2. */
export const op = {
  start: bytes(0x80, 2),
  stop: bytes('.'),
  global: (module: string, name: string) => bytes('c', `${module}\n${name}\n`),
  text: (value: string) => bytes('X', u32(value.length), value),
  int: (value: number) => {
    const out = Buffer.alloc(4);
    out.writeInt32LE(value);
    return bytes('J', out);
  },
  /** LONG1: whole numbers of any size. */
  long: (value: bigint) => {
    const hex = value.toString(16);
    const big = Buffer.from(hex.length % 2 ? `0${hex}` : `00${hex}`, 'hex').reverse();
    return bytes(0x8a, big.length, big);
  },
  tuple: (...values: Uint8Array[]) => bytes('(', ...values, 't'),
  dict: (...items: Uint8Array[]) => bytes('}(', ...items, 'u'),
};

export interface TensorLies {
  key?: string;
  type?: string;
  count?: Uint8Array;
  offset?: Uint8Array;
  shape?: readonly Uint8Array[];
  stride?: readonly Uint8Array[];
}

/** The pickle of one tensor; by default [2, 2] row-major in storage 0 of four floats. */
export function tensorPickle(lies: TensorLies = {}): Uint8Array {
  const { key = '0', type = 'FloatStorage', count = op.int(4), offset = op.int(0) } = lies;
  const { shape = [op.int(2), op.int(2)], stride = [op.int(2), op.int(1)] } = lies;
  const id = op.tuple(op.text('storage'), op.global('torch', type), op.text(key), op.text('cpu'), count);
  const args = op.tuple(bytes(id, 'Q'), offset, op.tuple(...shape), op.tuple(...stride), bytes(0x89), bytes('}'));
  return bytes(op.global('torch._utils', '_rebuild_tensor_v2'), args, 'R');
}

/** A state dict file of one tensor named w over four floats 1, 2, 3, 4. */
export function oneTensor(lies: TensorLies = {}, name = 'w'): Uint8Array<ArrayBuffer> {
  const pickle = bytes(op.start, op.dict(op.text(name), tensorPickle(lies)), op.stop);
  return torchFile(pickle, { 0: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) });
}

/** A safetensors file of this header and data. */
export function safetensors(header: string | object, data = 0, length?: bigint): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  return bytes(u64(length ?? text.length), text, new Uint8Array(data));
}
