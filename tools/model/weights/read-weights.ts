// A weight file of any kind we read: safetensors, or what torch.save writes. Told apart by their first bytes, not their names.
import { open } from 'node:fs/promises';
import { parsePytorch } from './pytorch.ts';
import { parseSafetensors } from './safetensors.ts';
import { LONGEST_FILE_BYTES, type Weights, WeightsError } from './tensor.ts';

/**
 * Reads all tensors of a file.
 * @throws WeightsError naming the file, for one that is missing, too long, damaged, hostile or of another kind
 */
export async function readWeights(file: string): Promise<Weights> {
  const bytes = await readBounded(file);
  try {
    return parse(bytes);
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    throw new WeightsError(`${file} cannot be read as weights: ${error.message}.`, { cause: error });
  }
}

function parse(bytes: Uint8Array): Weights {
  const [a, b, c, d] = bytes;
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return parsePytorch(bytes);
  // PROTO 2, LONG1 of ten bytes: the magic number 0x1950a86a20f9469cfc6c.
  if (a === 0x80 && b === 2 && c === 0x8a && d === 10) {
    throw new WeightsError('it was saved by torch before 1.6; load it there and save it again with a newer one');
  }
  if (bytes[8] === 0x7b) return parseSafetensors(bytes);
  throw new WeightsError('it is neither safetensors nor a file of torch.save (.pt, .pth)');
}

/** The file's bytes, unless there are more than LONGEST_FILE_BYTES. */
async function readBounded(file: string): Promise<Uint8Array> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new WeightsError(`Cannot read ${file}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.code}.`, {
      cause,
    });
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new WeightsError(`${file} is no file: give a .safetensors, .pt or .pth file.`);
    if (stat.size > LONGEST_FILE_BYTES) {
      const mebibytes = (size: number) => Math.ceil(size / 2 ** 20);
      throw new WeightsError(
        `${file} has ${mebibytes(stat.size)} MiB, more than the ${mebibytes(LONGEST_FILE_BYTES)} that are read: save only model.state_dict().`,
      );
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
