// Which names find room on the map: from the top on, each that does not run into one above it.

interface Named {
  readonly key: string;
  readonly name: string;
  /** Pixels. */
  readonly x: number;
  readonly y: number;
}

const LETTER_PIXELS = 6.6;
const LINE_PIXELS = 15;

export function namesWithRoom(marks: readonly Named[]): Set<string> {
  const taken = new Map<number, { from: number; to: number }[]>();
  const named = new Set<string>();
  for (const { key, name, x, y } of [...marks].sort((a, b) => a.y - b.y || a.x - b.x)) {
    const line = Math.round(y / LINE_PIXELS);
    const half = (LETTER_PIXELS * name.length) / 2;
    const near = [line - 1, line, line + 1].flatMap((each) => taken.get(each) ?? []);
    if (near.some(({ from, to }) => x + half > from && x - half < to)) continue;
    named.add(key);
    taken.set(line, [...(taken.get(line) ?? []), { from: x - half, to: x + half }]);
  }
  return named;
}
