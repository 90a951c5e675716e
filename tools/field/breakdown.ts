// Scores over all recordings and over parts of them: by split, room, overlap, class or recording.
import type { Scene } from '../scene-csv.ts';
import {
  type AllScores,
  addCounts,
  allScores,
  countRecording,
  framePair,
  pairOfClass,
  type RecordingCounts,
} from './metrics/scores.ts';

export const PARTS = ['split', 'ir', 'ov', 'class', 'recording'] as const;
export type Part = (typeof PARTS)[number];

export interface NamedScenes {
  readonly name: string;
  readonly reference: Scene;
  readonly prediction: Scene;
}

/** Counts of one recording, for all classes together and, when asked for, for each alone. */
export interface CountedRecording {
  readonly name: string;
  readonly seconds: number;
  /** Rows of the two files: events, or frames of sounds. */
  readonly referenceRows: number;
  readonly predictionRows: number;
  readonly counts: RecordingCounts;
  readonly perClass: readonly RecordingCounts[] | undefined;
}

export interface PartScores {
  readonly part: Part | 'all';
  /** Which split, room, overlap, class or recording; empty for all. */
  readonly value: string;
  readonly recordings: number;
  readonly counts: RecordingCounts;
  readonly scores: AllScores;
}

/** Length of a recording of the data set, and the official scorer's for any. */
const OFFICIAL_SECONDS = 60;

/** What a file name of TAU Spatial Sound Events 2019 says. */
const NAME_PARTS: Record<'split' | 'ir' | 'ov', RegExp> = {
  split: /^split(\d+)(?=_|$)/,
  ir: /_ir(\d+)(?=_|$)/,
  ov: /_ov(\d+)(?=_|$)/,
};

/** @param seconds length of the recording; by default 60, or more where the reference of a file not named as the data set's goes on */
export function countScenes(
  { name, reference, prediction }: NamedScenes,
  classes: number,
  { seconds = recordingSeconds(name, reference), perClass = false }: { seconds?: number; perClass?: boolean },
): CountedRecording {
  const pair = framePair(reference, prediction, seconds);
  return {
    name,
    seconds,
    referenceRows: rowsOf(reference),
    predictionRows: rowsOf(prediction),
    counts: countRecording(pair, classes),
    perClass: perClass ? Array.from({ length: classes }, (_, c) => countRecording(pairOfClass(pair, c), 1)) : undefined,
  };
}

/** The scores over all recordings first, then those of each part; none for a part that no name carries. */
export function scoreParts(
  recordings: readonly CountedRecording[],
  parts: readonly Part[],
  labels: readonly string[],
): PartScores[] {
  const all = scored(
    'all',
    '',
    recordings.map(({ counts }) => counts),
  );
  return [all, ...parts.flatMap((part) => (part === 'class' ? byClass(recordings, labels) : byName(recordings, part)))];
}

/** The part of a name that a breakdown goes by; undefined where the name does not carry it. */
export function partOf(name: string, part: Exclude<Part, 'class'>): string | undefined {
  return part === 'recording' ? name : NAME_PARTS[part].exec(name)?.[1];
}

function byName(recordings: readonly CountedRecording[], part: Exclude<Part, 'class'>): PartScores[] {
  const groups = new Map<string, RecordingCounts[]>();
  for (const { name, counts } of recordings) {
    const value = partOf(name, part);
    if (value !== undefined) groups.set(value, [...(groups.get(value) ?? []), counts]);
  }
  return [...groups].map(([value, counts]) => scored(part, value, counts));
}

function byClass(recordings: readonly CountedRecording[], labels: readonly string[]): PartScores[] {
  return labels.map((label, c) =>
    scored(
      'class',
      label,
      recordings.map(({ perClass }) => perClass![c]!),
    ),
  );
}

function scored(part: PartScores['part'], value: string, recordings: readonly RecordingCounts[]): PartScores {
  const counts = addCounts(recordings);
  return { part, value, recordings: recordings.length, counts, scores: allScores(counts) };
}

/** Length of a recording that nobody has measured: the data set's, or up to the end of a reference that goes on. */
export function recordingSeconds(name: string, reference: Scene): number {
  const official = NAME_PARTS.split.test(name);
  return official ? OFFICIAL_SECONDS : Math.max(OFFICIAL_SECONDS, Math.ceil(endOf(reference)));
}

function endOf(scene: Scene): number {
  const ends =
    scene.kind === 'events'
      ? scene.events.map(({ endSeconds }) => endSeconds)
      : scene.frames.map(({ frame }) => (frame + 1) * scene.frameSeconds);
  return ends.reduce((latest, end) => Math.max(latest, end), 0);
}

function rowsOf(scene: Scene): number {
  return scene.kind === 'events' ? scene.events.length : scene.frames.length;
}
