// The official folds of TAU Spatial Sound Events 2019 (its README); models/train/dataset.py holds the same for the trainer.

export type Fold = '1' | '2' | '3' | '4';

/** Splits of each fold. */
export const FOLDS: Readonly<
  Record<Fold, { readonly training: readonly number[]; readonly validation: number; readonly test: number }>
> = {
  '1': { training: [3, 4], validation: 2, test: 1 },
  '2': { training: [4, 1], validation: 3, test: 2 },
  '3': { training: [1, 2], validation: 4, test: 3 },
  '4': { training: [2, 3], validation: 1, test: 4 },
};
