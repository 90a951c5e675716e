// The model card as Markdown: every number comes from the manifest or the counts of a score file.
import type { Manifest } from '../../models/manifest.ts';
import { named } from './bootstrap.ts';
import { partOf } from './breakdown.ts';
import { type Counts2019, scores2019 } from './metrics/official2019.ts';
import { type AllScores, addCounts, allScores } from './metrics/scores.ts';
import { calibrationError } from './reliability.ts';
import type { ScoredSet, ScoreFile } from './score-file.ts';
import { weaknesses } from './weaknesses.ts';

export interface CardContent {
  readonly manifest: Manifest;
  readonly model: ScoreFile['model'];
  readonly set: ScoredSet;
  /** Markdown of the author's. */
  readonly notes?: string;
  /** Whether learning-curve.png lies beside the card. */
  readonly curve: boolean;
}

const FORMATS: Readonly<Record<string, string>> = {
  foa: 'first-order ambisonics (ACN: W, Y, Z, X)',
  mic: 'the four capsules of a tetrahedral microphone',
};
const RATES: Readonly<Record<string, string>> = { 'paper-48k': '48 kHz', 'edge-24k': '24 kHz' };
const rate = (value: number | null) => (value === null ? '-' : value.toFixed(3));
const percent = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(1)} %`);
const degrees = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)}°`);

export function cardPage(content: CardContent): string {
  const { manifest, notes } = content;
  return [
    `# ${manifest.name}\n`,
    `${manifest.summary}.\n`,
    whatItIs(content),
    `Licence: ${manifest.licence}\n`,
    scores(content),
    classes(content),
    elevations(content),
    confidence(content),
    `## Known weaknesses\n\n${weaknesses(content.set, manifest.labels)
      .map((one) => `- ${one}`)
      .join('\n')}\n`,
    ...(notes ? [`## What numbers do not show\n\n${notes.trim()}\n`] : []),
    training(content),
    '\n*Written by `earshot field card`; no number on this page is typed.*\n',
  ].join('\n');
}

function whatItIs({ manifest, model, set }: CardContent): string {
  const { features, input, window, timePooling, output } = manifest;
  const hears = `It hears ${FORMATS[features.format]} at ${RATES[features.preset]}`;
  const normal =
    input.normalization === 'any'
      ? ', SN3D or N3D'
      : input.normalization === 'none'
        ? ''
        : `, ${input.normalization.toUpperCase()}`;
  const frame = `${20 * timePooling} ms`;
  const work =
    model.macs === null
      ? ''
      : ` Network ${model.network}: ${model.parameters!.toLocaleString('en')} parameters, ${(model.macs / 1e9).toFixed(3)} GMAC per window of ${model.windowSeconds} s${set.windowMs === null ? '' : `, ${set.windowMs.toFixed(1)} ms on one thread of ${set.processor} while scoring`}.`;
  return (
    `${hears}${normal} and tells ${manifest.labels.length} classes and their directions: ${manifest.labels.join(', ')}. One direction per class at a ` +
    `time, every ${frame}; output ${output}. A moment is judged ${(0.02 * window.lookaheadFrames).toFixed(2)} s after it sounded at the earliest.${work}\n`
  );
}

function scores({ set }: CardContent): string {
  const parts = [
    ['all', set.recordings] as const,
    ...['1', '2'].map(
      (ov) =>
        [
          ov === '1' ? 'one sound at a time' : 'up to two at a time',
          set.recordings.filter(({ name }) => partOf(name, 'ov') === ov),
        ] as const,
    ),
  ].filter(([, recordings]) => recordings.length > 0);
  const head = ['', 'ER', 'F1', 'DE', 'DE official', 'FR', 'ER20', 'F20', 'LE_CD', 'LR_CD'];
  const rows = parts.map(([title, recordings]) => [
    title,
    ...scoreCells(allScores(addCounts(recordings.map(({ counts }) => counts)))),
  ]);
  return [
    '## Scores\n',
    `Set "${set.set}": ${set.recordings.length} recordings of ${set.folders.join(', ')}${set.splits ? `, split ${set.splits.join(', ')}` : ''} (sha256 \`${set.sha256.slice(0, 12)}\`), by \`${set.command}\`.`,
    'DE takes predicted angles as they are; DE official floors them to the 10° grid first, which costs 4° even where the angle is right.\n',
    table([head, ...rows]),
  ].join('\n');
}

function scoreCells(all: AllScores): string[] {
  const s = named(all);
  return [
    ...[rate(s.ER), percent(s.F1), degrees(s.DE), degrees(s.DE_official), percent(s.FR)],
    ...[rate(s.ER20), percent(s.F20), degrees(s.LE_CD), percent(s.LR_CD)],
  ];
}

function classes({ set }: CardContent): string {
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : null);
  const recall = ({ TP, Nref }: Counts2019) => share(TP, Nref);
  const precision = ({ TP, Nsys }: Counts2019) => share(TP, Nsys);
  const rows = [...set.classes]
    .map(({ label, official, unsnapped }) => ({
      label,
      official,
      f1: scores2019(official).F1,
      er: scores2019(official).ER,
      de: scores2019(unsnapped).DE,
    }))
    .sort((a, b) => b.f1 - a.f1)
    .map(({ label, official, f1, er, de }) => [
      label,
      rate(er),
      percent(f1),
      percent(recall(official)),
      percent(precision(official)),
      degrees(de),
    ]);
  return ['### By class\n', table([['class', 'ER', 'F1', 'recall', 'precision', 'DE'], ...rows])].join('\n');
}

function elevations({ set }: CardContent): string {
  const rows = set.diagnosis.elevations
    .filter(({ frames }) => frames > 0)
    .map(({ elevation, frames, heard, angleSum }) => [
      ...[
        `${elevation}°`,
        `${(frames / 50).toFixed(0)} s`,
        percent(heard / frames),
        degrees(heard > 0 ? angleSum / heard : null),
      ],
    ]);
  return [
    '### By elevation\n',
    'Heard: share of the time in which the class was told. Angle: between it and where it was told.\n',
    table([['elevation', 'sounding', 'heard', 'angle'], ...rows]),
  ].join('\n');
}

function confidence({ set }: CardContent): string {
  const { events, frames } = set.reliability;
  const rows = events
    .filter(({ count }) => count > 0)
    .map(({ from, to, count, confidenceSum, right }) => [
      ...[`${from.toFixed(1)}–${to.toFixed(1)}`, String(count), rate(confidenceSum / count), percent(right / count)],
    ]);
  const error = (value: number | null) => (value === null ? '-' : value.toFixed(3));
  return [
    '### Can its confidence be believed?\n',
    'The score of an event is the mean activity of the network, no temperature applied. Right: class, half of the time and 20° of direction.',
    `Mean distance between confidence and hit rate: events ${error(calibrationError(events))}, label frames ${error(calibrationError(frames))}.\n`,
    table([['score', 'events', 'mean score', 'right'], ...rows]),
  ].join('\n');
}

function training({ manifest, curve }: CardContent): string {
  const settings = Object.entries(manifest.training).map(([key, value]) => `${key} ${value}`);
  const validation = manifest.scores.find(({ on }) => on === 'validation');
  return [
    '## Training\n',
    `Data: sha256 \`${manifest.data.sha256}\`, seed ${manifest.data.seed}, made by: \`${manifest.data.recipe}\`\n`,
    `Settings: ${settings.join(', ')}.`,
    ...(validation
      ? [
          `\nValidation, which chose epoch and thresholds: ${Object.entries(validation.values)
            .map(([key, value]) => `${key} ${rate(value)}`)
            .join(', ')}; \`${validation.command}\`.`,
        ]
      : []),
    ...(curve ? ['\nLearning curve: [learning-curve.png](learning-curve.png).'] : []),
  ].join('\n');
}

function table([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head!), `|${head!.map(() => '---').join('|')}|`, ...rows.map(line), ''].join('\n');
}
