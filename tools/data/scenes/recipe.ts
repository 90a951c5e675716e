// The recipe of a set of recordings: all that decides its bytes, kept beside them as synth.json.
import type { Format } from '../../../models/presets.ts';
import type { Normalization } from '../../../runtime/ambisonics.ts';
import type { Bank } from './bank.ts';

export const SAMPLE_RATE = 48000;

export interface Recipe {
  readonly seed: number;
  readonly seconds: number;
  readonly formats: readonly Format[];
  readonly normalization: Normalization;
  /** Mean event level above the ambience in dB, drawn per recording. */
  readonly snrDb: readonly [low: number, high: number];
  /** Mono recordings to choose the ambience from; none: shaped noise. */
  readonly ambience: readonly string[];
  readonly vary: boolean;
  readonly source: CorpusSource | FreshSource;
}

/** The data set's own layouts. */
export interface CorpusSource {
  readonly kind: 'corpus';
  readonly corpus: string;
  readonly splits: readonly number[];
}

/** Layouts drawn anew. */
export interface FreshSource {
  readonly kind: 'fresh';
  readonly banks: readonly Bank[];
  readonly count: number;
  readonly rooms: 'random' | '5';
  readonly directions: 'grid' | 'free' | 'mix';
  /** Simultaneous tracks, 1 or 2, in turn. */
  readonly overlaps: readonly number[];
  readonly asSplit: number;
}

/** One recording to render. */
export interface Task {
  readonly index: number;
  /** E.g. split1_ir0_ov2_11. */
  readonly name: string;
}
