// A process that fills an outbox is killed at any moment, again and again: what it was told durable is there.
import { spawn } from 'node:child_process';
import { workerFile } from '../../../runtime/worker-file.ts';
import { openOutbox, readAll, withFolder } from './outbox-folder.ts';

test('200 times kill -9 at any moment: every message told durable is there, once and in order', async () => {
  const told = await Promise.all([1, 2].map(() => withFolder((folder) => killWriters(folder, 100))));
  expect(told[0]! + told[1]!).toBeGreaterThan(1000);
}, 120_000);

/** Kills writers of one outbox, one after the other, and looks after each at what is there. @returns messages told durable */
async function killWriters(folder: string, times: number): Promise<number> {
  let told = 0;
  let number = 1;
  for (let round = 0; round < times; round += 1) {
    const lines = await killedWriter(folder, number, Math.random() * 15);
    told += lines.length;
    const outbox = await openOutbox(folder);
    const records = await readAll(outbox);
    const kept = records.map(({ payload }) => (JSON.parse(payload) as { number: number }).number);
    const byIndex = new Map(records.map(({ index }, i) => [index, kept[i]]));
    expect(lines.filter(([index, mine]) => byIndex.get(index!) !== mine)).toEqual([]);
    expect(records.map(({ index }) => index)).toEqual(records.map((_, i) => records[0]!.index + i));
    expect([...new Set(kept)].sort((a, b) => a - b)).toEqual(kept);
    expect(outbox.figures.lost).toBe(0);
    // Some stay, so that the next round adds to what an earlier start has left.
    for (const record of records.slice(0, -5)) outbox.acknowledge(record);
    number = Math.max(number, ...kept.map((n) => n + 1));
    await outbox.close();
  }
  return told;
}

/** Runs the writer for some milliseconds from its first word on. @returns index and number of each message told durable */
async function killedWriter(folder: string, first: number, ms: number): Promise<number[][]> {
  const script = workerFile(new URL('./outbox-writer.ts', import.meta.url)).pathname;
  const child = spawn(process.execPath, [script, folder, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), ms));
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(child.signalCode).toBe('SIGKILL');
  const whole = said.slice(0, said.lastIndexOf('\n') + 1);
  return whole
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
}
