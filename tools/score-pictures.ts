// From scenes to pictures of scores: what the plots need is computed here by the metrics, so that both count alike.
import type { DetectedEvent } from './detect.ts';
import { type CountedRecording, countScenes, recordingSeconds, scoreParts } from './field/breakdown.ts';
import { diagnose } from './field/diagnosis.ts';
import { directionErrors } from './field/direction-errors.ts';
import { type AllScores, framePair } from './field/metrics/scores.ts';
import { reliability } from './field/reliability.ts';
import { type BarPanel, drawClassBars } from './plot/class-bars.ts';
import { drawConfusionMatrix } from './plot/confusion-matrix.ts';
import { drawDirectionMap } from './plot/direction-map.ts';
import { rasterise } from './plot/rasterise.ts';
import { drawReliability } from './plot/reliability-curve.ts';
import { drawResultDiagram, type ResultDiagram } from './plot/result-diagram.ts';
import type { Scene, SceneEvent } from './scene-csv.ts';

/** Frames that confusions are counted in. */
export const FRAME_SECONDS = 0.02;
/** When an event counts as right. */
export const RIGHT_EVENT = 'an event with one of its class within 20° at the same time';

/** What sounded in a recording, and what was heard. */
export interface ScoredScene {
  readonly name: string;
  readonly reference: Scene;
  readonly prediction: Scene;
  /** Length of the recording; by default as `field evaluate` takes it. */
  readonly seconds?: number;
}

/** What sounded in a recording, and what was told with which confidence. */
export interface ToldScene {
  readonly reference: readonly SceneEvent[];
  readonly events: readonly DetectedEvent[];
}

/** F1, ER and DE of each class as SVG. */
export function drawClasses(scenes: readonly ScoredScene[], labels: readonly string[], title: string): string {
  const counted = scenes.map((scene) => countScenes(scene, labels.length, { seconds: scene.seconds, perClass: true }));
  const [all, ...classes] = scoreParts(counted, ['class'], labels).map(({ scores }) => scores);
  return drawClassBars({ title, note: noteOf(counted), labels, panels: classPanels(all!, classes) });
}

type BarScores = Pick<AllScores, 'F1' | 'ER' | 'DE_unsnapped'>;

/** F1, ER and the direction error on the angles as heard, not snapped to a grid. */
export function classPanels(all: BarScores, classes: readonly BarScores[]): BarPanel[] {
  return [
    { name: 'F1', note: 'higher is better', all: all.F1, values: classes.map((s) => s.F1), digits: 2, most: 1 },
    { name: 'Error rate', note: 'lower is better', all: all.ER, values: classes.map((s) => s.ER), digits: 2 },
    {
      ...{ name: 'Direction error', note: 'lower is better', digits: 1, unit: '°' },
      ...{ all: all.DE_unsnapped, values: classes.map((s) => s.DE_unsnapped) },
    },
  ];
}

/** Direction errors over azimuth and elevation as SVG. */
export function drawDirections(scenes: readonly ScoredScene[], _labels: readonly string[], title: string): string {
  const errors = directionErrors(pairsOf(scenes));
  return drawDirectionMap({ title, note: `${errors.length} sounds heard as what they were`, errors });
}

/** Confusions of classes as SVG. */
export function drawConfusion(scenes: readonly ScoredScene[], labels: readonly string[], title: string): string {
  const { confusion, invented } = diagnose(pairsOf(scenes), labels.length);
  const note = `${count(scenes.length, 'recording')}; where a class went unheard: what was heard in its place, and did not sound itself`;
  return drawConfusionMatrix({ title, note, labels, confusion, invented, secondsPerUnit: FRAME_SECONDS });
}

/** Confidence against hit rate as SVG. */
export function drawReliabilityOf(scenes: readonly ToldScene[], labels: readonly string[], title: string): string {
  const judged = scenes.map(({ reference, events }) => ({ reference, events, scores: [] }));
  const { events } = reliability(judged, labels.length);
  const note = `Right: ${RIGHT_EVENT}. Hollow: fewer than 20.`;
  return drawReliability({ title, note, curves: [{ name: 'events', bins: events }] });
}

/** What was heard in one recording below what sounded, as SVG; only what lies within the duration. */
export function drawRecording(diagram: ResultDiagram): string {
  const inTime = ({ startSeconds }: SceneEvent) => startSeconds < diagram.durationSeconds;
  const { reference, prediction } = diagram;
  return drawResultDiagram({ ...diagram, reference: reference?.filter(inTime), prediction: prediction.filter(inTime) });
}

/** A drawing as the bytes of a PNG file. */
export function pngOf(svg: string): Promise<Buffer> {
  return rasterise(svg);
}

function pairsOf(scenes: readonly ScoredScene[]) {
  return scenes.map(({ name, reference, prediction, seconds }) =>
    framePair(reference, prediction, seconds ?? recordingSeconds(name, reference)),
  );
}

function noteOf(counted: readonly CountedRecording[]): string {
  const minutes = counted.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const rows = counted.reduce((sum, { referenceRows }) => sum + referenceRows, 0);
  return `${count(counted.length, 'recording')}, ${Number(minutes.toFixed(1))} min, ${rows} sounds; direction error on the angles as heard, not snapped to a grid`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
