// A stand-in for tegrastats that prints recorded lines, dies or falls silent when it is told to.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TegrastatsChild } from '../../../runtime/device/tegrastats-child.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const LINE = readFileSync(new URL('../../fixtures/tegrastats/orin-nano-busy-sudo-l4t-unrecorded.txt', import.meta.url));

async function program(script: string): Promise<string> {
  const folder = await temporaryFolder();
  writeFileSync(join(folder, 'line.txt'), LINE);
  const path = join(folder, 'tegrastats');
  writeFileSync(path, `#!/bin/sh\ncd ${folder}\necho x >> starts\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('the newest line is the reading', async () => {
  const child = new TegrastatsChild({ program: await program('cat line.txt; sleep 60') });
  expect(child.reading).toBeUndefined();
  child.start();
  await until(() => child.reading !== undefined);
  expect(child.reading!.gpu).toEqual({ load: 0.99, hertz: 612e6 });
  child.stop();
});

test('a child that dies is started again', async () => {
  const child = new TegrastatsChild({ program: await program('exit 1'), firstRestartMs: 5 });
  child.start();
  await until(() => child.restarts >= 3);
  child.stop();
  expect(child.reading).toBeUndefined();
});

test('a child that falls silent is replaced, and its last figures are no figures any more', async () => {
  const script = '[ $(wc -l < starts) -gt 1 ] && exec sleep 60; cat line.txt; exec sleep 60';
  const child = new TegrastatsChild({ program: await program(script), intervalMs: 40, firstRestartMs: 5 });
  child.start();
  await until(() => child.reading !== undefined);
  await until(() => child.restarts >= 1);
  await until(() => child.reading === undefined);
  child.stop();
});

test('a machine without tegrastats stays without', async () => {
  const child = new TegrastatsChild({ program: '/nowhere/tegrastats', firstRestartMs: 1 });
  child.start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([child.restarts, child.reading]).toEqual([0, undefined]);
});
