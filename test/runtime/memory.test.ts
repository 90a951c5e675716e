import { execFileSync } from 'node:child_process';

const MIB = 2 ** 20;
const REPORT = `
  const { peakResidentBytes, residentBytes } = await import('./dist/runtime/memory.js');
  const before = peakResidentBytes();
  let held = Buffer.alloc(200 * ${MIB}, 1);
  held = undefined;
  console.log(JSON.stringify({ before, now: residentBytes(), peak: peakResidentBytes() }));`;

test('a program counts what it took itself, not what the process had that started it', () => {
  // Pages that were written to stay resident; a child starts as a copy of this process.
  const large = Buffer.alloc(600 * MIB, 1);
  const { before, now, peak } = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', REPORT]).toString(),
  );
  expect(large.at(-1)).toBe(1);
  expect(before).toBeGreaterThan(10 * MIB);
  expect(before).toBeLessThan(200 * MIB);
  expect(peak - before).toBeGreaterThan(190 * MIB);
  expect(peak).toBeLessThan(450 * MIB);
  expect(now).toBeLessThanOrEqual(peak);
});
