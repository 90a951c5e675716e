// Hostile files: a quick fuzzing of every reader (npm run fuzz has more), files too long to be read, and disks that are full.
import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inferShapes } from '../../tools/model/graph/infer-shapes.ts';
import { parseGraph, readModelFile } from '../../tools/model/graph/read-graph.ts';
import { readWeights } from '../../tools/model/weights/read-weights.ts';
import { build } from '../tools/model/graphs.ts';
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

test('what failed can be had again: an input follows from seed and run alone', () => {
  const target = FUZZ_TARGETS.find(({ name }) => name === 'onnx-graph')!;
  const input = (seed: number, run: number) => Buffer.from(inputOf(target, seed, run));
  expect(input(3, 17).equals(input(3, 17))).toBe(true);
  expect(input(3, 17).equals(input(3, 18))).toBe(false);
  expect(input(3, 17).equals(input(4, 17))).toBe(false);
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

test('graphs nested in graphs without end are refused before the stack is', () => {
  // AttributeProto { g (6): GraphProto { node (1): NodeProto { attribute (5): ... } } }, in ModelProto.graph (7).
  const wrap = (field: number, inner: Buffer) => {
    const length: number[] = [];
    for (let left = inner.length; left > 0 || length.length === 0; left >>>= 7)
      length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), inner]);
  };
  let graph = Buffer.alloc(0);
  for (let depth = 0; depth < 3000; depth += 1) graph = wrap(1, wrap(5, wrap(6, graph)));
  expect(() => parseGraph(new Uint8Array(wrap(7, graph)), 'nested.onnx')).toThrow(
    expect.objectContaining({ name: 'UserError', message: expect.stringMatching(/^nested\.onnx is no ONNX model/) }),
  );
});

test('a shape of fractions makes the shapes behind it unknown, and no crash', () => {
  // From a fuzzing: ConstantOfShape and Expand with float sizes, as a changed data type gives them.
  const graph = parseGraph(
    build((g) => {
      const sizes = g.constant('sizes', [2], new Float32Array([1.5, 2.5]));
      const one = g.constant('one', [1], new Float32Array([1]));
      g.node('ConstantOfShape', 'filled', [sizes]);
      g.node('Expand', 'expanded', [one, sizes]);
      g.node('Add', 'y', ['filled', 'expanded']);
    }),
    'fractions',
  );
  const shapes = inferShapes(graph, 100);
  expect(['filled', 'expanded', 'y'].map((tensor) => shapes.dims(tensor))).toEqual([undefined, undefined, undefined]);
});
