// earshot model optimise: the same network in fewer and cheaper nodes, proved against the original before it is written.
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { nearestName } from '../../runtime/nearest-name.ts';
import { printJson, UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';
import { parseGraph, readModelFile } from './graph/read-graph.ts';
import { modelFile } from './model-file.ts';
import { type Proof, proveEqual } from './prove.ts';
import { REWRITES, type RewriteCount, rewriteGraph, TARGETS, type Target } from './rewrites/all-rewrites.ts';

interface Options {
  readonly out: string;
  readonly target: Target;
  readonly without: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export interface Optimised {
  readonly bytes: Uint8Array;
  readonly rewrites: readonly RewriteCount[];
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  readonly proof: Proof;
}

const moreHelp = () => `
Rewrites, in this order; each can be left out by its name:
${REWRITES.map(({ name, summary, runtime }) => `  ${name.padEnd(12)} ${summary}${runtime ? ` (${runtime} only)` : ''}`).join('\n')}

The result is run beside the original on random windows and silence, and written only when both agree.

Examples:
  earshot model optimise models/lab/model.onnx --out lab-fast.onnx
  earshot model optimise exported.onnx --out fast.onnx --without elu,batch-norm
  earshot model optimise exported.onnx --out for-tensorrt.onnx --target trt-fp16
`;

export function optimiseCommand(): Command {
  return new Command('optimise')
    .summary('make a model faster without changing what it computes')
    .description('Rewrites an ONNX model into fewer and cheaper nodes that compute the same, and proves it.')
    .argument('<model>', "ONNX file, ours or another exporter's, or a model folder")
    .requiredOption('--out <file>', 'ONNX file to write')
    .addOption(new Option('--target <target>', 'what will run it').choices(TARGETS).default('ort-fp32'))
    .option('--without <names>', 'rewrites to leave out, separated by commas', rewriteNames, [])
    .option('--dry-run', 'optimise and prove, write nothing')
    .option('--json', 'print one JSON object')
    .addHelpText('after', moreHelp)
    .action(run);
}

function rewriteNames(list: string): string[] {
  const known = REWRITES.map(({ name }) => name);
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new UserError(
    `--without: there is no rewrite "${unknown}", did you mean "${nearestName(unknown, known)}"? Known: ${known.join(', ')}.`,
  );
}

async function run(model: string, { out, target, without, dryRun = false, json }: Options): Promise<void> {
  const file = await modelFile(model);
  if (resolve(out) === resolve(file)) {
    throw new UserError(`--out ${out} is the model itself, which the result is proved against: give another name.`);
  }
  const original = await readModelFile(file);
  const { bytes, ...result } = await optimiseModel(original, file, target, without);
  if (!dryRun) await writeWhole(out, bytes);
  const sizes = { bytesBefore: original.length, bytesAfter: bytes.length };
  if (json) printJson({ file: out, written: !dryRun, target, ...result, ...sizes });
  else process.stdout.write(report(file, dryRun ? 'nothing written' : out, { bytes, ...result }, sizes));
}

/**
 * Rewrites a model and proves the result.
 * @param original bytes of an ONNX model
 * @param where what it is called in messages
 * @throws UserError when it cannot be edited safely, not be run, or the result is not the same
 */
export async function optimiseModel(
  original: Uint8Array,
  where: string,
  target: Target = 'ort-fp32',
  without: readonly string[] = [],
): Promise<Optimised> {
  const graph = parseGraph(original, where);
  const nodesBefore = graph.size;
  const rewrites = rewriteGraph(graph, target, without);
  const bytes = graph.encode();
  const proof = await proveEqual(original, bytes, where);
  return { bytes, rewrites, nodesBefore, nodesAfter: graph.size, proof };
}

function report(
  from: string,
  to: string,
  { rewrites, nodesBefore, nodesAfter, proof }: Optimised,
  { bytesBefore, bytesAfter }: { bytesBefore: number; bytesAfter: number },
): string {
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(2);
  const lines = rewrites.map(
    ({ name, fired, summary }) => `  ${name.padEnd(12)}${String(fired).padStart(5)}  ${summary}`,
  );
  return [
    `${from} -> ${to}`,
    ...lines,
    `nodes ${nodesBefore} -> ${nodesAfter}, ${mebibytes(bytesBefore)} -> ${mebibytes(bytesAfter)} MiB`,
    `Proved on ${proof.windows} windows: largest difference ${proof.largestDifference.toPrecision(2)}, allowed ${proof.allowed}.\n`,
  ].join('\n');
}
