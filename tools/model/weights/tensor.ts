// Tensors by name, as all readers of weight files give them.
import { UserError } from '../../command.ts';

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major; half precisions are widened, doubles and integers rounded to float32. */
  readonly values: Float32Array<ArrayBuffer>;
}

export type Weights = ReadonlyMap<string, Tensor>;

/** A weight file longer than this is refused before it is read: the largest network described here is far smaller. */
export const LONGEST_FILE_BYTES = 256 * 2 ** 20;

/** A weight file that is damaged, hostile or of a kind that is not read. */
export class WeightsError extends UserError {}

/** Values of a shape. @throws WeightsError when a size is no whole number from 0, or their product is beyond all files */
export function countOf(shape: readonly number[], name: string): number {
  if (shape.length > 8) throw new WeightsError(`tensor ${name} has ${shape.length} dimensions; at most 8 are read`);
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new WeightsError(`tensor ${name} has the size ${size} in its shape; sizes are whole numbers from 0`);
    }
    count *= size;
    if (count > LONGEST_FILE_BYTES)
      throw new WeightsError(`tensor ${name} has the shape ${shape}: more than a file may hold`);
  }
  return count;
}
