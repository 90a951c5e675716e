// The outbox on disk: what it was told stays, in order, within its bounds, whatever a crash or the disk does to the files.
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { crc32 } from '../../../runtime/crc32.ts';
import { Outbox } from '../../../runtime/uplink/outbox.ts';
import { encodeRecord, scan } from '../../../runtime/uplink/outbox-record.ts';
import { fill, machineByHand, messages, openOutbox, payloads, readAll, withFolder } from './outbox-folder.ts';

async function segmentsOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.segment')).sort();
}

async function corruptOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.corrupt'));
}

test('the checksum is the one of zlib', () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32(bytes) === zlibCrc32(bytes)));
});

test('messages come back in order after a restart, and only those that were not acknowledged', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder);
    expect(await fill(outbox, 1, 100)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    for (const record of (await readAll(outbox)).slice(0, 40)) outbox.acknowledge(record);
    expect(outbox.figures).toMatchObject({ queued: 60, dropped: 0, lost: 0, fault: null });
    await outbox.close();
    const again = await openOutbox(folder);
    await fill(again, 101, 105);
    expect(payloads(await readAll(again))).toEqual(messages(41, 105));
    expect(again.figures).toMatchObject({ queued: 65, torn: 0, lost: 0 });
    for (const record of await readAll(again)) again.acknowledge(record);
    expect(again.figures).toMatchObject({ queued: 0, oldestSeconds: null });
    await again.close();
    const last = await openOutbox(folder);
    expect(await readAll(last)).toEqual([]);
    expect(await fill(last, 106, 106)).toEqual([106]);
    await last.close();
  }));

test('an outbox that is open is refused to a second one, by name of the process', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder);
    const error = await openOutbox(folder).catch((caught: Error) => caught);
    expect(error).toMatchObject({ name: 'UserError', message: expect.stringContaining(`process ${process.pid}`) });
    await outbox.close();
    await (await openOutbox(folder)).close();
  }));

test('a last record torn at any byte is cut off and counted; those before it stay and new ones follow', () =>
  withFolder(async (folder) => {
    const made = join(folder, 'made');
    const outbox = await openOutbox(made);
    await fill(outbox, 1, 3);
    await outbox.close();
    const [name] = await segmentsOf(made);
    const length = (await readFile(join(made, name!))).length;
    const last = encodeRecord({ index: 3, writtenMs: 0, topic: 'topic', payload: 'm3' }).length;
    for (let cut = 1; cut <= last; cut += 1) {
      const copy = join(folder, `cut-${cut}`);
      await mkdir(copy);
      await copyFile(join(made, name!), join(copy, name!));
      await truncate(join(copy, name!), length - cut);
      const torn = await openOutbox(copy);
      expect(torn.figures).toMatchObject({ queued: 2, torn: cut === last ? 0 : 1, lost: 0 });
      await fill(torn, 4, 4);
      await torn.close();
      const again = await openOutbox(copy);
      expect(payloads(await readAll(again))).toEqual(['m1', 'm2', 'm4']);
      expect(again.figures.torn).toBe(0);
      await again.close();
    }
  }));

test('a wrong byte anywhere costs at most the record it lies in, and the damaged file is set aside', () =>
  withFolder(async (folder) => {
    const made = join(folder, 'made');
    const outbox = await openOutbox(made);
    await fill(outbox, 1, 20);
    await outbox.close();
    const [name] = await segmentsOf(made);
    const bytes = await readFile(join(made, name!));
    let round = 0;
    const damages = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(damages, async ([at, flip]) => {
        round += 1;
        const copy = join(folder, `round-${round}`);
        await mkdir(copy);
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= flip;
        await writeFile(join(copy, name!), damaged);
        // A later segment follows, so that this one is not the last.
        const opened = await openOutbox(copy);
        const kept = payloads(await readAll(opened));
        const { lost, torn } = opened.figures;
        await opened.close();
        expect(kept.length).toBeGreaterThanOrEqual(19);
        expect(messages(1, 20).filter((message) => kept.includes(message))).toEqual(kept);
        expect(kept.length + lost + torn).toBe(20);
        expect((await corruptOf(copy)).length).toBe(torn === 0 ? 1 : 0);
      }),
      { numRuns: 150 },
    );
  }));

test('any bytes at all in a segment or cursor are no reason not to start', () =>
  withFolder(async (folder) => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 80 }), async (segment, cursor) => {
        round += 1;
        const copy = join(folder, String(round));
        await mkdir(copy);
        await writeFile(join(copy, '000000000000001.segment'), segment);
        await writeFile(join(copy, 'cursor'), cursor);
        const outbox = await openOutbox(copy);
        await fill(outbox, 1, 2);
        expect(payloads(await readAll(outbox))).toEqual(['m1', 'm2']);
        await outbox.close();
      }),
      { numRuns: 60 },
    );
  }));

test('a segment that is gone and a cursor that is damaged cost what was in them, counted, and nothing else', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder, { maximumBytes: 65536 });
    for (let i = 0; i < 6; i += 1) await fill(outbox, 100 * i + 1, 100 * i + 100);
    for (const record of (await readAll(outbox)).slice(0, 10)) outbox.acknowledge(record);
    await outbox.close();
    const names = await segmentsOf(folder);
    expect(names.length).toBeGreaterThan(3);
    const gone = scan(await readFile(join(folder, names[1]!)), 17).records;
    await unlink(join(folder, names[1]!));
    await writeFile(join(folder, 'cursor'), 'nonsense');
    const again = await openOutbox(folder);
    const missing = new Set(payloads(gone));
    expect(payloads(await readAll(again))).toEqual(messages(1, 600).filter((message) => !missing.has(message)));
    expect(again.figures).toMatchObject({ lost: gone.length, queued: 600 - gone.length });
    await again.close();
    expect(await corruptOf(folder)).toEqual(['cursor.1.corrupt']);
  }));

test('what the bound of bytes throws out is the oldest, and counted over restarts', () =>
  withFolder(async (folder) => {
    const maximumBytes = 65536;
    const outbox = await openOutbox(folder, { maximumBytes });
    for (let i = 0; i < 50; i += 1) await fill(outbox, 100 * i + 1, 100 * i + 100);
    const { bytes, dropped, queued } = outbox.figures;
    expect(bytes).toBeLessThanOrEqual(maximumBytes);
    expect(bytes).toBeGreaterThan(maximumBytes * 0.8);
    expect(queued + dropped).toBe(5000);
    expect(payloads(await readAll(outbox))).toEqual(messages(dropped + 1, 5000));
    await outbox.close();
    const again = await openOutbox(folder, { maximumBytes });
    expect(again.figures).toMatchObject({ dropped, queued, lost: 0 });
    await again.close();
  }));

test('with the broker away for a week and three days as the bound, the last three days are there', () =>
  withFolder(async (folder) => {
    const machine = machineByHand();
    let outbox = await openOutbox(folder, { maximumAgeHours: 72, machine });
    for (let i = 1; i <= 7 * 24 * 6; i += 1) {
      machine.pass(1 / 6);
      await fill(outbox, i, i);
      if (i % 200 === 0) {
        await outbox.close();
        outbox = await openOutbox(folder, { maximumAgeHours: 72, machine });
      }
    }
    const { dropped, queued, oldestSeconds } = outbox.figures;
    expect(queued + dropped).toBe(7 * 24 * 6);
    expect(payloads(await readAll(outbox))).toEqual(messages(dropped + 1, 7 * 24 * 6));
    expect(oldestSeconds! / 3600).toBeGreaterThan(71);
    expect(oldestSeconds! / 3600).toBeLessThanOrEqual(72 * (1 + 1 / 16));
    await outbox.close();
  }));

test('a wall clock that jumps by years and a machine that was off expire nothing', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder, { maximumAgeHours: 1, machine: machineByHand('first') });
    await fill(outbox, 1, 3);
    const now = Date.now;
    try {
      Date.now = () => now() + 10 * 365 * 86_400_000;
      await fill(outbox, 4, 4);
      Date.now = () => 0;
      await fill(outbox, 5, 5);
    } finally {
      Date.now = now;
    }
    await outbox.close();
    const machine = machineByHand('second');
    machine.pass(1000);
    const again = await openOutbox(folder, { maximumAgeHours: 1, machine });
    await fill(again, 6, 6);
    expect(payloads(await readAll(again))).toEqual(messages(1, 6));
    machine.pass(1.5);
    await fill(again, 7, 7);
    expect(payloads(await readAll(again))).toEqual(['m7']);
    expect(again.figures.dropped).toBe(6);
    await again.close();
  }));

const canMount = process.getuid?.() === 0 && mounts();

function mounts(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

(canMount ? test : test.skip)(
  'on a full disk (a small one is mounted, needs root) appends are refused and counted, what lies there stays, and with room again it goes on',
  () =>
    withFolder(async (folder) => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'none', folder]);
      try {
        const outbox = await openOutbox(join(folder, 'outbox'), { maximumBytes: 2 ** 20 });
        const filler = join(folder, 'filler');
        await writeFile(filler, Buffer.alloc(64 * 1024));
        let kept = 0;
        let error: unknown;
        while (!error && kept < 5000) {
          error = await outbox.append('topic', `m${kept + 1}`).then(
            () => undefined,
            (caught) => caught,
          );
          if (!error) kept += 1;
        }
        expect(error).toMatchObject({ name: 'OutboxRefusal', message: expect.stringContaining('ENOSPC') });
        await expect(outbox.append('topic', 'x')).rejects.toThrow('ENOSPC');
        expect(outbox.figures).toMatchObject({ queued: kept, refused: 2, fault: 'ENOSPC', dropped: 0 });
        expect(payloads(await readAll(outbox))).toEqual(messages(1, kept));
        const [first] = await outbox.read(0, 1);
        outbox.acknowledge(first!);
        await unlink(filler);
        await fill(outbox, kept + 1, kept + 1);
        expect(outbox.figures).toMatchObject({ queued: kept, fault: null });
        await outbox.close();
        const again = await openOutbox(join(folder, 'outbox'));
        expect(payloads(await readAll(again))).toEqual(messages(2, kept + 1));
        expect(again.figures).toMatchObject({ lost: 0, dropped: 0 });
        await again.close();
      } finally {
        execFileSync('umount', [folder]);
      }
    }),
);

test('a message longer than the outbox takes is refused, and the next one is kept', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder);
    await expect(outbox.append('topic', 'x'.repeat(200_000))).rejects.toThrow('too long');
    await fill(outbox, 1, 1);
    expect(payloads(await readAll(outbox))).toEqual(['m1']);
    await outbox.close();
    expect(outbox).toBeInstanceOf(Outbox);
  }));

async function deliveredOf(outbox: Outbox): Promise<string[]> {
  const all: string[] = [];
  for await (const records of outbox.done()) all.push(...payloads(records));
  return all;
}

async function acknowledgeAll(outbox: Outbox): Promise<void> {
  for (const record of await readAll(outbox)) outbox.acknowledge(record);
}

test('what was delivered can be read again, also after a restart, and is never sent again by itself', () =>
  withFolder(async (folder) => {
    const outbox = await openOutbox(folder);
    await fill(outbox, 1, 50);
    for (const record of (await readAll(outbox)).slice(0, 30)) outbox.acknowledge(record);
    expect(await deliveredOf(outbox)).toEqual(messages(1, 30));
    await acknowledgeAll(outbox);
    await outbox.close();
    for (const from of [51, 61]) {
      const again = await openOutbox(folder);
      expect(await readAll(again)).toEqual([]);
      expect(again.figures).toMatchObject({ queued: 0, lost: 0, bytes: 0 });
      expect(await deliveredOf(again)).toEqual(messages(1, from - 1));
      await fill(again, from, from + 9);
      await acknowledgeAll(again);
      expect(await deliveredOf(again)).toEqual(messages(1, from + 9));
      await again.close();
    }
  }));

test('what was delivered lies within the bound of bytes and gives way to what is queued', () =>
  withFolder(async (folder) => {
    const maximumBytes = 65_536;
    const outbox = await openOutbox(folder, { maximumBytes });
    const onDisk = async () => {
      const names = (await readdir(folder)).filter((name) => /segment|done/.test(name));
      const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
      return files.reduce((sum, { length }) => sum + length, 0);
    };
    for (let from = 1; from <= 3000; from += 100) {
      await fill(outbox, from, from + 99);
      if (from < 2000) await acknowledgeAll(outbox);
      expect(await onDisk()).toBeLessThanOrEqual(maximumBytes);
    }
    // Nothing that was queued had to go for what was delivered, of which the newest is left.
    expect(outbox.figures).toMatchObject({ queued: 1000, dropped: 0 });
    const delivered = await deliveredOf(outbox);
    expect(delivered.length).toBeGreaterThan(0);
    expect(delivered).toEqual(messages(2001 - delivered.length, 2000));
    await outbox.close();
  }));
