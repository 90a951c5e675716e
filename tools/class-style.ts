// The look of each sound class in pictures and on the hub's page: a colour, and a mark for colour-blind readers.

/** Paul Tol's "muted" scheme, safe for colour-blind readers, with orange and slate added to reach eleven classes. */
const COLOURS = [
  ...['#332288', '#cc6677', '#117733', '#e08214', '#88aadd', '#882255'],
  ...['#44aa99', '#b8a33a', '#aa4499', '#4d5866', '#6f9a1f'],
];

/** Outlines of radius 1 around (0, 0); corners as x, y pairs, empty for the circle. */
const MARKS: readonly (readonly number[])[] = [
  [],
  [-0.85, -0.85, 0.85, -0.85, 0.85, 0.85, -0.85, 0.85],
  [0, -1.1, 1, 0.75, -1, 0.75],
  [0, -1.15, 1.15, 0, 0, 1.15, -1.15, 0],
  [0, 1.1, 1, -0.75, -1, -0.75],
  [
    -0.35, -1, 0.35, -1, 0.35, -0.35, 1, -0.35, 1, 0.35, 0.35, 0.35, 0.35, 1, -0.35, 1, -0.35, 0.35, -1, 0.35, -1,
    -0.35, -0.35, -0.35,
  ],
  [-0.5, -1, 0.5, -1, 1.1, 0, 0.5, 1, -0.5, 1, -1.1, 0],
  [-1.1, 0, 0.75, -1, 0.75, 1],
  [0, -1.2, 0.34, -0.4, 1.14, -0.37, 0.51, 0.15, 0.7, 0.95, 0, 0.5, -0.7, 0.95, -0.51, 0.15, -1.14, -0.37, -0.34, -0.4],
  [1.1, 0, -0.75, -1, -0.75, 1],
  [-1, -0.6, -0.6, -1, 0, -0.4, 0.6, -1, 1, -0.6, 0.4, 0, 1, 0.6, 0.6, 1, 0, 0.4, -0.6, 1, -1, 0.6, -0.4, 0],
];

export interface ClassStyle {
  readonly colour: string;
  /** Corners of the mark around (0, 0) as x, y pairs, radius about 1; empty means a circle. */
  readonly mark: readonly number[];
}

/** The look of class number index; past eleven classes colours come round again with other marks. */
export function classStyle(index: number): ClassStyle {
  const round = Math.floor(index / COLOURS.length);
  return { colour: COLOURS[index % COLOURS.length]!, mark: MARKS[(index + round) % MARKS.length]! };
}
