// Pictures: right and wrong are told apart, text shows on a machine without fonts, bad input leaves nothing behind.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { OFFICE_LABELS } from '../../../models/labels.ts';
import { clock, timeTicks } from '../../../tools/plot/axes.ts';
import { parseEpochs } from '../../../tools/plot/learning-curve.ts';
import { text } from '../../../tools/plot/lettering.ts';
import { matchEvents } from '../../../tools/plot/match-events.ts';
import { drawResultDiagram } from '../../../tools/plot/result-diagram.ts';
import { picture } from '../../../tools/plot/svg.ts';
import { classStyle } from '../../../tools/plot/theme.ts';
import type { SceneEvent } from '../../../tools/scene-csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-plot-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const GOLDEN = fileURLToPath(new URL('../../golden/metrics/', import.meta.url));
const CLI = fileURLToPath(new URL('../../../bin/earshot.js', import.meta.url));

const sound = (label: string, startSeconds: number, endSeconds: number, azimuth = 0, elevation = 0): SceneEvent => ({
  ...{ label, classIndex: OFFICE_LABELS.indexOf(label as (typeof OFFICE_LABELS)[number]) },
  ...{ startSeconds, endSeconds, azimuth, elevation },
});

/** Runs earshot as a user does. */
function earshot(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [CLI, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test('a sound found at its time and place is a hit, elsewhere a wrong direction, otherwise a false alarm', () => {
  const reference = [sound('cough', 1, 2, 170), sound('phone', 5, 8, 0, 40), sound('knock', 9, 10)];
  const prediction = [
    sound('cough', 1.2, 2.1, -175), // across the back: 15 degrees away
    sound('phone', 5, 6, 0, 10), // 30 degrees too low
    sound('phone', 6.5, 8, 0, 40), // the same call again: no false alarm
    sound('laughter', 9, 10), // not the knock
    sound('cough', 1.9, 3), // a tenth of a second is not the same time
  ];
  const { verdicts, found, directionErrors } = matchEvents(reference, prediction);
  expect(verdicts).toEqual(['hit', 'wrong direction', 'hit', 'false alarm', 'false alarm']);
  expect(found).toEqual([true, true, false]);
  expect(directionErrors).toHaveLength(3);
  expect(directionErrors[0]).toBeCloseTo(15, 6);
  expect(directionErrors[1]).toBeCloseTo(30, 6);
});

test('the diagram says how many sounds were found and shows what was missed in red', () => {
  const reference = [sound('cough', 1, 2, 30), sound('phone', 5, 8)];
  const svg = drawResultDiagram({
    ...{ reference, labels: OFFICE_LABELS, durationSeconds: 60, title: 'Hall & <Co>' },
    prediction: [sound('cough', 1, 2, 36), sound('doorslam', 20, 21)],
  });
  expect(svg).toContain('aria-label="1 of 2 events found  ·  1 false alarm  ·  median direction error 6.0°"');
  expect(svg).toContain('<title>Hall &amp; &lt;Co&gt;</title>');
  // the missed phone: lanes of reference and prediction, azimuth and elevation of the reference, each angle with its mark; the legend
  expect(svg.match(/stroke="#d1242f"/g)).toHaveLength(7);
  // the false alarm: lane, azimuth and elevation, each angle with its mark
  const hatched = `fill="url(#hatch-${classStyle(9).colour.slice(1)})"`;
  expect(svg.split(hatched).length - 1).toBe(6); // one of them is the legend's
});

test('without a reference the prediction stands alone', () => {
  const svg = drawResultDiagram({
    ...{ prediction: [sound('cough', 1, 2)], labels: OFFICE_LABELS, durationSeconds: 60, title: 'yard' },
  });
  expect(svg).toContain('aria-label="1 event"');
  expect(svg).not.toContain('aria-label="reference"');
});

test('letters are outlines, so a machine without fonts draws the same picture', async () => {
  const fonts = at('fonts.conf');
  writeFileSync(fonts, '<?xml version="1.0"?><fontconfig></fontconfig>');
  const events = join(GOLDEN, 'synth_ov1_ref.csv');
  const withFonts = await earshot(['plot', events, '--out', at('with.png')]);
  const without = await earshot(['plot', events, '--out', at('without.png')], { FONTCONFIG_FILE: fonts });
  expect([withFonts.code, without.code]).toEqual([0, 0]);
  expect(readFileSync(at('without.png')).equals(readFileSync(at('with.png')))).toBe(true);
  const svg = picture(200, 40, '#ffffff', 'word', [text(10, 30, 'earshot', { size: 30, colour: '#000000' })]);
  expect(svg).not.toContain('<text');
  const { data } = await sharp(Buffer.from(svg)).greyscale().raw().toBuffer({ resolveWithObject: true });
  const ink = data.filter((v) => v < 128).length / data.length;
  expect(ink).toBeGreaterThan(0.05);
  expect(ink).toBeLessThan(0.4);
});

test('earshot plot draws a reference and a prediction into a PNG of 3200 pixels and an SVG', async () => {
  const [prediction, reference] = [join(GOLDEN, 'synth_ov2_ref.csv'), join(GOLDEN, 'synth_ov2_ref.csv')];
  const png = at('new/result.png');
  const { code, stdout } = await earshot(['plot', prediction, '--reference', reference, '--out', png, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ type: 'picture', file: png });
  expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 3200 });
  expect((await earshot(['plot', prediction, '--out', at('result.svg')])).code).toBe(0);
  expect(readFileSync(at('result.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>$/s);
});

test('earshot plot draws the learning curve that the trainer wrote and names its best epoch', async () => {
  const lines = [0.9, 0.5, 0.6].map((SELD, i) =>
    JSON.stringify({ epoch: i + 1, loss: 1 / (i + 1), ER: SELD, F1: 0.5, DE: i ? 20 : null, FR: 0.5, SELD }),
  );
  writeFileSync(at('metrics.jsonl'), `${lines.join('\n')}\n`);
  const { code } = await earshot(['plot', '--learning-curve', at('metrics.jsonl'), '--out', at('curve.svg')]);
  expect(code).toBe(0);
  expect(readFileSync(at('curve.svg'), 'utf8')).toContain('best epoch 2: ER 0.50');
});

test('metrics with a broken line are refused by its number', () => {
  expect(() => parseEpochs('{"epoch": 1, "loss": 1}\n{"epoch": "two"}\n', 'run/metrics.jsonl')).toThrow(
    'run/metrics.jsonl line 2 is no epoch',
  );
  expect(() => parseEpochs('\n', 'run/metrics.jsonl')).toThrow('holds no epochs yet');
});

test.each([
  ['an unknown ending', ['scene.csv', '--out', 'picture.gif'], 'must end in .png or .svg'],
  ['a missing file', ['nowhere.csv', '--out', 'picture.png'], 'there is no such file'],
  ['nothing to draw', ['--out', 'picture.png'], 'give either a metadata CSV or --learning-curve'],
  ['a reversed event', ['reversed.csv', '--out', 'picture.png'], 'must come after start_time=2'],
  ['a duration of nothing', ['scene.csv', '--duration', '0', '--out', 'picture.png'], '--duration 0 must be'],
])('%s is refused in one sentence and leaves no picture', async (_, args, message) => {
  const header = 'sound_event_recording,start_time,end_time,ele,azi,dist\n';
  writeFileSync(at('scene.csv'), `${header}cough,1,2,0,0,1\n`);
  writeFileSync(at('reversed.csv'), `${header}cough,2,1,0,0,1\n`);
  const { code, stderr } = await earshot(['plot', ...args.map((a) => (/\.\w+$/.test(a) ? at(a) : a))]);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(existsSync(at('picture.png')) || existsSync(at('picture.gif'))).toBe(false);
});

test('time is marked at round places: seconds in a minute, minutes in an hour', () => {
  expect(timeTicks(60)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]);
  expect(timeTicks(0.4)).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
  expect(timeTicks(3600)).toHaveLength(13);
  expect([clock(45, 60), clock(90, 600), clock(3900, 7200)]).toEqual(['45', '1:30', '1:05:00']);
});

test('all classes of the data set differ in colour and in mark', () => {
  const styles = OFFICE_LABELS.map((_, i) => classStyle(i));
  expect(new Set(styles.map((s) => s.colour)).size).toBe(11);
  expect(new Set(styles.map((s) => s.mark.join())).size).toBe(11);
});
