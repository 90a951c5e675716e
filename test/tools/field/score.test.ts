// From recordings with labels to scores, thresholds, tables and a model card, with the model of test/golden/loudness-model.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readResults } from '../../../tools/field/results-file.ts';
import { readScoreFile } from '../../../tools/field/score-file.ts';
import { findRecordings } from '../../../tools/hear-data.ts';
import { ROW_FILE } from '../../../tools/rows.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import {
  copyOfModel,
  LOUDNESS_FOLDER,
  loudnessModel,
  type TestSound,
  temporaryFolder,
  writeRecording,
} from '../../loudness-model.ts';

const SECONDS = 6;
const HEADER = 'sound_event_recording,start_time,end_time,ele,azi,dist\n';
/** Split 1 judges, split 2 validates; the labels leave out one sound of split 1 and add one that is not there. */
const SCENES: Record<string, { sounds: TestSound[]; labels: string }> = {
  split1_ir0_ov1_1: {
    sounds: [
      { label: 'low', startSeconds: 1, endSeconds: 2, azimuth: 90, elevation: 0 },
      { label: 'high', startSeconds: 3, endSeconds: 4, azimuth: -40, elevation: 20 },
    ],
    labels: 'low,1,2,0,90,1\nlow,4.5,5.5,0,0,1\n',
  },
  split1_ir0_ov2_11: {
    sounds: [{ label: 'high', startSeconds: 1, endSeconds: 3, azimuth: 100, elevation: -30 }],
    labels: 'high,1,3,-30,140,1\n',
  },
  split2_ir0_ov1_1: {
    sounds: [{ label: 'low', startSeconds: 1, endSeconds: 2, azimuth: 10, elevation: 0 }],
    labels: 'low,1,2,0,10,1\n',
  },
};

let folder: string;
let data: string;
let scores: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder, 'data');
  scores = join(folder, 'scores.json');
  for (const part of ['foa_dev', 'metadata_dev']) mkdirSync(join(data, part), { recursive: true });
  for (const [name, { sounds, labels }] of Object.entries(SCENES)) {
    writeRecording(join(data, 'foa_dev', `${name}.wav`), { seconds: SECONDS, sampleRate: 24000, sounds });
    writeFileSync(join(data, 'metadata_dev', `${name}.csv`), HEADER + labels);
  }
  const { code, stderr } = await score(LOUDNESS_FOLDER, '--fold', '1', '--predictions', join(folder, 'heard'));
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('2 recordings') });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

function score(model: string, ...more: string[]) {
  return earshot(['field', 'score', '--model', model, '--data', data, '--out', scores, ...more]);
}

test('scores are those of predict and evaluate', async () => {
  const frames = join(folder, 'frames');
  await earshot([
    'predict',
    join(data, 'foa_dev'),
    '--model',
    LOUDNESS_FOLDER,
    '--out',
    join(folder, 'events'),
    '--frames',
    frames,
  ]);
  rmSync(join(frames, 'split2_ir0_ov1_1.csv'));
  const reference = join(folder, 'reference');
  mkdirSync(reference);
  for (const name of Object.keys(SCENES).filter((each) => each.startsWith('split1')))
    writeFileSync(join(reference, `${name}.csv`), HEADER + SCENES[name]!.labels);
  const given = [
    '--reference',
    reference,
    '--prediction',
    frames,
    '--model',
    LOUDNESS_FOLDER,
    '--seconds',
    `${SECONDS}`,
  ];
  const [expected] = jsonLines((await earshot(['field', 'evaluate', ...given, '--json'])).stdout);
  const { stdout } = await score(LOUDNESS_FOLDER, '--split', '1', '--json');
  const [found] = jsonLines(stdout);
  for (const name of ['ER', 'F1', 'DE', 'DE_snapped', 'DE_unsnapped', 'FR', 'SELD', 'joint_micro', 'joint_macro'])
    expect(found![name]).toEqual(expected![name]);
  expect(expected!.ER).toBeGreaterThan(0);
});

test('feature files give the scores of the recordings they were made from', async () => {
  const featured = join(folder, 'featured');
  mkdirSync(join(featured, 'metadata_dev'), { recursive: true });
  for (const [name, { labels }] of Object.entries(SCENES))
    writeFileSync(join(featured, 'metadata_dev', `${name}.csv`), HEADER + labels);
  const out = join(featured, 'features-foa-edge-24k');
  const made = await earshot([
    'data',
    'features',
    join(data, 'foa_dev'),
    '--format',
    'foa',
    '--preset',
    'edge-24k',
    '--out',
    out,
  ]);
  expect(made.code).toBe(0);
  const file = join(folder, 'featured.json');
  const { code } = await earshot([
    'field',
    'score',
    '--model',
    LOUDNESS_FOLDER,
    '--data',
    featured,
    '--fold',
    '1',
    '--out',
    file,
  ]);
  expect(code).toBe(0);
  const [a, b] = [await readScoreFile(scores), await readScoreFile(file)];
  const counts = (of: typeof a) => of.sets.find(({ set }) => set === 'test')!.recordings;
  expect(counts(b)).toEqual(counts(a));
});

test('what was missed, invented and turned away stands in the diagnosis', async () => {
  const { sets } = await readScoreFile(scores);
  const { diagnosis, reliability } = sets.find(({ set }) => set === 'test')!;
  const [low, high] = diagnosis.confusion;
  // the second low of 51 frames (4.5 to 5.5 s, both ends) is missed with nothing in its place; about a second of high is invented
  expect(low![2]).toBeGreaterThanOrEqual(51);
  expect(low![1]).toBe(0);
  expect(high![1]).toBeGreaterThan(80);
  expect(diagnosis.invented[1]).toBeGreaterThan(40);
  const below = diagnosis.elevations.find(({ elevation }) => elevation === -30)!;
  // 40 degrees of azimuth at elevation -30 are 34.6 degrees of arc
  expect(below.angleSum / below.heard).toBeGreaterThan(30);
  expect(below.angleSum / below.heard).toBeLessThan(39);
  // three events were told: one right, one invented, one from elsewhere
  expect(reliability.events.reduce((sum, { count }) => sum + count, 0)).toBe(3);
  expect(reliability.events.reduce((sum, { right }) => sum + right, 0)).toBe(1);
});

test('predictions lie beside the scores, by set and name', () => {
  const csv = readFileSync(join(folder, 'heard', 'test', 'split1_ir0_ov2_11.csv'), 'utf8');
  expect(csv).toMatch(/^sound_event_recording,.*\nhigh,1\b/);
  expect(readFileSync(join(folder, 'heard', 'validation', 'split2_ir0_ov1_1.csv'), 'utf8')).toMatch(/\nlow,/);
});

test('labels without a recording and splits that are not there are named', async () => {
  const { code, stderr } = await score(LOUDNESS_FOLDER, '--split', '4');
  expect(code).toBe(1);
  expect(stderr).toContain('split 4');
  const labels = join(data, 'metadata_dev', 'split3_ir0_ov1_1.csv');
  writeFileSync(labels, HEADER);
  const alone = await score(LOUDNESS_FOLDER, '--split', '1,3');
  rmSync(labels);
  expect(alone.code).toBe(1);
  expect(alone.stderr).toContain('split3_ir0_ov1_1.csv');
});

test('features that were left half done are not taken for all there is', async () => {
  const half = join(folder, 'half');
  cpSync(data, half, { recursive: true });
  cpSync(join(folder, 'featured', 'features-foa-edge-24k'), join(half, 'features-foa-edge-24k'), { recursive: true });
  rmSync(join(half, 'features-foa-edge-24k', 'split1_ir0_ov2_11.npy'));
  const recordings = await findRecordings([half], await loudnessModel(), [1]);
  expect(recordings.map(({ path }) => path)).toEqual(
    ['split1_ir0_ov1_1', 'split1_ir0_ov2_11'].map((name) => join(half, 'foa_dev', `${name}.wav`)),
  );
});

test('thresholds that hear everything are mended, and written only when asked', async () => {
  const model = await copyOfModel();
  const file = join(model, 'manifest.json');
  const greedy = JSON.parse(readFileSync(file, 'utf8'));
  greedy.thresholds = { onset: [0, 0], offset: [0, 0] };
  writeFileSync(file, JSON.stringify(greedy));
  const choose = (...more: string[]) =>
    earshot(['field', 'thresholds', '--model', model, '--data', data, '--json', ...more]);
  const [shown] = jsonLines((await choose()).stdout) as [{ before: { F1: number }; after: { F1: number } }];
  expect(shown.after.F1).toBeGreaterThan(shown.before.F1 + 0.1);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(greedy);
  await choose('--write');
  const written = JSON.parse(readFileSync(file, 'utf8'));
  expect(written.thresholds.onset[0]).toBeGreaterThanOrEqual(0.1);
  expect(written.training.thresholds).toContain('earshot field thresholds');
  expect(written.scores[0]).toMatchObject({ on: 'validation', values: { F1: shown.after.F1 } });
  rmSync(model, { recursive: true });
});

test('a card says the scores and its weaknesses, and refuses the scores of other weights', async () => {
  const out = join(folder, 'card.md');
  const card = (model: string) => earshot(['field', 'card', '--model', model, '--scores', scores, '--out', out]);
  expect((await card(LOUDNESS_FOLDER)).code).toBe(0);
  const page = readFileSync(out, 'utf8');
  expect(page).toMatch(/^# loudness\n/);
  expect(page).toContain('low (51 % of its time)');
  expect(page).toMatch(/\| -30° \| 2 s \| \d+\.\d % \| 3\d\.\d° \|/);
  const other = await copyOfModel();
  const manifest = JSON.parse(readFileSync(join(other, 'manifest.json'), 'utf8'));
  manifest.thresholds.onset = [0.6, 0.6];
  writeFileSync(join(other, 'manifest.json'), JSON.stringify(manifest));
  const { code, stderr } = await card(other);
  expect(code).toBe(1);
  expect(stderr).toContain('other weights or thresholds');
  rmSync(other, { recursive: true });
});

describe('the page of results', () => {
  const out = () => join(folder, 'results.md');
  const published = () => join(folder, 'results.json');
  const results = (...options: string[]) => earshot(['field', 'results', ...options]);

  /** Two rows of a table that heard the same recordings, the second one of them not at all. */
  beforeAll(() => {
    for (const row of ['foa-cnn', 'foa-crnn']) mkdirSync(join(folder, 'runs', row), { recursive: true });
    writeFileSync(join(folder, 'runs', 'foa-crnn', 'scores.json'), readFileSync(scores));
    writeFileSync(join(folder, 'runs', 'foa-cnn', 'scores.json'), JSON.stringify(deafToTheSecond()));
  });

  function deafToTheSecond() {
    const file = JSON.parse(readFileSync(scores, 'utf8'));
    for (const { counts } of file.sets.flatMap(({ recordings }: { recordings: object[] }) => recordings.slice(1))) {
      const { official } = counts;
      Object.assign(official, { TP: 0, S: 0, I: 0, D: official.Nref, Nsys: 0, good: 0 });
    }
    return file;
  }

  test('lists what is scored and, as that, what is not trained, and tells rows apart draw by draw', async () => {
    const { code, stdout } = await results(
      ...['--runs', join(folder, 'runs'), '--model', scores, '--out', out(), '--json'],
    );
    expect(code).toBe(0);
    const page = readFileSync(out(), 'utf8');
    expect(page).toMatch(/\| foa-m-crnn \| not yet trained \|/);
    expect(page).toMatch(/\| foa-crnn \| \d\.\d{3}<br>\d\.\d{3}–\d\.\d{3} \|/);
    expect(page).toMatch(/\| against foa-cnn \|.*\n.*\n\| foa-crnn \| \**−0\.\d{3}/);
    expect(page).toContain('earshot field score --model loudness-model --data data');
    const rows = await readResults(published());
    expect(rows).toEqual(jsonLines(stdout));
    expect(rows.filter(({ state }) => state === 'scored')).toHaveLength(3);
  });

  test('is the same from its JSON alone, but for rows that have other settings now', async () => {
    const again = join(folder, 'again.md');
    const formed = await results('--published', published(), '--model', scores, '--out', again);
    expect(formed).toMatchObject({ code: 0, stdout: expect.stringContaining('3 of 18 trained and scored') });
    expect(readFileSync(again)).toEqual(readFileSync(out()));
    expect(readFileSync(join(folder, 'again.json'))).toEqual(readFileSync(published()));

    const rows = join(folder, 'rows.json');
    const list = JSON.parse(readFileSync(ROW_FILE, 'utf8'));
    writeFileSync(rows, JSON.stringify({ ...list, defaults: { ...list.defaults, fold: 2 } }));
    const { stdout } = await results('--published', published(), '--rows', rows, '--json');
    expect(jsonLines(stdout).filter(({ state }) => state === 'scored')).toEqual([]);
  });

  test('takes a row of the runs before a published one, and no difference between the two', async () => {
    rmSync(join(folder, 'runs', 'foa-cnn'), { recursive: true });
    const { stdout } = await results('--runs', join(folder, 'runs'), '--published', published(), '--json');
    const scored = jsonLines(stdout).filter(({ state }) => state === 'scored');
    expect(scored.map(({ name, differences }) => [name, differences])).toEqual([
      ['foa-crnn', []],
      ['foa-cnn', []],
    ]);
  });

  test.each([
    ['neither runs nor a page', () => [], /with --runs FOLDER where the rows are, or with --published FILE\.json/],
    [
      'no file',
      () => ['--published', join(folder, 'no.json')],
      /Cannot read .*no\.json: name one that "earshot field results" wrote/,
    ],
    ['another file', () => ['--published', scores], /scores\.json is no results\.json of this version \(format: /],
  ] as const)('refuses %s', async (_, options, message) => {
    const { code, stderr } = await results(...options(), '--out', join(folder, 'none.md'));
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, 'none.md'))).toBe(false);
  });
});

test('a file that is no scores.json is refused by name', async () => {
  const file = join(folder, 'bad.json');
  writeFileSync(file, '{"format":"earshot-scores"}');
  await expect(readScoreFile(file)).rejects.toThrow(/bad\.json is no scores\.json/);
});
