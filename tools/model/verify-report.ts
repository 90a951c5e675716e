// The report of model verify as text and as JSON.
import { basename } from 'node:path';
import { countsOf } from './lint-report.ts';
import type { VerifiedFile } from './verify-files.ts';

const rate = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(4));
const angle = (value: number | null | undefined) => (value == null ? '-' : `${value.toFixed(2)}°`);
const decibels = (value: number) => (Number.isFinite(value) ? `${value.toFixed(1)} dB` : 'same');

export function formatReport(name: string, files: readonly VerifiedFile[]): string {
  const parts = files.map((file) => [heading(file), ...goldenLines(file), ...fusionLines(file), ...faultLines(file)]);
  return `${name}\n${parts.flat().join('\n')}\n${labelledTable(files)}${verdict(files)}\n`;
}

function heading({ file, precision, bytes, faults }: VerifiedFile): string {
  return `\n${basename(file)}  ${precision}, ${(bytes / 2 ** 20).toFixed(2)} MiB: ${faults.length === 0 ? 'proved' : 'REFUSED'}`;
}

function goldenLines({ golden }: VerifiedFile): string[] {
  if (!golden) return ['  no golden windows: make them with "earshot model golden"'];
  return golden.map(({ output, largest, rms, sqnrDb }) => {
    const apart = `largest difference ${largest.toPrecision(2)}, root mean square ${rms.toPrecision(2)}`;
    return `  against PyTorch  ${output.padEnd(10)} ${apart}, SQNR ${decibels(sqnrDb)}`;
  });
}

function fusionLines({ fusion, findings }: VerifiedFile): string[] {
  if (findings) {
    const { errors, warnings } = countsOf(findings);
    return [`  for TensorRT     computed here node by node; its linter: ${errors} errors, ${warnings} warnings`];
  }
  if (!fusion) return [];
  const { expected, islands, conversions, kernels } = fusion;
  const integer = Object.entries(kernels).filter(([name]) => /^Q(Linear|Gemm|Attention)|Integer/.test(name));
  const counts = integer.map(([name, count]) => `${count} ${name}`).join(', ');
  const between = conversions.length > 0 ? `; ${conversions.length} float operators between conversions` : '';
  return [
    `  as it runs       ${expected - islands.length} of ${expected} quantised operators in integers (${counts})${between}`,
  ];
}

const faultLines = ({ faults }: VerifiedFile) => faults.map((fault) => `  refused: ${fault}`);

function labelledTable(files: readonly VerifiedFile[]): string {
  if (!files[0]?.labelled) return '';
  const head = ['labelled set', 'F1', 'ER', 'DE', 'DE unsnapped', 'FR', 'SQNR activity', 'SQNR direction'];
  const heard = files.flatMap(({ file, labelled }) => (labelled ? [{ file, labelled }] : []));
  const rows = heard.map(({ file, labelled: { scores, sqnrDb } }) => {
    const angles = [angle(scores.DE), angle(scores.DE_unsnapped)];
    const noise = [decibels(sqnrDb.activity), decibels(sqnrDb.direction)];
    return [basename(file), rate(scores.F1), rate(scores.ER), ...angles, rate(scores.FR), ...noise];
  });
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return `\n${[head, ...rows].map(line).join('\n')}\n`;
}

function verdict(files: readonly VerifiedFile[]): string {
  const refused = files.filter(({ faults }) => faults.length > 0).length;
  return refused === 0
    ? `\nAll ${files.length} files are proved.`
    : `\n${refused} of ${files.length} files are refused.`;
}
