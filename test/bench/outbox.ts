// Messages per second onto the disk, each durable: the outbox beside a file that is synced after every message.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outbox } from '../../runtime/uplink/outbox.ts';

const TOPIC = 'seld/v1/mill/ear-3/event/knock';
/** As long as an event message. */
const PAYLOAD = 'x'.repeat(650);
const ROUNDS = 5;

/** @param messages told in each round, all at once, as when many sounds come together */
export async function benchOutbox(messages: number) {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-bench-'));
  try {
    const ours: number[] = [];
    const peers: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      ours.push(messages / (await outboxSeconds(join(folder, `outbox-${round}`), messages)));
      peers.push(messages / (await plainSeconds(join(folder, `plain-${round}`), messages)));
    }
    const [measured, peer] = [median(ours), median(peers)];
    const name = `outbox, ${messages} messages at once, durable`;
    return { name, unit: 'messages/s', measured, peer, ratio: measured / peer, goal: '-' };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function outboxSeconds(folder: string, messages: number): Promise<number> {
  const outbox = await Outbox.open({ folder });
  const started = performance.now();
  await Promise.all(Array.from({ length: messages }, () => outbox.append(TOPIC, PAYLOAD)));
  const seconds = (performance.now() - started) / 1000;
  await outbox.close();
  return seconds;
}

async function plainSeconds(path: string, messages: number): Promise<number> {
  const file = await open(path, 'a');
  const started = performance.now();
  for (let i = 0; i < messages; i += 1) {
    await file.appendFile(`${TOPIC} ${PAYLOAD}\n`);
    await file.datasync();
  }
  const seconds = (performance.now() - started) / 1000;
  await file.close();
  return seconds;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
