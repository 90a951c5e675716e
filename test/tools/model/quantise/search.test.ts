// The search for mixed precision: the fewest float layers that keep the budget, few trials, and going on after an interruption.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BudgetOptions } from '../../../../tools/model/quantise/budget.ts';
import { searchBudget } from '../../../../tools/model/quantise/budget.ts';
import { searchWithinBudget } from '../../../../tools/model/quantise/search.ts';
import { formatEvents } from '../../../../tools/scene-csv.ts';
import { loudnessModel, writeRecording } from '../../../loudness-model.ts';

const LAYERS = Array.from({ length: 20 }, (_, i) => `layer ${i}`);

test.each([0, 1, 7, 19, 20])('of twenty layers the %d worst stay float, found in few trials', async (needed) => {
  const tried: number[] = [];
  const found = await searchWithinBudget(LAYERS, async (floatLayers) => {
    tried.push(floatLayers.length);
    return { floatLayers, within: floatLayers.length >= needed };
  });
  expect(found?.floatLayers).toEqual(LAYERS.slice(0, needed));
  expect(tried.length).toBeLessThanOrEqual(7);
  expect(new Set(tried).size).toBe(tried.length);
});

test('when not even the float layers keep the budget there is no answer', async () => {
  const judge = async (floatLayers: readonly string[]) => ({ floatLayers, within: false });
  expect(await searchWithinBudget(LAYERS, judge)).toBeUndefined();
});

const SOUNDS = [
  { label: 'low', startSeconds: 1, endSeconds: 3, azimuth: 30, elevation: 0 },
  { label: 'high', startSeconds: 4, endSeconds: 6, azimuth: -90, elevation: 20 },
] as const;

let folder: string;
let options: BudgetOptions;
let told: number[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-search-'));
  const labelled = join(folder, 'labelled');
  await mkdir(labelled);
  writeRecording(join(labelled, 'a.wav'), { seconds: 7, sampleRate: 24000, sounds: SOUNDS });
  await writeFile(join(labelled, 'a.csv'), formatEvents(SOUNDS));
  const model = await loudnessModel();
  told = [];
  options = {
    ...{ model, labelled, budget: { f1Points: 0.5, degrees: 0.3 }, threads: 1, order: ['first', 'second'] },
    emit: () => readFileSync(model.networkFile),
    ...{ notes: join(folder, 'notes.json'), key: 'k', onRecording: (trial) => told.push(trial) },
  };
});
afterEach(() => rm(folder, { recursive: true }));

test('a model as good as the float one is kept at the first trial, and the notes go', async () => {
  const { reference, chosen, trials } = await searchBudget(options);
  expect(chosen).toMatchObject({ floatLayers: [], within: true });
  expect(chosen.scores.F1).toBe(reference.F1);
  expect(reference.F1).toBeGreaterThan(0.9);
  expect(trials).toHaveLength(1);
  expect(new Set(told)).toEqual(new Set([1, 2]));
  expect(existsSync(options.notes)).toBe(false);
});

test('what an interrupted search scored is not scored again; notes for other models do not count', async () => {
  const { reference } = await searchBudget(options);
  const worse = { ...reference, F1: reference.F1 - 0.02 };
  const scores = { float32: reference, 'int8 without ': worse };
  told = [];
  await writeFile(options.notes, JSON.stringify({ key: 'k', scores }));
  const { chosen, trials } = await searchBudget(options);
  expect(trials.map(({ floatLayers, within }) => [floatLayers.length, within])).toEqual([
    [0, false],
    [1, true],
  ]);
  expect(chosen.floatLayers).toEqual(['first']);
  expect(new Set(told)).toEqual(new Set([1]));
  await writeFile(options.notes, JSON.stringify({ key: 'another', scores }));
  expect((await searchBudget(options)).chosen.floatLayers).toEqual([]);
});

test('a budget that nothing keeps is refused with what was lost', async () => {
  const { reference } = await searchBudget(options);
  const worse = { ...reference, F1: reference.F1 - 0.02, DE_unsnapped: reference.DE_unsnapped! + 1 };
  const names = ['', 'first', 'first second'].map((layers) => [`int8 without ${layers}`, worse]);
  await writeFile(
    options.notes,
    JSON.stringify({ key: 'k', scores: { float32: reference, ...Object.fromEntries(names) } }),
  );
  await expect(searchBudget(options)).rejects.toThrow(
    /F1 changes by -2\.00 points .* direction error by 1\.00 degrees/,
  );
});
