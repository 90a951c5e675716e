// earshot train rows: what is done and left, and one small training on the half-rate preset with vectors as output.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Manifest } from '../../models/manifest.ts';
import { readScoreFile } from '../../tools/field/score-file.ts';
import { readRows } from '../../tools/rows.ts';
import { earshot, jsonLines } from '../earshot.ts';
import { temporaryFolder, writeRecording } from '../loudness-model.ts';

const PYTHON = process.env.EARSHOT_PYTHON ?? 'python3';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

test('every table of the results names rows, and every row a network that is described', async () => {
  const { rows, tables } = await readRows();
  const shipped = new URL('../../models/networks/', import.meta.url);
  for (const { network } of rows) expect(() => readFileSync(new URL(`${network}.json`, shipped))).not.toThrow();
  const inTables = new Set(tables.flatMap((table) => table.rows));
  expect(rows.filter(({ name }) => !inTables.has(name))).toEqual([]);
});

test('the list tells what is done, trained, begun and new, and what is left takes as long as rows like it took', async () => {
  const row = (name: string) => join(folder, name);
  mkdirSync(join(row('foa-cnn'), 'model'), { recursive: true });
  writeFileSync(join(row('foa-cnn'), 'scores.json'), '{}');
  const manifest = JSON.stringify({ training: { trainedMinutes: 10 } });
  writeFileSync(join(row('foa-cnn'), 'model', 'manifest.json'), manifest);
  mkdirSync(join(row('foa-crnn'), 'model'), { recursive: true });
  for (const file of ['manifest.json', 'model.onnx']) writeFileSync(join(row('foa-crnn'), 'model', file), manifest);
  mkdirSync(join(row('mic-cnn'), 'run'), { recursive: true });
  writeFileSync(join(row('mic-cnn'), 'run', 'checkpoint.pt'), '');
  const { stdout } = await earshot(['train', 'rows', '--runs', folder, '--list', '--json']);
  const found = jsonLines(stdout);
  const state = (name: string) => found.find((each) => each.name === name);
  expect(state('foa-cnn')).toMatchObject({ state: 'done', trainingMinutes: 10 });
  expect(state('foa-crnn')).toMatchObject({ state: 'trained' });
  expect(state('mic-cnn')).toMatchObject({ state: 'begun' });
  // the middle of what foa-cnn and foa-crnn took per multiplication, for 0.343 instead of 0.310 or 0.428 GMAC
  expect(state('mic-cnn')!.trainingMinutes).toBe(11);
  expect(state('foa-res-scse-crnn')).toMatchObject({ state: 'new' });
});

test('a row that is not there is refused with those that are', async () => {
  const { code, stderr } = await earshot(['train', 'rows', '--runs', folder, '--only', 'foa-crrn', '--list']);
  expect(code).toBe(1);
  expect(stderr).toContain('foa-crnn');
});

test('an option of train that the list decides is refused', async () => {
  const { code, stderr } = await earshot(['train', 'rows', '--runs', folder, '--rate', '0.1', '--list']);
  expect(code).toBe(1);
  expect(stderr).toContain('--rate');
});

const hasTorch = (() => {
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, safetensors, torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

(hasTorch ? test : test.skip)(
  'a row becomes a model with scores, and is then done (needs PyTorch)',
  async () => {
    const data = join(folder, 'data');
    for (const part of ['foa_dev', 'metadata_dev']) mkdirSync(join(data, part), { recursive: true });
    for (const split of [1, 2, 3, 4]) {
      const sounds = [{ label: 'low', startSeconds: 1, endSeconds: 3, azimuth: 30 * split, elevation: 0 }] as const;
      const name = `split${split}_ir0_ov1_1`;
      writeRecording(join(data, 'foa_dev', `${name}.wav`), { seconds: 6, sampleRate: 24000, sounds });
      const labels = `sound_event_recording,start_time,end_time,ele,azi,dist\nspeech,1,3,0,${30 * split},1\n`;
      writeFileSync(join(data, 'metadata_dev', `${name}.csv`), labels);
    }
    const rows = join(folder, 'rows.json');
    const settings = {
      format: 'foa',
      preset: 'edge-24k',
      fold: 1,
      seed: 1,
      schedule: 'one-cycle',
      epochs: 1,
      minutes: 5,
    };
    const list = [{ name: 'vectors', network: 'res-scse-crnn-accdoa' }];
    const file = {
      format: 'earshot-rows',
      version: 1,
      about: 'For tests.',
      defaults: settings,
      rows: list,
      tables: [],
    };
    writeFileSync(rows, JSON.stringify(file));
    const runs = join(folder, 'runs');
    const other = join(folder, 'other');
    for (const part of ['mic_dev', 'metadata_dev']) mkdirSync(join(other, part), { recursive: true }); // of no use to a FOA row
    const train = () =>
      earshot([
        'train',
        'rows',
        '--data',
        `${other},${data}`,
        '--runs',
        runs,
        '--rows',
        rows,
        '--python',
        PYTHON,
        '--threads',
        '2',
      ]);
    const { code, stdout, stderr } = await train();
    expect(code === 0 ? '' : stderr).toBe('');
    expect(stdout).toContain('vectors  new');
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(runs, 'vectors', 'model', 'manifest.json'), 'utf8')));
    expect(manifest).toMatchObject({ output: 'accdoa', features: { preset: 'edge-24k' }, timePooling: 5 });
    const { model, sets } = await readScoreFile(join(runs, 'vectors', 'scores.json'));
    expect(model).toMatchObject({ output: 'accdoa', network: 'res-scse-crnn-accdoa', parameters: 622_113 });
    expect(sets.map(({ set, splits, recordings }) => [set, splits, recordings.length])).toEqual([
      ['validation', [2], 1],
      ['test', [1], 1],
    ]);
    expect((await train()).stdout).toContain('1 of 1 done');
  },
  180_000,
);
