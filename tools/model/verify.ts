// earshot model verify: whether a model is what it should be, and whether its target will take it.
import { Command, Option } from 'commander';
import { printJson, UserError } from '../command.ts';
import { readModelFile } from './graph/read-graph.ts';
import type { Finding } from './judgement.ts';
import { lintModel } from './lint.ts';
import { modelFile } from './model-file.ts';
import { TARGETS, type Target } from './rewrites/all-rewrites.ts';
import { RULES, TENSORRT_RELEASES, type TensorrtRelease } from './target-rules.ts';

interface Options {
  readonly target: Target;
  readonly tensorrt?: TensorrtRelease;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  earshot model verify models/lab/model.onnx --target ort-fp32
  earshot model verify lab-int8.onnx --target trt-int8 --tensorrt 10.3 --json
`;

export function verifyCommand(): Command {
  return new Command('verify')
    .summary('prove a model, or name what its target will not take')
    .description('Judges an ONNX model by the rules of what shall run it: each breach with its node, rule and source.')
    .argument('<model>', 'ONNX file or model folder')
    .addOption(new Option('--target <target>', 'what shall run it').choices(TARGETS).makeOptionMandatory())
    .addOption(new Option('--tensorrt <release>', 'release of TensorRT').choices(TENSORRT_RELEASES))
    .option('--json', 'print one JSON object per finding, then the verdict')
    .addHelpText('after', EXAMPLES)
    .action(verify);
}

async function verify(model: string, { target, tensorrt, json }: Options): Promise<void> {
  const file = await modelFile(model);
  const findings = lintModel(await readModelFile(file), file, target, tensorrt);
  if (json) {
    for (const finding of findings) printJson({ type: 'finding', ...finding });
    printJson({ type: 'verdict', file, target, ...countsOf(findings) });
  } else process.stdout.write(formatFindings(findings, file, target));
  if (countsOf(findings).errors > 0)
    throw new UserError(`${file} breaks rules of ${target}: mend what is listed above.`);
}

export function countsOf(findings: readonly Finding[]): { errors: number; warnings: number } {
  const errors = findings.filter(({ level }) => level === 'error').length;
  return { errors, warnings: findings.length - errors };
}

/** Findings as text; the same rule broken by many nodes is told once, with the nodes. */
export function formatFindings(findings: readonly Finding[], file: string, target: string): string {
  const { errors, warnings } = countsOf(findings);
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  const parts = rules.map((rule) => {
    const breaches = findings.filter((finding) => finding.rule === rule);
    const nodes = breaches.map(({ node, operator, message }) => `    ${node ? `${operator} ${node}: ` : ''}${message}`);
    const shown = nodes.length > 5 ? [...nodes.slice(0, 5), `    and ${nodes.length - 5} more`] : nodes;
    const { level, source } = breaches[0]!;
    return `${level}: ${RULES[rule].rule} (${rule})\n${shown.join('\n')}\n    source: ${source}\n`;
  });
  const verdict = findings.length === 0 ? 'keeps all rules' : `${errors} errors, ${warnings} warnings`;
  return `${parts.join('')}${file} for ${target}: ${verdict}\n`;
}
