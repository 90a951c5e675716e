// earshot model verify: whether a model's files compute what they should, and whether a target will take them.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_VARIANT } from '../../models/manifest.ts';
import { readModel } from '../../runtime/inference/model-files.ts';
import { printJson, UserError } from '../command.ts';
import { allThreads } from '../engines.ts';
import { DEFAULT_BUDGET } from '../labelled-set.ts';
import { showProgress } from '../progress.ts';
import { writeVerifyPicture } from '../verify-picture.ts';
import { writeWhole } from '../write-whole.ts';
import { readModelFile } from './graph/read-graph.ts';
import { lintModel } from './lint.ts';
import { countsOf, formatFindings } from './lint-report.ts';
import { modelFile } from './model-file.ts';
import { FILES } from './quantise/targets.ts';
import { TARGETS, type Target } from './rewrites/all-rewrites.ts';
import { TENSORRT_RELEASES, type TensorrtRelease } from './target-rules.ts';
import { TENSORRT_TARGETS, type VerifiedFile, verifyFiles } from './verify-files.ts';
import { formatReport } from './verify-report.ts';

interface Options {
  readonly target?: Target;
  readonly tensorrt?: TensorrtRelease;
  readonly against?: readonly string[];
  readonly labelled?: string;
  readonly budgetF1: number;
  readonly budgetDe: number;
  readonly report?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Without --target the files of a model folder are run: float32 against what PyTorch gave on the golden windows, narrower ones
against a wider tolerance, for int8 also which operators ONNX Runtime really computes in integers, and with --labelled the
scores of the task beside those of the float32 model. With --target the file is judged by the rules of that target.

Examples:
  earshot model verify models/office-foa
  earshot model verify models/office-foa --against office-int8.onnx --labelled scenes --report out
  earshot model verify models/lab/model.onnx --target ort-fp32
  earshot model verify lab-int8.onnx --target trt-int8 --tensorrt 10.3 --json
`;

export function verifyCommand(): Command {
  return new Command('verify')
    .summary('prove the files of a model, or name what a target will not take')
    .description(
      'Proves that the files of a model compute what its weights compute in PyTorch, or judges one for a target.',
    )
    .argument('<model>', 'model folder; with --target also an ONNX file')
    .addOption(new Option('--target <target>', 'judge by the rules of what shall run it').choices(TARGETS))
    .addOption(
      new Option('--tensorrt <release>', 'release of TensorRT, with --target trt...').choices(TENSORRT_RELEASES),
    )
    .option('--against <files...>', 'more ONNX files of the same model to prove')
    .option('--labelled <folder>', 'recordings with labels: a data folder, or a CSV beside each recording')
    .option('--budget-f1 <points>', 'F1 that a file may lose beside float32', positive, DEFAULT_BUDGET.f1Points)
    .option('--budget-de <degrees>', 'direction error that a file may add', positive, DEFAULT_BUDGET.degrees)
    .option('--report <folder>', 'write verify.txt, verify.json and verify.png there')
    .option('--json', 'print one JSON object per finding or file, then the verdict')
    .addHelpText('after', EXAMPLES)
    .action(verify);
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number from 0.');
}

function verify(model: string, options: Options): Promise<void> {
  return options.target ? judge(model, options.target, options) : prove(model, options);
}

async function judge(model: string, target: Target, { tensorrt, json }: Options): Promise<void> {
  if (tensorrt && !target.startsWith('trt')) throw new UserError(`--tensorrt ${tensorrt} is of no use to ${target}.`);
  const file = await modelFile(model);
  const findings = lintModel(await readModelFile(file), file, target, tensorrt);
  const { errors } = countsOf(findings);
  if (json) {
    for (const finding of findings) printJson({ type: 'finding', ...finding });
    printJson({ type: 'verdict', file, target, ...countsOf(findings) });
  } else process.stdout.write(formatFindings(findings, file, target));
  if (errors > 0) throw new UserError(`${file} breaks rules of ${target}: mend what is listed above.`);
}

async function prove(folder: string, options: Options): Promise<void> {
  const { against = [], labelled, report, json } = options;
  const model = await readModel(folder, DEFAULT_VARIANT);
  const forTensorrt = TENSORRT_TARGETS.map((target) => FILES[target].file).filter((file) =>
    existsSync(join(folder, file)),
  );
  const variants = [...Object.values(model.manifest.variants), ...forTensorrt].map((file) => join(folder, file));
  const files = [model.networkFile, ...variants, ...against].filter(
    (file, i, all) => all.findIndex((f) => resolve(f) === resolve(file)) === i,
  );
  const budget = { f1Points: options.budgetF1, degrees: options.budgetDe };
  let progress: ReturnType<typeof showProgress> | undefined;
  const onRecording = (done: number, of: number) => {
    progress ??= showProgress('verify', of, 'recordings');
    progress.update(done, '');
  };
  const verified = await verifyFiles(model, files, { labelled, budget, threads: allThreads(), onRecording });
  progress?.finish();
  const text = formatReport(`${model.manifest.name} (${folder})`, verified);
  const refused = verified.filter(({ faults }) => faults.length > 0);
  if (json) {
    for (const file of verified) printJson({ type: 'file', ...file });
    printJson({ type: 'verdict', files: verified.length, refused: refused.map(({ file }) => file) });
  } else process.stdout.write(text);
  if (report) await writeReport(report, model.manifest.name, verified, budget, text);
  if (refused.length > 0)
    throw new UserError(`${refused.map(({ file }) => file).join(', ')} cannot be used: see the report above.`);
}

async function writeReport(
  folder: string,
  name: string,
  verified: readonly VerifiedFile[],
  budget: { f1Points: number; degrees: number },
  text: string,
): Promise<void> {
  const rows = verified.map(({ file, precision, bytes, golden = [], labelled, faults }) => ({
    name: file.split('/').at(-1)!,
    detail: `${precision}, ${(bytes / 2 ** 20).toFixed(2)} MiB`,
    proved: faults.length === 0,
    sqnrDb: Object.fromEntries(golden.map(({ output, sqnrDb }) => [output, sqnrDb])),
    scores: labelled && { f1: 100 * labelled.scores.F1, degrees: labelled.scores.DE_unsnapped ?? 180 },
  }));
  const refused = verified.filter(({ faults }) => faults.length > 0).length;
  const subtitle =
    refused === 0 ? `all ${verified.length} files are proved` : `${refused} of ${verified.length} files are refused`;
  await writeWhole(join(folder, 'verify.txt'), text);
  await writeWhole(join(folder, 'verify.json'), `${JSON.stringify({ name, budget, files: verified }, null, 2)}\n`);
  await writeVerifyPicture({ title: `How exact ${name} is`, subtitle, rows, budget }, join(folder, 'verify.png'));
}
