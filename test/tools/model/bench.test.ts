// Measuring files beside each other: every operator that runs is told, and more work takes more time.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchFiles } from '../../../tools/model/bench-files.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { addConv, build } from './graphs.ts';

const QUANTISED = fileURLToPath(new URL('../../golden/quantised/uint8.onnx', import.meta.url));
const PLAIN = fileURLToPath(new URL('../../golden/graphs/ours-free.onnx', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-bench-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('twenty convolutions take longer than one, on the same window', async () => {
  const chain = async (name: string, length: number) => {
    const bytes = build((g) => {
      const names = Array.from({ length }, (_, i) => (i === length - 1 ? 'y' : `c${i}`));
      names.reduce((x, y) => addConv(g, y, x), 'x');
    });
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const [one, twenty] = await benchFiles([await chain('one.onnx', 1), await chain('twenty.onnx', 20)], 2000, 15);
  expect(one!.ratio).toBe(1);
  expect(twenty!.ratio).toBeGreaterThan(3);
  expect(twenty!.operators[0]).toMatchObject({ operator: 'Conv', count: 20 });
  // (4 in) x 9 x (4 out) x 2000 frames x 8 bands
  expect(one!.megaMacsPerSecond * one!.processorMs * 1e3).toBeCloseTo(4 * 9 * 4 * 2000 * 8, 0);
  expect(one!.p10Ms).toBeLessThanOrEqual(one!.medianMs);
});

test('the command tells where the time goes, in the operators that really run', async () => {
  const words = ['model', 'bench', PLAIN, '--against', QUANTISED, '--frames', '60', '--runs', '5', '--json'];
  const { code, stdout } = await earshot(words);
  expect(code).toBe(0);
  const [plain, quantised] = jsonLines(stdout) as { operators: { operator: string }[]; ratio: number }[];
  expect(plain!.ratio).toBe(1);
  expect(plain!.operators.map(({ operator }) => operator)).toEqual(expect.arrayContaining(['Conv', 'GRU']));
  expect(quantised!.operators.map(({ operator }) => operator)).toEqual(expect.arrayContaining(['QLinearConv', 'GRU']));
});

test('files that cannot be measured are refused by name', async () => {
  await expect(benchFiles([join(folder, 'none.onnx')], 60, 2)).rejects.toMatchObject({ name: 'UserError' });
  await writeFile(join(folder, 'noise.onnx'), 'noise');
  await expect(benchFiles([join(folder, 'noise.onnx')], 60, 2)).rejects.toThrow(/noise\.onnx is no ONNX model/);
});
