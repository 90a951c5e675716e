// npm test: Jest in parts, one process after the other, since ES modules of a test file stay in memory and all of them need more than 4 GB.
// With arguments (npm test -- test/tools/plot) one process runs what they name. The last line counts all tests, as CI reads it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const PARTS = 5;
// The package does not export the file of its command.
const JEST = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin', 'jest.js');

const given = process.argv.slice(2);
const runs = given.length > 0 ? [given] : Array.from({ length: PARTS }, (_, i) => [`--shard=${i + 1}/${PARTS}`]);
const folder = mkdtempSync(join(tmpdir(), 'earshot-tally-'));
let [passed, failed] = [0, 0];
for (const [i, args] of runs.entries()) {
  const tally = join(folder, `${i}.json`);
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const { status, signal } = spawnSync(process.execPath, [...flags, JEST, ...args], {
    stdio: 'inherit',
    env: { ...process.env, EARSHOT_TALLY: tally },
  });
  const counted = read(tally);
  passed += counted.passed;
  failed += counted.failed;
  // A process that did not come to its tally, or fails without a failed test, is a failure of its own.
  if (status !== 0 && counted.failed === 0) {
    failed += 1;
    console.error(`Jest ended with ${signal ?? `code ${status}`} in part ${i + 1} of ${runs.length}.`);
  }
}
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { passed: 0, failed: 0 };
  }
}
