// Every number of the golden scores: two synthetic scenes, and ten that are hard to score.
import { readFileSync } from 'node:fs';
import { OFFICE_LABELS } from '../../../../models/labels.ts';
import { type Counts2019, type Scores2019, scores2019 } from '../../../../tools/field/metrics/official2019.ts';
import { allScores, countRecording, framePair } from '../../../../tools/field/metrics/scores.ts';
import { parseEvents, type Scene } from '../../../../tools/scene-csv.ts';

interface Golden {
  '2019_class': Record<string, number | null>;
  '2019_regr': Record<string, number | null>;
  joint_micro: Record<string, number | null>;
  joint_macro: Record<string, number | null>;
}
type HardEvent = [classIndex: number, start: number, end: number, elevation: number, azimuth: number];

const text = (path: string) => readFileSync(new URL(`../../../golden/${path}`, import.meta.url), 'utf8');
const synth: Record<string, Golden> = JSON.parse(text('metrics/synth_scores.json'));
const hard: { cases: (Golden & { reference: HardEvent[]; prediction: HardEvent[] })[] } = JSON.parse(
  text('metrics-hard/hard.json'),
);

const csvScene = (name: string): Scene => ({ kind: 'events', events: parseEvents(text(`metrics/${name}`), name) });
const hardScene = (events: HardEvent[]): Scene => ({
  kind: 'events',
  events: events.map(([classIndex, startSeconds, endSeconds, elevation, azimuth]) => {
    return { label: OFFICE_LABELS[classIndex]!, classIndex, startSeconds, endSeconds, elevation, azimuth };
  }),
});

// test/golden/README.md: counts exact, rates 1e-9, angles 1e-4 degrees, SELD 1e-6.
const TOLERANCES: Record<string, number> = { DE: 1e-4, LE_CD: 1e-4, SELD: 1e-6, doa_sum: 1e-4 * 3000 };
const COUNTS = ['S', 'D', 'I', 'TP', 'Nref', 'Nsys', 'good', 'doa_cnt'];

function expectScores(ours: Record<string, number | null>, golden: Record<string, number | null>): void {
  for (const [name, value] of Object.entries(golden)) {
    const found = ours[name];
    if (value === null) expect([name, found]).toEqual([name, null]);
    else if (COUNTS.includes(name)) expect([name, found]).toEqual([name, value]);
    else expect([name, Math.abs(found! - value) <= (TOLERANCES[name] ?? 1e-9), found]).toEqual([name, true, found]);
  }
}

/** Golden files say F where we say F1. */
const named = (scores: Scores2019, counts?: Counts2019) => ({ ...scores, F: scores.F1, ...counts });

function expectGolden(reference: Scene, prediction: Scene, golden: Golden): void {
  const counts = countRecording(framePair(reference, prediction, 60), OFFICE_LABELS.length);
  const scores = allScores(counts);
  expectScores(named(scores, counts.official), golden['2019_class']);
  // The official regression function gives DE 0 without predictions, where nothing is defined.
  const regression = counts.unsnapped.doa_cnt > 0 ? golden['2019_regr'] : { ...golden['2019_regr'], DE: null };
  expectScores(named(scores2019(counts.unsnapped)), regression);
  expectScores({ ...scores.joint_micro }, golden.joint_micro);
  expectScores({ ...scores.joint_macro }, golden.joint_macro);
}

test.each(Object.keys(synth))('the synthetic scene %s has the golden scores', (name) => {
  expectGolden(csvScene(`synth_${name}_ref.csv`), csvScene(`synth_${name}_pred.csv`), synth[name]!);
});

test.each(hard.cases.map((golden, i) => ({ i, golden, n: golden.reference.length, m: golden.prediction.length })))(
  'hard scene $i ($n events, $m predicted) has the scores of the independent scorers',
  ({ golden }) => {
    expectGolden(hardScene(golden.reference), hardScene(golden.prediction), golden);
  },
);
