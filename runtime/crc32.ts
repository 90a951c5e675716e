// CRC-32 of ISO 3309, as zip archives and our records use it; node:zlib has it only from Node 20.15 on.

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** Checksum of bytes [from, to), going on from the checksum of earlier ones. */
export function crc32(bytes: Uint8Array, from = 0, to = bytes.length, before = 0): number {
  const table = TABLE;
  let crc = ~before;
  for (let i = from; i < to; i += 1) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
