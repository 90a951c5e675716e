#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
// Stands for arecord in tests: takes its arguments, writes raw samples at real speed, and fails as it was ordered to.
// FAKE_ARECORD names a folder with orders.json: a list of runs, the last one repeated; each run is a list of steps:
//   { "play": seconds, "speed": 1 }   samples at the rate asked for, times speed (0.92: another clock than it says)
//   { "complain": "text" }            a line on standard error
//   { "garble": bytes }               random bytes without an end of line on standard error
//   { "stall": milliseconds }         nothing
//   { "tear": bytes }                 so many bytes of the next frame
//   { "skip": samples }               samples that vanish
//   { "exit": code }                  ends; without it a run plays on for ever
// Frame n of a run has (n * channels + channel) modulo 30011 as its sample number; runs.jsonl in the folder keeps the arguments.
import { appendFileSync, existsSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const text = (short) => ({ type: 'string', short });
const { values } = parseArgs({
  options: {
    quiet: { type: 'boolean', short: 'q' },
    device: text('D'),
    channels: text('c'),
    rate: text('r'),
    format: text('f'),
    'file-type': text('t'),
    'period-time': { type: 'string' },
    'buffer-time': { type: 'string' },
  },
});
const [channels, rate] = [Number(values.channels), Number(values.rate)];
const sampleBytes = { S16_LE: 2, S24_3LE: 3, S24_LE: 4, S32_LE: 4, FLOAT_LE: 4 }[values.format];

const folder = process.env.FAKE_ARECORD;
const history = join(folder, 'runs.jsonl');
const run = existsSync(history) ? readFileSync(history, 'utf8').trim().split('\n').length : 0;
appendFileSync(history, `${JSON.stringify(values)}\n`);
const runs = JSON.parse(readFileSync(join(folder, 'orders.json'), 'utf8'));

let position = 0;
function frames(count) {
  const bytes = Buffer.alloc(count * channels * sampleBytes);
  for (let k = 0; k < count * channels; k += 1) {
    const value = (position * channels + k) % 30011;
    if (values.format === 'FLOAT_LE') bytes.writeFloatLE(value / 32768, 4 * k);
    else if (values.format === 'S32_LE') bytes.writeInt32LE(value * 65536, 4 * k);
    else if (values.format === 'S24_LE') bytes.writeInt32LE(value * 256, 4 * k);
    else if (values.format === 'S24_3LE') bytes.writeIntLE(value * 256, 3 * k, 3);
    else bytes.writeInt16LE(value, 2 * k);
  }
  position += count;
  return bytes;
}

const write = (bytes) => new Promise((resolve) => process.stdout.write(bytes, resolve));

async function play({ play: seconds, speed = 1 }) {
  const period = Math.round(rate / 50);
  const begun = performance.now();
  for (let done = 0; done < seconds * rate; done += period) {
    const due = begun + (1000 * (done + period)) / (rate * speed);
    await sleep(Math.max(0, due - performance.now()));
    await write(frames(period));
  }
}

async function step(order) {
  if ('play' in order) await play(order);
  if ('complain' in order) writeSync(2, `${order.complain}\n`);
  if ('garble' in order) writeSync(2, randomBytes(order.garble));
  if ('stall' in order) await sleep(order.stall);
  if ('tear' in order) await write(frames(1).subarray(0, order.tear));
  if ('skip' in order) position += order.skip;
  if ('exit' in order) process.exit(order.exit);
}

process.on('SIGTERM', () => process.exit(1));
process.stdout.on('error', () => process.exit(1));
for (const order of runs[Math.min(run, runs.length - 1)]) await step(order);
for (;;) await play({ play: 3600 });
