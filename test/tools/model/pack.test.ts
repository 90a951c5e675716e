// earshot model pack and unpack as their users run them.
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readModel } from '../../../runtime/inference/model-files.ts';
import { jsonLines, type Outcome } from '../../earshot.ts';

const SHIPPED = fileURLToPath(new URL('../../../models/office-foa', import.meta.url));

const CLI = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));

/** earshot at a time that stands still (reproducible-builds.org). */
function earshot(args: readonly string[], cwd: string): Promise<Outcome> {
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1763856000' };
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { cwd, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-pack-'));
  await earshot(['model', 'pack', SHIPPED, '--key', 'a.key', '--new-key', '--out', 'first.bundle'], folder);
});
afterAll(() => rm(folder, { recursive: true }));
const pack = (...words: string[]) => earshot(['model', 'pack', SHIPPED, '--key', 'a.key', ...words], folder);

test('a model goes through a bundle and runs at the other end, without the weights', async () => {
  const words = ['model', 'unpack', 'first.bundle', '--key', 'a.key.pub', '--out', 'received', '--json'];
  const { code, stdout } = await earshot(words, folder);
  expect([code, jsonLines(stdout)]).toMatchObject([0, [{ name: 'office-foa', kind: 'model', sequence: 1763856000 }]]);
  const received = await readModel(join(folder, 'received'));
  expect(Object.keys(received.manifest.files)).not.toContain('weights.safetensors');
  const shipped = await readFile(join(SHIPPED, 'model-optimised.onnx'));
  expect(shipped.equals(await readFile(received.networkFile))).toBe(true);
  expect((await readdir(join(folder, 'received'))).sort()).toEqual(
    [...Object.keys(received.manifest.files), 'manifest.json'].sort(),
  );
});

test('packed again at the same time it has the same bytes', async () => {
  expect((await pack('--out', 'second.bundle')).code).toBe(0);
  const first = await readFile(join(folder, 'first.bundle'));
  expect(first.equals(await readFile(join(folder, 'second.bundle')))).toBe(true);
});

test('the private key is for its owner alone, is never overwritten, and is refused once others can read it', async () => {
  expect((await stat(join(folder, 'a.key'))).mode & 0o777).toBe(0o600);
  const again = await pack('--new-key', '--out', 'third.bundle');
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('a.key exists already')]);
  await chmod(join(folder, 'a.key'), 0o640);
  const open = await pack('--out', 'third.bundle');
  expect([open.code, open.stderr]).toEqual([
    1,
    expect.stringContaining('a.key can be read by others: run "chmod 600 a.key"'),
  ]);
  await chmod(join(folder, 'a.key'), 0o600);
  expect(await readdir(folder)).not.toContain('third.bundle');
});

test.each([
  [['--board', 'orin-nan'], 'did you mean "orin-nano"'],
  [['--jetpack', '6.9'], '--jetpack 6.9 is not known'],
  [['--expires', '2027-02-30'], 'It must be a day like 2027-06-30'],
  [['--key', 'none.key'], 'there is no such file; make a key with --new-key'],
])('%j is refused in one sentence', async (words, message) => {
  const { code, stderr } = await pack(...words, '--out', 'third.bundle');
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  expect(await readdir(folder)).not.toContain('third.bundle');
});
