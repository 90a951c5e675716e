// npm run fuzz: hostile files into every reader, for a number of runs (--runs) or minutes (--minutes), from a seed (--seed).
// A failure names target and run; "--only TARGET --first RUN --runs 1" has it again. Fails on crashes, hangs, untyped errors and too much memory.
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { peakResidentBytes } from '../../runtime/memory.ts';
import { workerFile } from '../../runtime/worker-file.ts';
import type { FuzzMessage, FuzzWorkerData } from './fuzz-worker.ts';
import { FUZZ_TARGETS } from './targets.ts';

const MOST_MEMORY_MIB = 1024;
/** One input: the largest legitimate files take a fraction of it. */
const LONGEST_SECONDS = 10;
const BATCH = 500;

const { values: options } = parseArgs({
  options: {
    ...{
      runs: { type: 'string', default: '2000' },
      minutes: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
    ...{ first: { type: 'string', default: '0' }, only: { type: 'string' }, json: { type: 'boolean', default: false } },
  },
});

interface Totals {
  runs: number;
  failures: { target: string; run: number; reason: string }[];
  read: Record<string, number>;
  refused: Record<string, number>;
}

async function main(): Promise<void> {
  const totals: Totals = { runs: 0, failures: [], read: {}, refused: {} };
  const until = options.minutes === undefined ? undefined : Date.now() + 60_000 * Number(options.minutes);
  const runs = Number(options.runs);
  const goesOn = () => (until === undefined ? totals.runs < runs : Date.now() < until);
  while (goesOn() && totals.failures.length === 0) {
    const count = until === undefined ? Math.min(BATCH, runs - totals.runs) : BATCH;
    await batch(Number(options.first) + totals.runs, count, totals);
    totals.runs += count;
  }
  const memoryMib = Math.round(peakResidentBytes() / 2 ** 20);
  if (memoryMib > MOST_MEMORY_MIB) {
    totals.failures.push({ target: 'all', run: -1, reason: `took ${memoryMib} MiB, ${MOST_MEMORY_MIB} are allowed` });
  }
  tell(totals, memoryMib);
  if (totals.failures.length > 0) process.exitCode = 1;
}

/** One worker for some runs; a worker that hangs or dies is a failure of the input it was at. */
async function batch(firstRun: number, runs: number, totals: Totals): Promise<void> {
  const place = new Int32Array(new SharedArrayBuffer(12));
  const workerData: FuzzWorkerData = { seed: Number(options.seed), firstRun, runs, only: options.only, place };
  const worker = new Worker(workerFile(new URL('./fuzz-worker.ts', import.meta.url)), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 768 },
  });
  const fail = (reason: string) => {
    const target = FUZZ_TARGETS[Atomics.load(place, 0)]!.name;
    totals.failures.push({ target, run: Atomics.load(place, 1), reason });
  };
  let [last, since] = [-1, Date.now()];
  const watch = setInterval(() => {
    const now = Atomics.load(place, 2);
    if (now !== last) [last, since] = [now, Date.now()];
    else if (Date.now() - since > 1000 * LONGEST_SECONDS) {
      fail(`took more than ${LONGEST_SECONDS} s`);
      void worker.terminate();
    }
  }, 100);
  await new Promise<void>((resolve) => {
    worker.on('message', (message: FuzzMessage) => {
      if (message.kind === 'failure') totals.failures.push(message);
      else {
        for (const [key, n] of Object.entries(message.read)) totals.read[key] = (totals.read[key] ?? 0) + n;
        for (const [key, n] of Object.entries(message.refused)) totals.refused[key] = (totals.refused[key] ?? 0) + n;
      }
    });
    worker.on('error', (error) => fail(String(error)));
    worker.on('exit', () => resolve());
  });
  clearInterval(watch);
}

function tell({ runs, failures, read, refused }: Totals, memoryMib: number): void {
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ seed: Number(options.seed), runs, memoryMib, read, refused, failures })}\n`,
    );
    return;
  }
  for (const { name } of FUZZ_TARGETS) {
    process.stdout.write(`${name.padEnd(12)} ${read[name] ?? 0} read, ${refused[name] ?? 0} refused\n`);
  }
  process.stdout.write(
    `${runs} runs from seed ${options.seed}, ${memoryMib} MiB at most, ${failures.length} failures\n`,
  );
  for (const { target, run, reason } of failures) process.stdout.write(`${target} run ${run}: ${reason}\n`);
}

await main();
