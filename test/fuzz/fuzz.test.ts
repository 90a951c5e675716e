// Hostile files: a quick fuzzing of every reader (npm run fuzz has more), files too long to be read, and disks that are full.
import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readModelFile } from '../../tools/model/graph/read-graph.ts';
import { readWeights } from '../../tools/model/weights/read-weights.ts';
import { FUZZ_TARGETS, inputOf } from './targets.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = join(ROOT, 'dist/tools/cli.js');
const EXPORTED = join(ROOT, 'test/golden/graphs/ours-free.onnx');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test('changed files of every kind are read or refused by name: no crash, no hang, no gigabyte', async () => {
  const { code, stdout } = await run(process.execPath, join(ROOT, 'dist/test/fuzz/fuzz.js'), '--runs', '60', '--json');
  const { failures, memoryMib, read, refused } = JSON.parse(stdout);
  expect({ code, failures }).toEqual({ code: 0, failures: [] });
  expect(memoryMib).toBeLessThan(1024);
  // All inputs came through, and some of the changed graphs were still good enough to go all the way.
  for (const { name } of FUZZ_TARGETS) expect((read[name] ?? 0) + (refused[name] ?? 0)).toBe(60);
  expect(read['onnx-graph']).toBeGreaterThan(10);
});

test('an error without a name of ours is a failure, and can be had again', async () => {
  const target = FUZZ_TARGETS.find(({ name }) => name === 'onnx-graph')!;
  expect(inputOf(target, 3, 17)).toEqual(inputOf(target, 3, 17));
  expect(inputOf(target, 3, 17)).not.toEqual(inputOf(target, 3, 18));
  expect(inputOf(target, 4, 17)).not.toEqual(inputOf(target, 3, 17));
});

test('files over 2 GB are refused by their size, before they are read', async () => {
  const file = join(folder, 'huge');
  const handle = await open(file, 'w');
  await handle.truncate(3 * 2 ** 30); // a hole: takes no room
  await handle.close();
  const before = process.memoryUsage().rss;
  await expect(readModelFile(file)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('3072 MiB'),
  });
  await expect(readWeights(file)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('3072 MiB'),
  });
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  await rm(file);
});

/** Runs earshot where no file may be longer than some KiB: writing fails in the middle, as on a full disk. */
const withLimit = (kibibytes: number, ...args: string[]) =>
  run('bash', '-c', 'ulimit -f "$0" && exec "$@"', String(kibibytes), process.execPath, CLI, ...args);

test('a disk that is full while a model is written leaves what was there, and nothing half', async () => {
  const out = join(folder, 'fast.onnx');
  const optimise = ['model', 'optimise', EXPORTED, '--out', out];
  const full = await withLimit(8, ...optimise);
  expect([full.code, full.stderr]).toEqual([1, `error: Cannot write ${out}: it is longer than files may be there.\n`]);
  expect(await readdir(folder)).toEqual([]);
  expect((await run(process.execPath, CLI, ...optimise)).code).toBe(0);
  const before = await readFile(out);
  expect((await withLimit(8, ...optimise)).code).toBe(1);
  expect((await readFile(out)).equals(before)).toBe(true);
  expect(await readdir(folder)).toEqual(['fast.onnx']);
});
