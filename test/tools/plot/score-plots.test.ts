// Pictures of scores: they show the numbers that `field evaluate` prints, and say what they are drawn from.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { directionErrors } from '../../../tools/field/direction-errors.ts';
import { framePair } from '../../../tools/field/metrics/scores.ts';
import { drawDirectionMap } from '../../../tools/plot/direction-map.ts';
import { letterColour, rampColour } from '../../../tools/plot/ramp.ts';
import { drawReliability } from '../../../tools/plot/reliability-curve.ts';
import type { Scene } from '../../../tools/scene-csv.ts';
import { earshot, jsonLines } from '../../earshot.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-score-plots-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const OFFICE = fileURLToPath(new URL('../../../recordings/office.csv', import.meta.url));

/** office.csv with what a hearer may get wrong: the first phone is missed, a speech is taken for laughter, all else is 10 degrees off. */
function heardWrong(): string {
  const [header, ...rows] = readFileSync(OFFICE, 'utf8').trim().split('\n');
  const heard = rows.flatMap((row, i) => {
    const [label, start, end, ele, azi, dist] = row.split(',');
    if (i === 2) return [];
    return [[i === 3 ? 'laughter' : label, start, end, Number(ele) + 10, azi, dist].join(',')];
  });
  const file = at('office.csv');
  writeFileSync(file, `${[header, ...heard].join('\n')}\n`);
  return file;
}

test('the bars of the classes show what field evaluate prints', async () => {
  const pair = ['--reference', OFFICE, '--prediction', heardWrong()];
  const evaluated = await earshot(['field', 'evaluate', ...pair, '--by', 'class', '--json']);
  const scores = jsonLines(evaluated.stdout) as {
    by: string;
    class?: string;
    F1: number;
    DE_unsnapped: number | null;
  }[];
  expect(scores).toHaveLength(12);
  const drawn = await earshot(['plot', 'classes', ...pair, '--title', 'Yard', '--out', at('classes.svg')]);
  expect(drawn).toMatchObject({ code: 0, stdout: `${at('classes.svg')}\n` });
  const svg = readFileSync(at('classes.svg'), 'utf8');
  expect(svg).toContain('aria-label="–"'); // nobody clears a throat: no direction to be wrong about
  expect(svg).toContain('aria-label="1 recording, 1 min, 28 sounds;');
  const shown = [...svg.matchAll(/aria-label="([\d.]+°?)"/g)].map(([, label]) => label);
  for (const { F1, DE_unsnapped } of scores) {
    expect(shown).toContain(F1.toFixed(2));
    if (DE_unsnapped !== null) expect(shown).toContain(`${DE_unsnapped.toFixed(1)}°`);
  }
});

test('the confusion matrix shows what was missed, taken for another, and invented', async () => {
  const pair = ['--reference', OFFICE, '--prediction', heardWrong()];
  const drawn = await earshot(['plot', 'confusion', ...pair, '--json', '--out', at('confusion.svg')]);
  expect(JSON.parse(drawn.stdout)).toEqual({ type: 'picture', file: at('confusion.svg') });
  const svg = readFileSync(at('confusion.svg'), 'utf8');
  const shares = [...svg.matchAll(/aria-label="([\d.]+)"/g)].map(([, label]) => Number(label));
  // Frames of 20 ms, both ends included. Phone: 293, of which 101 go unheard, 41 of them while laughter is heard that is none.
  // Speech: 379, 83 taken for laughter. Laughter: heard in 83 frames without and 358 with cause.
  expect(shares).toEqual([...Array(2).fill(100), 66, 14, 20, 100, 78, 22, ...Array(5).fill(100), 19]);
});

test('a direction error belongs to where the sound was, and what is not heard has none', () => {
  const sound = { classIndex: 2, azimuth: 170, elevation: 0 };
  const reference: Scene = {
    kind: 'frames',
    frameSeconds: 0.02,
    frames: [0, 1, 2, 3, 9].map((frame) => ({ frame, ...sound })),
  };
  const prediction: Scene = {
    kind: 'frames',
    frameSeconds: 0.02,
    frames: [
      { frame: 0, classIndex: 2, azimuth: -170, elevation: 0 }, // 20 degrees, across the back
      { frame: 1, classIndex: 2, azimuth: 170, elevation: 30 },
      { frame: 1, classIndex: 2, azimuth: 160, elevation: 0 }, // the nearer of two
      { frame: 2, classIndex: 5, azimuth: 170, elevation: 0 }, // another class
      { frame: 9, classIndex: 2, azimuth: 170, elevation: 40 },
    ],
  };
  const errors = directionErrors([framePair(reference, prediction, 1)]);
  expect(errors).toEqual([
    { azimuth: 170, elevation: 0, error: expect.closeTo(15, 6), weight: 2 },
    { azimuth: 170, elevation: 0, error: expect.closeTo(40, 6), weight: 1 },
  ]);
  expect(drawDirectionMap({ title: 'Yard', note: '2 sounds', errors })).toContain(
    'aria-label="2 sounds  ·  median 15.0°, nine of ten within 40.0°"',
  );
});

test('the map of directions is drawn for all the sphere, and without a single error', async () => {
  const errors = [-90, -45, 0, 45, 90].flatMap((elevation) =>
    [-180, -90, 0, 90, 180].map((azimuth) => ({ azimuth, elevation, error: 5, weight: 1 })),
  );
  const png = await sharp(Buffer.from(drawDirectionMap({ title: 'All around', note: '25', errors }))).metadata();
  expect(png.width).toBe(1200);
  expect(drawDirectionMap({ title: 'Deaf', note: '0 sounds', errors: [] })).toContain('nothing was heard');
});

test('confidence is compared with the share that was right, from what predict prints', async () => {
  const event = { type: 'event', class: 'knock', azimuth: 40, elevation: 0, start: 0.8, end: 1.5 };
  const told = [
    { ...event, score: 0.95 },
    { ...event, score: 0.92, azimuth: 50 },
    { ...event, score: 0.25, start: 40, end: 41 }, // nothing knocks there
    { ...event, score: 0.28, azimuth: 90 }, // 50 degrees off
  ];
  writeFileSync(at('told.jsonl'), told.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const options = ['--reference', OFFICE, '--scores', at('told.jsonl'), '--out', at('reliability.svg')];
  expect((await earshot(['plot', 'reliability', ...options])).code).toBe(0);
  const svg = readFileSync(at('reliability.svg'), 'utf8');
  // (0.05 + 0.08 + 0.25 + 0.28) / 4
  expect(svg).toContain('aria-label="4 events, off by 16.5 % on average"');
  const bad = `${JSON.stringify({ ...event, class: 'bark', score: 1 })}\n`;
  writeFileSync(at('told.jsonl'), bad);
  const refused = await earshot(['plot', 'reliability', ...options]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('told.jsonl line 1: unknown class "bark"');
});

test('two curves stand side by side, each with its count', () => {
  const bins = [{ from: 0, to: 0.5, count: 12_345, confidenceSum: 3086, right: 3000 }];
  const svg = drawReliability({
    ...{ title: 'Yard', note: 'right or not' },
    curves: [
      { name: 'frames', bins },
      { name: 'events', bins: [] },
    ],
  });
  expect(svg).toContain('aria-label="12,345 frames, off by 0.7 % on average"');
  expect(svg).toContain('aria-label="0 events"');
});

test('a scores.json is drawn without its recordings: the same bars, confusions and confidence', async () => {
  const counts = { S: 1, D: 0, I: 1, TP: 8, Nref: 10, Nsys: 10, frames: 100, good: 80, doa_sum: 120, doa_cnt: 40 };
  const tracks = { TP: 8, FPspatial: 0, FP: 2, FN: 2, Nref: 10, angleSum: 40, matched: 8 };
  const joint = { classes: [tracks], S: 2, D: 0, I: 0 };
  const bin = { from: 0.8, to: 0.9, count: 100, confidenceSum: 85, right: 81 };
  const set = {
    ...{ set: 'test', splits: null, folders: ['yard'], command: '', sha256: '', lookaheadFrames: 25 },
    ...{ windowMs: null, processor: '' },
    recordings: [{ name: 'a', seconds: 90, counts: { official: counts, snapped: counts, unsnapped: counts, joint } }],
    classes: [{ label: 'bark', official: { ...counts, TP: 5 }, unsnapped: { ...counts, doa_sum: 460 } }],
    diagnosis: { elevations: [], confusion: [[75, 25]], invented: [25] },
    reliability: { frames: [bin], events: [{ ...bin, right: 90 }] },
  };
  const model = {
    ...{
      name: 'yard',
      sha256: '',
      labels: ['bark'],
      features: { preset: 'edge-24k', format: 'foa' },
      output: 'accdoa',
    },
    ...{ timePooling: 5, network: null, parameters: null, macs: null, windowSeconds: 2, training: {}, command: null },
    ...{ thresholds: { onset: [0.5], offset: [0.4] }, data: { sha256: '', seed: 1 } },
  };
  writeFileSync(at('scores.json'), JSON.stringify({ format: 'earshot-scores', version: 1, model, sets: [set] }));
  const draw = async (kind: string, ...more: string[]) => {
    const drawn = await earshot(['plot', kind, '--scores', at('scores.json'), '--out', at('file.svg'), ...more]);
    return drawn.code === 0 ? readFileSync(at('file.svg'), 'utf8') : drawn.stderr;
  };
  const shown = (svg: string) =>
    svg.startsWith('<svg') ? [...svg.matchAll(/aria-label="([^"]+)"/g)].map(([, label]) => label) : svg;
  // F1 2 TP / (Nref + Nsys), ER (S + D + I) / Nref, DE doa_sum / doa_cnt: of all, then of the class
  expect(shown(await draw('classes'))).toEqual(
    expect.arrayContaining(['0.80', '0.20', '3.0°', '0.50', '11.5°', 'bark']),
  );
  expect(shown(await draw('confusion'))).toEqual(expect.arrayContaining(['75', '25', '2.0 s', '1 recording, 1.5 min']));
  expect(shown(await draw('reliability'))).toEqual(
    expect.arrayContaining(['100 events, off by 5.0 % on average', '100 frames, off by 4.0 % on average']),
  );
  expect(await draw('directions')).toContain('keeps no directions');
  expect(await draw('classes', '--set', 'validation')).toContain('holds no set validation; it holds: test');
});

test('what is missing to draw is asked for by name', async () => {
  const nothing = await earshot(['plot', 'confusion', '--prediction', OFFICE, '--out', at('x.png')]);
  expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('--reference FOLDER') });
  const nameless = await earshot(['plot', 'directions', '--prediction', OFFICE, '--reference', OFFICE]);
  expect(nameless).toMatchObject({ code: 1, stderr: expect.stringContaining('--out FILE.png') });
});

test('letters can be read on every colour of an amount', () => {
  const luminance = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((i) => {
      const v = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; // WCAG 2.2, relative luminance
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  for (const hue of ['blue', 'orange'] as const)
    for (let share = 0; share <= 1; share += 0.05) {
      const [a, b] = [luminance(rampColour(share, hue)), luminance(letterColour(share))].sort((x, y) => y - x);
      expect((a! + 0.05) / (b! + 0.05)).toBeGreaterThan(3); // WCAG: large or incidental text
    }
});
