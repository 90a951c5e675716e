// Installing releases into slots: what is good is kept, what is not goes back, and what is refused changes nothing.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleError } from '../../../runtime/device/bundle-error.ts';
import { launch, readSlots, slotFolder, writeSlots } from '../../../runtime/device/launcher.ts';
import { confirmRelease, goBack, installRelease, type UpdateOptions } from '../../../runtime/device/update.ts';
import { proveSlot } from '../../../runtime/device/update-prove.ts';
import { fileSource, verifySlot } from '../../../runtime/device/update-slot.ts';
import { workerFile } from '../../../runtime/worker-file.ts';
import { temporaryFolder } from '../../loudness-model.ts';
import { type Behaviour, keyChain, makeRoot, newSigner, smallRelease, told } from './small-releases.ts';

const LAUNCHER = workerFile(new URL('../../../runtime/device/launcher.ts', import.meta.url)).pathname;
const signer = newSigner();
const TERMS = { healthySeconds: 1, limitSeconds: 60, needsBroker: false };
let folder: string;
let root: string;
let tellFile: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  root = makeRoot(folder, keyChain({ by: signer, keys: [{ signer }] }));
  tellFile = join(folder, 'told');
  writeFileSync(tellFile, '');
});

function release(sequence: number, behaviour: Behaviour = {}, change: Parameters<typeof smallRelease>[3] = {}): string {
  const file = join(folder, `${sequence}.bundle`);
  writeFileSync(file, smallRelease(signer, sequence, behaviour, change).bytes);
  return file;
}

function install(file: string, change: Partial<UpdateOptions> = {}) {
  return installRelease({
    ...{ root, source: fileSource(file), device: {}, terms: TERMS },
    prove: (slots) => proveSlot({ root, slots, config: 'none.json' }),
    ...change,
  });
}

/** What systemd does: starts the launcher, once. @returns its exit code and what it said, after ending it where it lives */
async function start(until = 1): Promise<{ code: number | null; said: string }> {
  const before = told(tellFile).length;
  const child = spawn(process.execPath, [LAUNCHER, root, '--', 'run', '--config', 'c.json'], {
    env: { ...process.env, EARSHOT_TELL: tellFile },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const poll = setInterval(() => {
    if (told(tellFile).length >= before + until) child.kill('SIGTERM');
  }, 20);
  const code = await ended;
  clearInterval(poll);
  return { code, said };
}
const runs = () => told(tellFile).map((line) => line.split(' ')[0]);

test('the first release is kept at once; the next runs on trial, and is kept when it is healthy', async () => {
  const first = await install(release(1));
  expect(first).toMatchObject({ name: 'release-1', state: 'kept' });
  expect((await start()).code).toBe(0);
  expect(told(tellFile)).toEqual(['release-1 run --config c.json']);
  const second = await install(release(2));
  expect(second.state).toBe('trial');
  expect(readlinkSync(join(root, 'current'))).toBe(join('slots', second.slot));
  expect(readlinkSync(join(root, 'previous'))).toBe(join('slots', first.slot));
  await start();
  expect(await confirmRelease(root)).toMatchObject({ name: 'release-2', outcome: 'done' });
  for (let i = 0; i < 5; i++) await start();
  expect(runs()).toEqual(['release-1', ...Array(6).fill('release-2')]);
  expect(readSlots(root)).toMatchObject({ trial: null, highest: { runtime: 2 }, good: { runtime: second.slot } });
  await verifySlot(slotFolder(root, second.slot), { keys: [] }).catch((error: BundleError) =>
    expect(error.code).toBe('signature'),
  );
});

test('a release that crashes at its start goes back after three of them, and says why', async () => {
  await install(release(1));
  await install(release(2, { run: 'crashes' }));
  for (let i = 0; i < 3; i++) expect((await start(99)).code).toBe(9);
  const { code, said } = await start();
  expect([code, said]).toEqual([0, expect.stringContaining('release-2 (2) is taken back: it was started 3 times')]);
  expect(runs()).toEqual(['release-2', 'release-2', 'release-2', 'release-1']);
  expect(readSlots(root)).toMatchObject({ trial: null, highest: { runtime: 1 }, last: { outcome: 'rolled-back' } });
});

test('a release that lives and is not healthy is ended by the launcher, even when it does not listen', async () => {
  await install(release(1));
  await install(release(2, { run: 'deaf' }), { terms: { ...TERMS, limitSeconds: 0.5 } });
  const said: string[] = [];
  process.env.EARSHOT_TELL = tellFile;
  expect(await launch({ root, args: [], tell: (line) => said.push(line), stopMs: 200 })).toBe(128 + 9);
  expect(said.join()).toContain('not healthy for 1 s within 0.5 s');
  await start();
  expect(runs()).toEqual(['release-2', 'release-1']);
});

test('what gave itself up goes back with its own reason; by hand it goes back too, twice is once forth', async () => {
  await install(release(1));
  await install(release(2));
  goBack(root);
  expect((await start()).said).toContain('taken back by hand');
  await install(release(2));
  await start();
  await confirmRelease(root);
  goBack(root);
  await start();
  goBack(root);
  await start();
  expect(runs()).toEqual(['release-1', 'release-2', 'release-1', 'release-2']);
});

test('a release whose network computes nonsense here is never started', async () => {
  const { slot } = await install(release(1));
  await expect(install(release(2, { prove: 1 }))).rejects.toMatchObject({
    code: 'proof',
    message: 'release-2 (2) does not run here: the network computes nonsense.',
  });
  expect(readdirSync(join(root, 'slots'))).toEqual([slot]);
  await start();
  expect(runs()).toEqual(['release-1']);
});

test('a model travels the same way: it is proved with the runtime that is there, tried and taken back', async () => {
  const model = release(5, {}, { kind: 'model', name: 'loud', files: new Map([['manifest.json', Buffer.from('{}')]]) });
  await expect(install(model)).rejects.toThrow('loud is a model: install a runtime first');
  await install(release(1));
  const { slot } = await install(model);
  await start();
  expect(told(tellFile)).toEqual([`release-1 run --config c.json --model ${slotFolder(root, slot)}`]);
  await confirmRelease(root);
  await install(release(2));
  await start();
  expect(told(tellFile).at(-1)).toContain(`release-2 run --config c.json --model ${slotFolder(root, slot)}`);
  expect(readSlots(root).highest).toEqual({ runtime: 1, model: 5 });
});

test('a lost or torn state file: what ran goes on running, and old releases stay shut out', async () => {
  const { slot } = await install(release(3));
  await install(release(4));
  await start();
  await confirmRelease(root);
  for (const text of [undefined, '', '{"version":1,', '{"version":1,"good":{"runtime":"../../etc","model":null}}']) {
    if (text === undefined) rmSync(join(root, 'slots.json'));
    else writeFileSync(join(root, 'slots.json'), text);
    await start();
    await confirmRelease(root);
    await expect(install(release(3))).rejects.toMatchObject({ code: 'older' });
  }
  for (const name of ['current', 'previous', 'slots.json']) rmSync(join(root, name));
  await start();
  expect(new Set(runs().slice(1))).toEqual(new Set(['release-4']));
  expect(readSlots(root)).toMatchObject({ trial: { sequence: 4 }, good: { runtime: slot } });
});

test('a slot that lost its program is replaced by the one before it', async () => {
  await install(release(1));
  const { slot } = await install(release(2));
  await confirmRelease(root);
  rmSync(join(slotFolder(root, slot), 'bin'), { recursive: true });
  expect((await start()).said).toContain('is damaged');
  expect(runs()).toEqual(['release-1']);
  expect(await install(release(2))).toMatchObject({ state: 'trial' }); // healed by installing it again
});

test('without any slot the launcher says how one comes to be', async () => {
  const { code, said } = await start();
  expect([code, said]).toEqual([1, expect.stringContaining('install a release with "earshot update install"')]);
});

test('two updates at once: the second is told to wait; the lock of a process that is gone is none', async () => {
  await install(release(1));
  let second: Promise<unknown> | undefined;
  await install(release(2), {
    prove: async () => {
      const stat = readFileSync('/proc/1/stat', 'utf8');
      writeFileSync(join(root, 'update.lock'), `1 ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`);
      second = install(release(3)).catch((error: BundleError) => error.code);
      expect(await second).toBe('busy');
      writeFileSync(join(root, 'update.lock'), '1 999999999999');
    },
  });
  await confirmRelease(root);
  expect(await install(release(3))).toMatchObject({ state: 'trial' });
  await expect(install(release(4))).rejects.toMatchObject({
    code: 'busy',
    message: expect.stringContaining('on trial'),
  });
});

test('one that runs already is not installed again, and one that must follow another is refused', async () => {
  await install(release(1));
  expect(await install(release(1))).toMatchObject({ state: 'running' });
  await expect(install(release(9, {}, { minimumSequence: 5 }))).rejects.toMatchObject({ code: 'too-new' });
  await expect(install(release(9), { expected: { name: 'release-9', sequence: 8 } })).rejects.toMatchObject({
    code: 'manifest',
  });
});

test('a slot left by a trial that failed is made anew when it was changed meanwhile', async () => {
  await install(release(1));
  const { slot } = await install(release(2));
  await start();
  writeSlots(root, { ...readSlots(root), trial: null });
  const changed = join(slotFolder(root, slot), 'node_modules/b/lib/own.js');
  writeFileSync(changed, 'evil');
  writeFileSync(join(slotFolder(root, slot), 'more.js'), 'evil');
  await install(release(2));
  expect(readFileSync(changed, 'utf8')).toContain('of 2');
  expect(existsSync(join(slotFolder(root, slot), 'more.js'))).toBe(false);
});
