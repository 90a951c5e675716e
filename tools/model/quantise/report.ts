// What quantising gave, for people.
import type { BudgetSearch, ScoredTrial } from './budget.ts';

export interface Quantised {
  readonly file: string;
  readonly target: string;
  readonly method: string;
  /** Calibrated with. */
  readonly windows: number;
  readonly floatLayers: readonly string[];
  /** Name in the manifest; undefined where it was not entered. */
  readonly variant: string | undefined;
  readonly bytes: number;
  readonly bytesBefore: number;
  /** Signal over noise of each output beside the float model; of ort-int8. */
  readonly sqnrDb: Readonly<Record<string, number>> | undefined;
  readonly search: BudgetSearch | undefined;
}

export function formatQuantised(result: Quantised): string {
  const { file, target, windows, method, bytes, bytesBefore, sqnrDb, floatLayers, variant, search } = result;
  const size = `${kibibytes(bytes)} KiB (${(bytes / bytesBefore).toFixed(2)} of float32)`;
  const quality = Object.entries(sqnrDb ?? {}).map(([name, db]) => `${name} ${db.toFixed(1)} dB`);
  const lines = [
    `${file}: ${target}, ${size}, calibrated with ${windows} windows (${method})`,
    ...(quality.length > 0 ? [`signal over quantisation noise: ${quality.join(', ')}`] : []),
    ...(search ? searchLines(search) : []),
    ...(floatLayers.length > 0 ? [`left in float32: ${floatLayers.join(', ')}`] : []),
    ...(variant ? [`entered into the manifest as variant ${variant}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function searchLines({ reference, chosen, trials }: BudgetSearch): string[] {
  const line = (name: string, { F1, DE_unsnapped, ER, FR }: ScoredTrial['scores'], note = '') => {
    const scores = [
      `F1 ${(100 * F1).toFixed(2)} %`,
      `direction error ${DE_unsnapped?.toFixed(2) ?? '-'}°`,
      `ER ${ER?.toFixed(3) ?? '-'}`,
      `FR ${FR.toFixed(3)}`,
    ];
    return `  ${name.padEnd(24)} ${scores.join(', ')}${note}`;
  };
  return [
    'On the labelled set:',
    line('float32', reference),
    ...trials.map((trial) => {
      const note = trial === chosen ? '  <- kept' : trial.within ? '' : '  over the budget';
      return line(`INT8, ${trial.floatLayers.length} layers float`, trial.scores, note);
    }),
  ];
}

function kibibytes(bytes: number): string {
  return (bytes / 1024).toFixed(0);
}
