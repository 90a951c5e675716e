// All metrics of a recording as counts that can be added up over recordings, and the scores formed from them.
import type { Scene } from '../../scene-csv.ts';
import { type Frames, frames20ms, frames100ms, ofClass } from './frames.ts';
import { addJoint, countJoint, type JointCounts, type JointScores, macroScores, microScores } from './joint.ts';
import {
  type Counts2019,
  countGrid,
  countUnsnapped,
  roundToGrid,
  type Scores2019,
  scores2019,
} from './official2019.ts';

/** A reference and a prediction, cut into frames. */
export interface FramedPair {
  readonly reference20ms: Frames;
  readonly prediction20ms: Frames;
  readonly reference100ms: Frames;
  readonly prediction100ms: Frames;
}

/** Counts of one recording, or the sum over several (what a bootstrap over recordings draws from). */
export interface RecordingCounts {
  /** Official run of 2019 on the angles as written. */
  readonly official: Counts2019;
  /** The same after the prediction's angles were rounded to the nearest 10 degrees. */
  readonly snapped: Counts2019;
  /** Official scorer for regression: no grid. */
  readonly unsnapped: Counts2019;
  readonly joint: JointCounts;
}

export interface AllScores extends Scores2019 {
  readonly DE_snapped: number | null;
  readonly DE_unsnapped: number | null;
  readonly FR_unsnapped: number;
  readonly joint_micro: JointScores;
  readonly joint_macro: JointScores;
}

/** @param seconds length of the recording, a whole number */
export function framePair(reference: Scene, prediction: Scene, seconds: number): FramedPair {
  return {
    reference20ms: frames20ms(reference, seconds),
    prediction20ms: frames20ms(prediction, seconds),
    reference100ms: frames100ms(reference, seconds),
    prediction100ms: frames100ms(prediction, seconds),
  };
}

/** The pair with the sounds of one class alone, as class 0 of one. */
export function pairOfClass(pair: FramedPair, classIndex: number): FramedPair {
  return {
    reference20ms: ofClass(pair.reference20ms, classIndex),
    prediction20ms: ofClass(pair.prediction20ms, classIndex),
    reference100ms: ofClass(pair.reference100ms, classIndex),
    prediction100ms: ofClass(pair.prediction100ms, classIndex),
  };
}

export function countRecording(pair: FramedPair, classes: number): RecordingCounts {
  const { reference20ms, prediction20ms } = pair;
  return {
    official: countGrid(reference20ms, prediction20ms, classes),
    snapped: countGrid(reference20ms, roundToGrid(prediction20ms), classes),
    unsnapped: countUnsnapped(reference20ms, prediction20ms, classes),
    joint: countJoint(pair.reference100ms, pair.prediction100ms, classes),
  };
}

/** Sum over recordings: scores are formed from it, never averaged. @param counts at least one */
export function addCounts(counts: readonly RecordingCounts[]): RecordingCounts {
  return counts.reduce((a, b) => ({
    official: add2019(a.official, b.official),
    snapped: add2019(a.snapped, b.snapped),
    unsnapped: add2019(a.unsnapped, b.unsnapped),
    joint: addJoint(a.joint, b.joint),
  }));
}

export function allScores({ official, snapped, unsnapped, joint }: RecordingCounts): AllScores {
  return {
    ...scores2019(official),
    DE_snapped: scores2019(snapped).DE,
    DE_unsnapped: scores2019(unsnapped).DE,
    FR_unsnapped: scores2019(unsnapped).FR,
    joint_micro: microScores(joint),
    joint_macro: macroScores(joint),
  };
}

function add2019(a: Counts2019, b: Counts2019): Counts2019 {
  return {
    S: a.S + b.S,
    D: a.D + b.D,
    I: a.I + b.I,
    TP: a.TP + b.TP,
    Nref: a.Nref + b.Nref,
    Nsys: a.Nsys + b.Nsys,
    frames: a.frames + b.frames,
    good: a.good + b.good,
    doa_sum: a.doa_sum + b.doa_sum,
    doa_cnt: a.doa_cnt + b.doa_cnt,
  };
}
