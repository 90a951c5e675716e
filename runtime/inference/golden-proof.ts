// Whether a backend computes what the network's golden windows say: asked before an engine is used for the first time.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GoldenWindows, readGoldenWindows, rmsDifference } from '../golden-windows.ts';
import { type InferenceBackend, InferenceError } from './engine.ts';
import type { Model } from './model-files.ts';

type Precision = 'fp32' | 'fp16' | 'int8';
const TOLERANCE_OF = { fp32: 'float32', fp16: 'float16', int8: 'int8' } as const;

export interface Proof {
  /** Largest root mean square difference of an output over the windows; null: the model has no golden windows. */
  readonly rms: number | null;
  readonly windows: number;
}

/**
 * Runs the golden windows of a model through a started backend.
 * @throws InferenceError when an output is further off than the precision allows
 */
export async function proveBackend(backend: InferenceBackend, model: Model, precision: Precision): Promise<Proof> {
  const { golden } = model.manifest;
  if (!golden) return { rms: null, windows: 0 };
  const file = join(model.folder, golden.file);
  const { dims, windows }: GoldenWindows = readGoldenWindows(await readFile(file), file);
  const allowed = golden.tolerance[TOLERANCE_OF[precision]];
  let worst = 0;
  for (const { features, outputs } of windows) {
    const found = await backend.run(features.slice(), dims[1]);
    for (const name of ['activity', 'direction'] as const) {
      const expected = outputs[name];
      if (expected) worst = Math.max(worst, rmsDifference(expected, found[name]));
    }
  }
  if (worst <= allowed) return { rms: worst, windows: windows.length };
  throw new InferenceError(
    `${backend.description} computes ${model.manifest.name} wrongly: its golden windows are off by ${worst.toPrecision(3)} ` +
      `(root mean square), ${precision} may be by ${allowed}.`,
  );
}
