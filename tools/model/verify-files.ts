// The files of a model judged one by one: against PyTorch's golden windows, for fusion, and on labelled recordings.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type GoldenWindows, readGoldenWindows } from '../../runtime/golden-windows.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { type Budget, findLabelled, isWithin, type Judged, judgeOnLabelled } from '../labelled-set.ts';
import { checkFusion, type Fusion } from './fusion.ts';
import { typeName } from './graph/constants.ts';
import { readModelFile } from './graph/read-graph.ts';
import { decodeModel } from './onnx/codec.ts';
import { compareWithGolden, LARGEST_FLOAT32_DIFFERENCE, type OutputDifference } from './prove-golden.ts';

export type Precision = 'float32' | 'float16' | 'int8';

export interface VerifiedFile {
  readonly file: string;
  readonly precision: Precision;
  readonly bytes: number;
  /** Absent where the model has no golden windows. */
  readonly golden?: readonly OutputDifference[];
  /** Of int8 files. */
  readonly fusion?: Fusion;
  readonly labelled?: Judged;
  /** What speaks against using it, each a sentence; none: it is proved. */
  readonly faults: readonly string[];
}

export interface VerifyOptions {
  readonly labelled?: string;
  readonly budget: Budget;
  readonly threads: number;
  readonly onRecording?: (done: number, of: number) => void;
}

/**
 * Judges model files; the first is the float32 reference of the labelled set.
 * @throws UserError when a file cannot be read or run, or the labelled set is none
 */
export async function verifyFiles(
  model: Model,
  files: readonly string[],
  { labelled, budget, threads, onRecording }: VerifyOptions,
): Promise<VerifiedFile[]> {
  const golden = await goldenOf(model);
  const set = labelled === undefined ? [] : await findLabelled(labelled, model);
  const onOne = (done: number) => onRecording?.(done, set.length);
  const judged = set.length > 0 ? await judgeOnLabelled(model, files, set, { threads, onRecording: onOne }) : [];
  const results: VerifiedFile[] = [];
  for (const [i, file] of files.entries()) {
    const bytes = await readModelFile(file);
    const precision = precisionOf(bytes);
    const differences = golden && (await compareWithGolden(bytes, file, golden));
    const fusion = precision === 'int8' ? await checkFusion(bytes, file) : undefined;
    const faults = [
      ...goldenFaults(differences ?? [], precision, model),
      ...fusionFaults(fusion),
      ...labelledFaults(judged, i, budget),
    ];
    results.push({ file, precision, bytes: bytes.length, golden: differences, fusion, labelled: judged[i], faults });
  }
  return results;
}

async function goldenOf({ folder, manifest }: Model): Promise<GoldenWindows | undefined> {
  if (!manifest.golden) return undefined;
  const file = join(folder, manifest.golden.file);
  return readGoldenWindows(await readFile(file), file);
}

const INTEGER_OPERATOR = /^(Q[A-Z].*|QuantizeLinear|DequantizeLinear|.*Integer)$/;

/** The narrowest numbers that it computes in; read from the graph, not from its name. */
export function precisionOf(bytes: Uint8Array): Precision {
  const { node = [], initializer = [] } = decodeModel(bytes).graph ?? {};
  if (node.some(({ opType }) => opType === 'QuantizeLinear' || INTEGER_OPERATOR.test(opType))) return 'int8';
  return initializer.some(({ dataType }) => typeName(dataType) === 'float16') ? 'float16' : 'float32';
}

function goldenFaults(differences: readonly OutputDifference[], precision: Precision, { manifest }: Model): string[] {
  return differences.flatMap(({ output, largest, rms }) => {
    const allowed = manifest.golden!.tolerance[precision];
    if (precision === 'float32' && !(largest <= LARGEST_FLOAT32_DIFFERENCE)) {
      return [
        `${output} differs from PyTorch by ${largest.toPrecision(3)}, rounding does ${LARGEST_FLOAT32_DIFFERENCE}`,
      ];
    }
    if (rms <= allowed) return [];
    return [
      `${output} differs from PyTorch by ${rms.toPrecision(3)} (root mean square), ${precision} may by ${allowed}`,
    ];
  });
}

function fusionFaults(fusion: Fusion | undefined): string[] {
  const islands = fusion?.islands ?? [];
  if (islands.length === 0) return [];
  const names = islands.map(({ operator, node }) => `${operator} ${node}`);
  return [`${islands.length} of ${fusion!.expected} quantised operators run in float32: ${names.join(', ')}`];
}

function labelledFaults(judged: readonly Judged[], i: number, budget: Budget): string[] {
  const [reference, own] = [judged[0], judged[i]];
  if (!reference || !own || isWithin(budget, reference.scores, own.scores)) return [];
  const f1 = (100 * (own.scores.F1 - reference.scores.F1)).toFixed(2);
  const degrees = ((own.scores.DE_unsnapped ?? 180) - (reference.scores.DE_unsnapped ?? 180)).toFixed(2);
  return [
    `on the labelled set F1 changes by ${f1} points and the direction error by ${degrees}° beside ${basename(reference.network)}; the budget is -${budget.f1Points} and +${budget.degrees}°`,
  ];
}
