// The assignment against trying all permutations.
import fc from 'fast-check';
import { leastSum } from '../../../../tools/field/metrics/assignment.ts';

function permutations(of: number[], length: number): number[][] {
  if (length === 0) return [[]];
  return of.flatMap((first) =>
    permutations(
      of.filter((i) => i !== first),
      length - 1,
    ).map((rest) => [first, ...rest]),
  );
}

test('no permutation has a smaller sum', () => {
  const matrix = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([rows, columns]) =>
    fc.array(fc.array(fc.integer({ min: 0, max: 18 }), { minLength: columns, maxLength: columns }), {
      minLength: rows,
      maxLength: rows,
    }),
  );
  fc.assert(
    fc.property(matrix, (cost) => {
      const columns = leastSum(cost);
      const used = columns.filter((c) => c >= 0);
      expect(new Set(used).size).toBe(used.length);
      expect(used.length).toBe(Math.min(cost.length, cost[0]!.length));
      const sum = columns.reduce((total, c, r) => total + (c < 0 ? 0 : cost[r]![c]!), 0);
      const wide = cost.length <= cost[0]!.length ? cost : cost[0]!.map((_, j) => cost.map((row) => row[j]!));
      const all = permutations(
        wide[0]!.map((_, j) => j),
        wide.length,
      );
      expect(sum).toBe(Math.min(...all.map((p) => p.reduce((total, c, r) => total + wide[r]![c]!, 0))));
    }),
  );
});

test('equal costs give the identity, as in scipy', () => {
  expect(
    leastSum([
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ]),
  ).toEqual([0, 1, 2]);
});
