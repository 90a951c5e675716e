// The files of a model judged one by one: against PyTorch's golden windows, for fusion, and on labelled recordings.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type GoldenWindows, readGoldenWindows } from '../../runtime/golden-windows.ts';
import type { Model } from '../../runtime/inference/model-files.ts';
import { type Budget, findLabelled, isWithin, type Judged, judgeOnLabelled } from '../labelled-set.ts';
import { checkFusion, type Fusion } from './fusion.ts';
import { typeName } from './graph/constants.ts';
import { inferTypes } from './graph/infer-types.ts';
import { parseGraph, readModelFile } from './graph/read-graph.ts';
import type { Finding } from './judgement.ts';
import { lintModel } from './lint.ts';
import { decodeModel } from './onnx/codec.ts';
import { compareWithGolden, LARGEST_FLOAT32_DIFFERENCE, type OutputDifference } from './prove-golden.ts';
import { FILES } from './quantise/targets.ts';
import { WEIGHTED } from './target-rules.ts';

/** Files of "model quantise" that boards build engines of. */
export const TENSORRT_TARGETS = ['trt-fp16', 'trt-int8', 'trt8'] as const;

export type Precision = 'float32' | 'float16' | 'int8';

export interface VerifiedFile {
  readonly file: string;
  readonly precision: Precision;
  readonly bytes: number;
  /** Absent where the model has no golden windows. */
  readonly golden?: readonly OutputDifference[];
  /** A file for TensorRT is computed here node by node: what gets fused only its board can tell. */
  readonly runtime: 'onnxruntime' | 'tensorrt';
  /** Of int8 files for ONNX Runtime. */
  readonly fusion?: Fusion;
  /** Of files for TensorRT: what its linter says. */
  readonly findings?: readonly Finding[];
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
  const read = await Promise.all(files.map(async (file) => describe(file, await readModelFile(file))));
  const heard = read.filter(({ runtime }) => runtime === 'onnxruntime').map(({ file }) => file);
  const set = labelled === undefined ? [] : await findLabelled(labelled, model);
  const onOne = (done: number) => onRecording?.(done, set.length);
  const judged = set.length > 0 ? await judgeOnLabelled(model, heard, set, { threads, onRecording: onOne }) : [];
  const results: VerifiedFile[] = [];
  for (const { file, bytes, precision, runtime, target } of read) {
    // Node by node for TensorRT's files: ONNX Runtime 1.30 crashes when it lays out float16 convolutions for this processor.
    const optimisation = runtime === 'tensorrt' ? 'disabled' : 'all';
    const differences = golden && (await compareWithGolden(bytes, file, golden, optimisation));
    const fusion = runtime === 'onnxruntime' && precision === 'int8' ? await checkFusion(bytes, file) : undefined;
    const findings = target && lintModel(bytes, file, target);
    const own = judged.find(({ network }) => network === file);
    const faults = [
      ...goldenFaults(differences ?? [], precision, model),
      ...fusionFaults(fusion),
      ...lintFaults(findings ?? []),
      ...labelledFaults(judged[0], own, budget),
    ];
    const facts = { file, runtime, precision, bytes: bytes.length };
    results.push({ ...facts, golden: differences, fusion, findings, labelled: own, faults });
  }
  return results;
}

/** A file and what it is for: told by the name that "model quantise" gives, or by float16 convolutions, which only TensorRT wants. */
function describe(file: string, bytes: Uint8Array) {
  const precision = precisionOf(bytes);
  const named = TENSORRT_TARGETS.find((target) => FILES[target].file === basename(file));
  const byTypes = computesInHalves(bytes, file) ? (precision === 'int8' ? 'trt-int8' : 'trt-fp16') : undefined;
  const target = named ?? byTypes;
  return { file, bytes, precision, target, runtime: target ? ('tensorrt' as const) : ('onnxruntime' as const) };
}

/** Constants in float16 alone say nothing: weights may be stored so and computed with in float32. */
function computesInHalves(bytes: Uint8Array, file: string): boolean {
  const graph = parseGraph(bytes, file);
  const types = inferTypes(graph);
  return graph.nodes.some(({ opType, input }) => opType in WEIGHTED && types.get(input[0]!) === 'float16');
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

function lintFaults(findings: readonly Finding[]): string[] {
  const errors = findings.filter(({ level }) => level === 'error');
  const rules = [...new Set(errors.map(({ rule }) => rule))];
  return rules.map((rule) => {
    const [first, ...others] = errors.filter((finding) => finding.rule === rule);
    const { operator, node, message } = first!;
    const more = others.length > 0 ? `, and ${others.length} more` : '';
    return `${rule}: ${node ? `${operator} ${node}: ` : ''}${message}${more}`;
  });
}

function labelledFaults(reference: Judged | undefined, own: Judged | undefined, budget: Budget): string[] {
  if (!reference || !own || isWithin(budget, reference.scores, own.scores)) return [];
  const f1 = (100 * (own.scores.F1 - reference.scores.F1)).toFixed(2);
  const degrees = ((own.scores.DE_unsnapped ?? 180) - (reference.scores.DE_unsnapped ?? 180)).toFixed(2);
  return [
    `on the labelled set F1 changes by ${f1} points and the direction error by ${degrees}° beside ${basename(reference.network)}; the budget is -${budget.f1Points} and +${budget.degrees}°`,
  ];
}
