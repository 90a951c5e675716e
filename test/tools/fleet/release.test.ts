// Releases: what programs in them need, whose keys may sign them.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { followChain, goesOn } from '../../../runtime/device/trusted-keys.ts';
import { elfFacts, isElf, isForeignProgram } from '../../../tools/fleet/release-elf.ts';
import { releaseFiles } from '../../../tools/fleet/release-files.ts';
import { readNode } from '../../../tools/fleet/release-inputs.ts';
import { addKey, beginChain, readKeyChain, revokeKey } from '../../../tools/fleet/release-keys.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const ONNX = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '..', 'bin', 'napi-v6');
const native = (path: string) => readFileSync(join(ONNX, path));

/** Versions as readelf -V of binutils shows them for these files of onnxruntime-node 1.30.0. */
test.each([
  ['linux/arm64/libonnxruntime.so.1', 'arm64', '2.28'],
  ['linux/arm64/onnxruntime_binding.node', 'arm64', '2.17'],
  ['linux/x64/libonnxruntime.so.1', 'x64', expect.stringMatching(/^2\.\d+(\.\d+)?$/)],
])('%s is for %s and needs glibc %s', (path, architecture, glibc) => {
  const facts = elfFacts(native(path));
  expect(facts).toMatchObject({ architecture, glibc });
  expect(facts.libraries).toContain('libc.so.6');
});

test('programs of other systems are told apart', () => {
  expect(isForeignProgram(native('darwin/arm64/onnxruntime_binding.node'))).toBe(true);
  expect(isForeignProgram(native('win32/x64/onnxruntime_binding.node'))).toBe(true);
  expect(isElf(native('win32/x64/onnxruntime_binding.node'))).toBe(false);
});

/** A package small enough to be collected in a moment. */
async function smallPackage(): Promise<{ packageRoot: string; modules: string }> {
  const packageRoot = await temporaryFolder();
  const put = async (path: string, content: string | Buffer) => {
    await mkdir(dirname(join(packageRoot, path)), { recursive: true });
    await writeFile(join(packageRoot, path), content);
  };
  for (const path of ['package.json', 'LICENSE', 'NOTICE', 'bin/earshot.js', 'boards/a.json', 'recordings/a.flac'])
    await put(path, '{}');
  for (const path of [
    'dist/tools/cli.js',
    'dist/test/a.js',
    'dist/tools/cli.js.map',
    'runtime/device/systemd/a.service',
  ])
    await put(path, 'a');
  await put('runtime/inference/trt-runner/main.cpp', 'a');
  await put('models/small/manifest.json', '{"files":{"model.onnx":"1","weights.safetensors":"2"}}');
  for (const name of ['model.onnx', 'weights.safetensors']) await put(`models/small/${name}`, 'a');
  await put('modules/ort/index.js', 'a');
  await put('modules/ort/README.md', 'a');
  await put('modules/ort/test/b.js', 'a');
  for (const name of ['linux/arm64', 'linux/x64', 'win32/x64']) {
    await put(`modules/ort/bin/${name}/b.node`, native(`${name}/onnxruntime_binding.node`));
  }
  return { packageRoot, modules: join(packageRoot, 'modules') };
}

test('a release has what a device runs: its own programs alone, no tests, no weights', async () => {
  const { files, glibc, natives } = await releaseFiles({ ...(await smallPackage()), architecture: 'arm64' });
  expect([...files.keys()].filter((path) => /^(dist|node_modules|models)/.test(path)).sort()).toEqual([
    ...['dist/tools/cli.js', 'models/small/manifest.json', 'models/small/model.onnx'],
    ...['node_modules/ort/bin/linux/arm64/b.node', 'node_modules/ort/index.js'],
  ]);
  expect(JSON.parse(files.get('models/small/manifest.json')!.toString()).files).toEqual({ 'model.onnx': '1' });
  expect([glibc, natives]).toEqual([
    { version: '2.17', path: 'node_modules/ort/bin/linux/arm64/b.node' },
    ['node_modules/ort/bin/linux/arm64/b.node'],
  ]);
});

test('a package without a program for the device, and Node.js for another processor, are refused', async () => {
  const small = await smallPackage();
  await mkdir(join(small.modules, 'other'));
  await writeFile(join(small.modules, 'other', 'a.node'), native('linux/x64/onnxruntime_binding.node'));
  await expect(releaseFiles({ ...small, architecture: 'arm64' })).rejects.toThrow(
    'other has no program for linux-arm64',
  );
  const node = native('linux/x64/onnxruntime_binding.node');
  await expect(releaseFiles({ ...(await smallPackage()), architecture: 'arm64', node })).rejects.toThrow(
    'The program given as --node is for x64: fetch Node.js for linux-arm64.',
  );
});

test('Node.js is taken only with the hash that its makers published', async () => {
  const folder = await temporaryFolder();
  const [file, sums] = [join(folder, 'node-v20-linux-arm64.tar.gz'), join(folder, 'SHASUMS256.txt')];
  await writeFile(file, 'an archive');
  await writeFile(sums, `${'0'.repeat(64)}  node-v20-linux-arm64.tar.gz\n`);
  await expect(readNode(file, sums)).rejects.toThrow(/has SHA-256 [0-9a-f]{64}, not 0{64}: fetch it again/);
  await writeFile(sums, `${'0'.repeat(64)}  another.tar.gz\n`);
  await expect(readNode(file, sums)).rejects.toThrow('has no line for node-v20-linux-arm64.tar.gz');
});

test('keys follow one another: each list is signed by a key that the one before it trusts', async () => {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder, name);
  await beginChain(at('keys.json'), [at('a.key'), at('spare.key')], null);
  expect(statSync(at('a.key')).mode & 0o777).toBe(0o600);
  const first = await readKeyChain(at('keys.json'));
  await addKey(at('keys.json'), at('a.key'), at('b.key'), new Date('2099-01-01'));
  const old = first.newest.keys[0]!.id;
  await revokeKey(at('keys.json'), at('spare.key'), old, 'laptop stolen');
  const last = await readKeyChain(at('keys.json'));
  expect([last.newest.serial, last.keys.map(({ revoked }) => revoked)]).toEqual([3, ['laptop stolen', null, null]]);
  expect(goesOn(first, last, 'it')).toBe(last);
  expect(goesOn(last, first, 'it')).toBeUndefined();
  await expect(addKey(at('keys.json'), at('a.key'), at('c.key'), null)).rejects.toThrow('is revoked: sign with one');
  expect(existsSync(at('c.key'))).toBe(false);
  // Another chain, and one whose last list was changed, are no news.
  await beginChain(at('other.json'), [at('x.key')], null);
  const other = await readKeyChain(at('other.json'));
  expect(() => goesOn(first, other, 'it')).toThrow('from list 1 on it is not the one trusted here');
  const text = readFileSync(at('keys.json'), 'utf8').replace('laptop stolen', 'laptop lost  ');
  expect(() => followChain(text, 'it')).toThrow('list 3 is not signed by a key that the list before it trusts');
});
