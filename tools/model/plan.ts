// earshot model plan: the exact command that builds a TensorRT engine on a board, and how its result is proved.
import { Command, Option } from 'commander';
import { DEFAULT_VARIANT } from '../../models/manifest.ts';
import { PRECISIONS, type Precision } from '../../models/tensorrt-releases.ts';
import { findModel } from '../../runtime/inference/model-files.ts';
import { printJson, UserError } from '../command.ts';
import { type EnginePlan, planEngine } from './engine-plan.ts';
import { countsOf, formatFindings } from './lint-report.ts';

interface Options {
  readonly board: string;
  readonly jetpack: string;
  readonly precision?: Precision;
  readonly json?: boolean;
}

const EXAMPLES = `
Flags of trtexec differ from release to release; these are the ones that the board's release takes. Engines fit one board and
one release: they are built on the board, from the ONNX file.

Examples:
  earshot model plan models/office-foa --board xavier-nx --jetpack 5.1.3
  earshot model plan lab --board orin-nano --jetpack 6.2 --precision int8 --json
`;

export function planCommand(): Command {
  return new Command('plan')
    .summary('say how a board builds its TensorRT engine')
    .description(
      'Tells the trtexec command for a board and its JetPack, the files it writes and the proof of the engine.',
    )
    .argument('<model>', 'model folder, or the name of a shipped model')
    .requiredOption('--board <name>', 'what shall run it, one of boards/jetson')
    .requiredOption('--jetpack <release>', 'its JetPack, e.g. 6.2')
    .addOption(
      new Option('--precision <name>', 'default: int8 where board and model have it, else fp16').choices(PRECISIONS),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: Options) => {
      const plan = await planEngine(await findModel(name, 'foa', DEFAULT_VARIANT), options);
      if (options.json) printJson(plan);
      else process.stdout.write(formatPlan(plan));
      const { errors } = countsOf(plan.findings);
      if (errors > 0)
        throw new UserError(`TensorRT ${plan.jetpack.tensorrt} will not take ${plan.onnx}: see the rules above.`);
    });
}

function formatPlan({
  board,
  jetpack,
  precision,
  typing,
  onnx,
  command,
  cacheKey,
  writes,
  golden,
  findings,
}: EnginePlan): string {
  const proof = golden
    ? `${golden.file}: ${golden.windows} windows, each output within ${golden.tolerance} (root mean square) of PyTorch`
    : 'none: make golden windows with "earshot model golden"';
  const [program, ...args] = command;
  return [
    `${board.summary}, JetPack ${jetpack.jetpack} (L4T ${jetpack.l4t.join(', ')}): TensorRT ${jetpack.tensorrt}, sm_${board.sm}`,
    `file     ${onnx} (${precision}, ${typing === 'strong' ? 'types as in the file' : 'types chosen by the builder'})`,
    `command  ${[program, ...args].join(' \\\n           ')}`,
    `writes   ${writes.join('\n         ')}`,
    `key      ${cacheKey}`,
    `proof    ${proof}`,
    `linter   ${formatFindings(findings, onnx, `TensorRT ${jetpack.tensorrt}`).trimEnd().replaceAll('\n', '\n         ')}`,
    'No board has run this command yet: see docs/hardware-checklist.md.',
    '',
  ].join('\n');
}
