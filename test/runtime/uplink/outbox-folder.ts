// What the tests of the outbox share: folders that go away, records read back, a machine whose clock is set by hand.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outbox } from '../../../runtime/uplink/outbox.ts';
import type { OutboxOptions } from '../../../runtime/uplink/outbox-options.ts';
import type { OutboxRecord } from '../../../runtime/uplink/outbox-record.ts';

/** Runs with a folder of its own, removed afterwards. */
export async function withFolder<T>(job: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-outbox-'));
  try {
    return await job(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opens an outbox that does not wait for others to sync with. */
export function openOutbox(folder: string, options: Partial<OutboxOptions> = {}): Promise<Outbox> {
  return Outbox.open({ folder, commitMs: 0, ...options });
}

export async function readAll(outbox: Outbox): Promise<OutboxRecord[]> {
  const all: OutboxRecord[] = [];
  for (;;) {
    const records = await outbox.read(all.at(-1)?.index ?? 0, 1000);
    if (records.length === 0) return all;
    all.push(...records);
  }
}

export function payloads(records: readonly OutboxRecord[]): string[] {
  return records.map(({ payload }) => payload);
}

/** Appends messages m<from> to m<to>, all at once. */
export async function fill(outbox: Outbox, from: number, to: number): Promise<number[]> {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return Promise.all(numbers.map((number) => outbox.append('topic', `m${number}`)));
}

export function messages(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `m${from + i}`);
}

/** A machine that is told how late it is. */
export function machineByHand(boot = 'first') {
  let ms = 0;
  return {
    boot,
    uptimeMs: () => ms,
    pass(hours: number) {
      ms += hours * 3_600_000;
    },
  };
}
