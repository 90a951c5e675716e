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

/** Values of all tensors together; strides of 0 could otherwise make much of little. */
export const MOST_VALUES = LONGEST_FILE_BYTES / 4;

const MOST_DIMENSIONS = 8;

/** A weight file that is damaged, hostile or of a kind that is not read. */
export class WeightsError extends UserError {}

/** Values of a shape. @throws WeightsError when a size is no whole number from 0, or there are more than MOST_VALUES */
export function countOf(shape: readonly number[], name: string): number {
  const wrong = shape.find((size) => !Number.isSafeInteger(size) || size < 0);
  if (wrong !== undefined)
    throw new WeightsError(`tensor ${name} has the size ${wrong}; sizes are whole numbers from 0`);
  if (shape.length > MOST_DIMENSIONS) {
    throw new WeightsError(`tensor ${name} has ${shape.length} dimensions, more than ${MOST_DIMENSIONS}`);
  }
  const count = shape.reduce((product, size) => product * BigInt(size), 1n);
  if (count > MOST_VALUES) throw new WeightsError(`tensor ${name} has ${count} values, more than ${MOST_VALUES}`);
  return Number(count);
}
