// `earshot field evaluate` as it is typed: folders and files, parts, formats, and what it says when it cannot.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { evaluateCommand } from '../../../tools/field/evaluate.ts';

const golden = fileURLToPath(new URL('../../golden/metrics/', import.meta.url));
const scores = JSON.parse(readFileSync(join(golden, 'synth_scores.json'), 'utf8'));
const root = mkdtempSync(join(tmpdir(), 'earshot-evaluate-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => jest.restoreAllMocks());

const HEADER = 'sound_event_recording,start_time,end_time,ele,azi,dist\n';
let folders = 0;
function folder(files: Record<string, string> = {}): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** The two golden scenes under names of the data set, in two folders. */
function goldenFolders(): { reference: string; prediction: string } {
  const [reference, prediction] = [folder(), folder()];
  for (const ov of [1, 2]) {
    copyFileSync(`${golden}synth_ov${ov}_ref.csv`, join(reference, `split${ov}_ir0_ov${ov}_7.csv`));
    copyFileSync(`${golden}synth_ov${ov}_pred.csv`, join(prediction, `split${ov}_ir0_ov${ov}_7.csv`));
  }
  return { reference, prediction };
}

/** What the command prints on standard output and on standard error. */
async function evaluate(...args: string[]): Promise<{ out: string; err: string }> {
  const printed = { out: '', err: '' };
  const keep = (stream: 'out' | 'err') => (text: string | Uint8Array) => {
    printed[stream] += text;
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(keep('out'));
  jest.spyOn(process.stderr, 'write').mockImplementation(keep('err'));
  await evaluateCommand().exitOverride().parseAsync(args, { from: 'user' });
  return printed;
}
async function evaluateJson(...args: string[]) {
  const { out } = await evaluate(...args, '--json');
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
const sides = (reference: string, prediction: string) => ['--reference', reference, '--prediction', prediction];

test.each([1, 2])('two files give the golden scores: overlap %i', async (ov) => {
  const [all] = await evaluateJson(...sides(`${golden}synth_ov${ov}_ref.csv`, `${golden}synth_ov${ov}_pred.csv`));
  const expected = scores[`ov${ov}`];
  expect(all).toMatchObject({ by: 'all', recordings: 1, seconds: 60, n_ref: expected.n_ref, n_pred: expected.n_pred });
  for (const name of ['ER', 'DE', 'FR', 'SELD']) expect(all[name]).toBeCloseTo(expected['2019_class'][name], 6);
  expect(all.F1).toBeCloseTo(expected['2019_class'].F, 9);
  expect(all.DE_unsnapped).toBeCloseTo(expected['2019_regr'].DE, 4);
  expect(all.FR_unsnapped).toBeCloseTo(expected['2019_regr'].FR, 9);
  for (const average of ['joint_micro', 'joint_macro'])
    for (const name of ['ER20', 'F20', 'LE_CD', 'LR_CD', 'SELD'])
      expect(all[average][name]).toBeCloseTo(expected[average][name], 4);
  const { S, D, I, TP, Nref, Nsys, good, doa_cnt } = expected['2019_class'];
  expect(all.counts).toMatchObject({ S, D, I, TP, Nref, Nsys, good, doa_cnt });
});

test('folders are scored as a whole and by parts that the names carry', async () => {
  const { reference, prediction } = goldenFolders();
  const [all, split1, split2, ov1, ov2] = await evaluateJson(...sides(reference, prediction), '--by', 'split,ov');
  expect(split1).toMatchObject({ by: 'split', split: '1', recordings: 1 });
  expect(ov2).toMatchObject({ by: 'ov', ov: '2', ER: split2.ER });
  expect(ov1.ER).toBeCloseTo(scores.ov1['2019_class'].ER, 9);
  const sum = (name: string) => scores.ov1['2019_class'][name] + scores.ov2['2019_class'][name];
  expect(all.recordings).toBe(2);
  expect(all.ER).toBeCloseTo((sum('S') + sum('D') + sum('I')) / sum('Nref'), 9);
  expect(all.DE).toBeCloseTo(sum('doa_sum') / sum('doa_cnt'), 4);
  expect(all.FR).toBeCloseTo(sum('good') / 6000, 9);
});

test('each class is scored alone', async () => {
  const reference = folder({ 'a.csv': `${HEADER}phone,1,2,0,0,1\ncough,4,5,0,90,1\n` });
  const prediction = folder({ 'a.csv': `${HEADER}phone,1,2,0,10,1\n` });
  const lines = await evaluateJson(...sides(reference, prediction), '--by', 'class');
  const of = (name: string) => lines.find((line) => line.class === name);
  expect(lines.length).toBe(12);
  expect(of('phone')).toMatchObject({ ER: 0, F1: 1 });
  expect(of('phone').DE).toBeCloseTo(10, 4);
  expect(of('cough')).toMatchObject({ ER: 1, F1: 0, DE: null });
  expect(of('knock')).toMatchObject({ ER: null, DE: null, SELD: null });
});

test('predictions may be DCASE output, and classes may be others', async () => {
  const reference = folder({ 'a.csv': `${HEADER}siren,1,2,0,30,1\n` });
  const rows = Array.from({ length: 51 }, (_, i) => `${50 + i},1,30,0\n`).join('');
  const [all] = await evaluateJson(...sides(reference, folder({ 'a.csv': rows })), '--labels', 'horn,siren');
  expect(all).toMatchObject({ ER: 0, F1: 1, FR: 1 });
});

test('a reference longer than a minute is scored to its end, and --seconds sets the length', async () => {
  const long = folder({ 'a.csv': `${HEADER}phone,1,2,0,0,1\nphone,99.2,100.5,0,0,1\n` });
  expect((await evaluateJson(...sides(long, long)))[0]).toMatchObject({
    seconds: 101,
    counts: { Nref: 4, frames: 5050 },
  });
  expect((await evaluateJson(...sides(long, long), '--seconds', '10'))[0]).toMatchObject({
    counts: { Nref: 2, frames: 500 },
  });
});

test('people get a table that says which direction error is which', async () => {
  const { reference, prediction } = goldenFolders();
  const { out } = await evaluate(...sides(reference, prediction), '--by', 'ov');
  expect(out).toMatch(/2 recordings, 120 s; rows: 71 reference, 62 predicted/);
  expect(out).toMatch(/DE +DE snapped +DE unsnapped/);
  expect(out).toMatch(/ov 1 +0\.344 +0\.742 +9\.11°/);
  expect(out).toMatch(/DE snapped: predictions rounded to the nearest 10° first/);
});

test('a missing prediction is named, or taken as silence when that is asked for', async () => {
  const reference = folder({ 'a.csv': `${HEADER}phone,1,2,0,0,1\n`, 'b.csv': HEADER });
  const prediction = folder({ 'b.csv': HEADER });
  await expect(evaluate(...sides(reference, prediction))).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(/has no a\.csv .*--missing-as-silence/),
  });
  expect((await evaluateJson(...sides(reference, prediction), '--missing-as-silence'))[0]).toMatchObject({
    ER: 1,
    recordings: 2,
  });
});

test('predictions without a reference are left out, with a word', async () => {
  const reference = folder({ 'a.csv': HEADER });
  const { err, out } = await evaluate(...sides(reference, folder({ 'a.csv': HEADER, 'z.csv': HEADER })), '--json');
  expect(err).toMatch(/1 predictions? without a reference (is|are) left out: z\.csv/);
  expect(JSON.parse(out).recordings).toBe(1);
});

test.each([
  ['a folder that is not there', ['--reference', '/nowhere', '--prediction', '/nowhere'], /There is no \/nowhere/],
  ['an unknown part', ['--by', 'colour'], /"colour" is none of split/],
  ['names without the part', ['--by', 'split'], /--by split: the name a does not carry it/],
  ['half a second', ['--seconds', '0.5'], /whole number/],
  ['labels twice', ['--labels', 'a,a'], /twice/],
  ['labels and a model', ['--labels', 'a', '--model', 'b'], /give one of them/],
])('%s is refused with one clear sentence', async (_, args, message) => {
  const scene = folder({ 'a.csv': HEADER });
  await expect(evaluate(...sides(scene, scene), ...args)).rejects.toThrow(message);
});

test('a broken line of a prediction is named with its file', async () => {
  const scene = folder({ 'a.csv': HEADER });
  const broken = folder({ 'a.csv': `${HEADER}phone,2,1,0,0,1\n` });
  await expect(evaluate(...sides(scene, broken))).rejects.toThrow(
    `${join(broken, 'a.csv')} line 2: end_time=1 must come after start_time=2`,
  );
});
