// Whether a model file gives what PyTorch gave on the golden windows.
import { type GoldenWindows, rmsDifference } from '../../runtime/golden-windows.ts';
import { UserError } from '../command.ts';
import { openSession } from './onnx-session.ts';

/** Per output value in float32: PyTorch and ONNX Runtime add up in different orders; measured 5e-7 to 2e-5. */
export const LARGEST_FLOAT32_DIFFERENCE = 1e-4;

export interface OutputDifference {
  readonly output: string;
  /** Over all windows. */
  readonly largest: number;
  /** Of the worst window. */
  readonly rms: number;
  /** Power of PyTorch's values over power of the difference, all windows; infinite when they are the same. */
  readonly sqnrDb: number;
}

/**
 * @param optimisation 'disabled' computes node by node: for files that are not for ONNX Runtime
 * @throws UserError when the file cannot be run on the windows, or has not the outputs
 */
export async function compareWithGolden(
  model: Uint8Array,
  where: string,
  { dims, windows }: GoldenWindows,
  optimisation: 'disabled' | 'all' = 'all',
): Promise<OutputDifference[]> {
  const session = await openSession(model, where, { optimisation });
  const sums = new Map<string, { largest: number; rms: number; signal: number; noise: number }>();
  try {
    for (const { features, outputs } of windows) {
      const input = { dims: [1, ...dims], values: features };
      const given = await session.run({ [session.inputNames[0]!]: input });
      for (const [name, expected] of Object.entries(outputs)) {
        const found = given[name]?.values;
        if (found?.length !== expected.length) {
          throw new UserError(`${where} gives no output ${name} of ${expected.length} values on a golden window.`);
        }
        sums.set(name, add(sums.get(name), expected, found));
      }
    }
  } finally {
    await session.close();
  }
  return [...sums].map(([output, { largest, rms, signal, noise }]) => {
    return { output, largest, rms, sqnrDb: 10 * Math.log10(signal / noise) };
  });
}

function add(
  before = { largest: 0, rms: 0, signal: 0, noise: 0 },
  expected: Float32Array,
  found: Float32Array,
): typeof before {
  let { largest, signal, noise } = before;
  expected.forEach((value, i) => {
    const apart = Math.abs(value - found[i]!);
    largest = Math.max(largest, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    signal += value ** 2;
    noise += apart ** 2;
  });
  return { largest, rms: Math.max(before.rms, rmsDifference(expected, found)), signal, noise };
}

/** @throws UserError when a float32 model differs from PyTorch by more than rounding */
export async function proveGolden(
  model: Uint8Array,
  where: string,
  golden: GoldenWindows,
): Promise<OutputDifference[]> {
  const differences = await compareWithGolden(model, where, golden);
  const wrong = differences.find(({ largest }) => !(largest <= LARGEST_FLOAT32_DIFFERENCE));
  if (!wrong) return differences;
  throw new UserError(
    `${where} differs from PyTorch by ${wrong.largest.toPrecision(3)} in ${wrong.output} on its golden windows, more than the ${LARGEST_FLOAT32_DIFFERENCE} that rounding may do: they were made with other weights, or the file is not built from them; run "earshot model golden" after "earshot model build".`,
  );
}
