// earshot model bench: how fast the forms of a model are on this machine, and where the time goes.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { DEFAULT_VARIANT } from '../../models/manifest.ts';
import { readModel } from '../../runtime/inference/model-files.ts';
import { printJson } from '../command.ts';
import { type BenchedFile, benchFiles } from './bench-files.ts';

interface Options {
  readonly against: readonly string[];
  readonly frames?: number;
  readonly runs: number;
  readonly json?: boolean;
}

/** Above it other work disturbs so much that only ratios of processor time say anything. */
const MUCH_SPREAD = 0.3;
const OPERATORS_SHOWN = 6;

const EXAMPLES = `
All files run the same window in turn on one thread, so that other work disturbs them alike; ratios are of processor time beside
the first file. The forms that the manifest names are measured, and those given with --against.

Examples:
  earshot model bench models/office-foa
  earshot model bench models/office-foa --against exported.onnx --runs 100 --json
  earshot model bench plain.onnx --against fast.onnx --frames 128
`;

export function benchCommand(): Command {
  return new Command('bench')
    .summary('measure how fast the forms of a model are')
    .description('Measures the time of a window in each form of a model, side by side, and what each operator takes.')
    .argument('<model>', 'model folder or ONNX file')
    .option('--against <files...>', 'more ONNX files with the same input', [])
    .option('--frames <number>', "feature frames of the window (default: the model's, 300 for a file)", wholeNumber)
    .option('--runs <number>', 'rounds that count', wholeNumber, 30)
    .option('--json', 'print one JSON object per file')
    .addHelpText('after', EXAMPLES)
    .action(bench);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 99999.');
}

async function bench(name: string, { against, frames, runs, json }: Options): Promise<void> {
  const { files, usual } = await formsOf(name);
  const results = await benchFiles([...new Set([...files, ...against])], frames ?? usual, runs);
  if (json) for (const result of results) printJson(result);
  else process.stdout.write(report(results, frames ?? usual));
  const disturbed = results.filter(({ spread }) => spread > MUCH_SPREAD);
  if (disturbed.length > 0) {
    const most = Math.max(...disturbed.map(({ spread }) => spread));
    process.stderr.write(
      `This machine is busy: the time of a window varies by ${(100 * most).toFixed(0)} %. Trust ratios, not times, or measure again.\n`,
    );
  }
}

async function formsOf(name: string): Promise<{ files: string[]; usual: number }> {
  if (!existsSync(join(name, 'manifest.json'))) return { files: [name], usual: 300 };
  const { manifest } = await readModel(name, DEFAULT_VARIANT);
  const others = Object.entries(manifest.variants).filter(([variant]) => variant !== DEFAULT_VARIANT);
  const inOrder = [manifest.variants[DEFAULT_VARIANT]!, ...others.map(([, file]) => file)];
  return { files: inOrder.map((file) => join(name, file)), usual: manifest.window.frames };
}

function report(results: readonly BenchedFile[], frames: number): string {
  const head = ['file', 'median', 'p10', 'processor', 'ratio', 'spread', 'MMAC/s', 'size'];
  const rows = results.map(({ file, bytes, medianMs, p10Ms, processorMs, spread, ratio, megaMacsPerSecond }) => [
    ...[
      basename(file),
      `${medianMs.toFixed(2)} ms`,
      `${p10Ms.toFixed(2)} ms`,
      `${processorMs.toFixed(2)} ms`,
      ratio.toFixed(3),
    ],
    ...[`${(100 * spread).toFixed(0)} %`, megaMacsPerSecond.toFixed(0), `${(bytes / 2 ** 20).toFixed(2)} MiB`],
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  const where = results.map(({ file, operators }) => {
    const total = operators.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const top = operators.slice(0, OPERATORS_SHOWN).map(({ operator, count, milliseconds }) => {
      return `${operator} ×${count} ${milliseconds.toFixed(2)} ms (${((100 * milliseconds) / total).toFixed(0)} %)`;
    });
    return `${basename(file)}: ${top.join(', ')}`;
  });
  return `A window of ${frames} frames, 1 thread\n${[head, ...rows].map(line).join('\n')}\n\nWhere the time goes\n${where.join('\n')}\n`;
}
