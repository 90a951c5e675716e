// Flashes the boards of a plan: NVIDIA's tools, then the wait for each board to answer; what was done is kept, step by step.
import { join } from 'node:path';
import type { BoardChoice } from '../../boards/board.ts';
import { waitForAnswer } from './flash-answer.ts';
import type { Bsp } from './flash-bsp.ts';
import { type FlashStep, flashSteps, MASS_LOGS } from './flash-commands.ts';
import { followLogs } from './flash-follow.ts';
import { FlashOutput } from './flash-output.ts';
import { type FlashRun, failureOf, feed } from './flash-run.ts';
import { now, writeState } from './flash-state.ts';
import { runTool, typed } from './flash-tool.ts';
import { plugged } from './plugged.ts';

export interface FlashPlan {
  readonly choice: BoardChoice;
  readonly bsp: Bsp;
  readonly together: boolean;
  /** Folder of states and logs. */
  readonly folder: string;
  /** Folder that has /sys and /dev. */
  readonly root: string;
  readonly toolTimeoutMs: number;
  readonly answerTimeoutMs: number;
}

/** @param onChange whenever a board is further; @param signal an interruption: the tools are stopped, the states kept */
export async function flashBoards(
  plan: FlashPlan,
  runs: readonly FlashRun[],
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  const before = new Set(
    ((await plugged(plan.root)) ?? []).filter(({ kind }) => kind === 'booted').map(({ device }) => device.instance),
  );
  const taken = new Set(runs.map(({ instance }) => instance));
  const flashing = new Flashing(plan, onChange, signal);
  const answers: Promise<void>[] = [];
  const answer = (run: FlashRun) => {
    if (!run.failure) answers.push(flashing.awaitAnswer(run, { before, taken, isAlone: runs.length === 1 }));
  };
  for (const run of runs) if (run.state.written) answer(run);
  const toWrite = runs.filter(({ state }) => !state.written);
  if (plan.together && toWrite.length > 1) {
    await flashing.write(toWrite);
    toWrite.forEach(answer);
  } else {
    for (const run of toWrite) {
      if (signal.aborted) await flashing.fail([run], 'interrupted before it was begun: run it with --resume');
      else
        await flashing.write(
          [run],
          runs.some(({ state }) => state.images !== null),
        );
      answer(run);
    }
  }
  await Promise.all(answers);
}

type Places = { readonly before: ReadonlySet<string>; readonly taken: ReadonlySet<string>; readonly isAlone: boolean };

class Flashing {
  readonly #plan: FlashPlan;
  readonly #onChange: () => void;
  readonly #signal: AbortSignal;

  constructor(plan: FlashPlan, onChange: () => void, signal: AbortSignal) {
    this.#plan = plan;
    this.#onChange = onChange;
    this.#signal = signal;
  }

  /** Writes boards by one command, or by one command for all of them. */
  async write(runs: readonly FlashRun[], hasImages = runs.some(({ state }) => state.images !== null)): Promise<void> {
    const { bsp, together } = this.#plan;
    const places = runs.map(({ instance }) => instance);
    for (const step of flashSteps(bsp, places, { together, hasImages })) {
      const own = runs.filter((run) => step.instances.includes(run.instance) && !run.failure);
      if (own.length === 0) continue;
      await this.#runStep(step, own);
      if (step.kind !== 'images') continue;
      const broken = own.find(({ failure }) => failure)?.failure;
      if (broken) await this.fail(runs, broken);
      else await this.#keep(runs, { images: now() });
    }
  }

  async #runStep(step: FlashStep, runs: readonly FlashRun[]): Promise<void> {
    for (const run of runs) {
      run.output = new FlashOutput();
      run.log.write(`$ ${typed(step.command)}`);
    }
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort('timeout'), this.#plan.toolTimeoutMs);
    const interrupt = () => stop.abort('interrupted');
    this.#signal.addEventListener('abort', interrupt);
    const onLine = (run: FlashRun, line: string) => {
      const against = feed(run, line, this.#plan.choice.module);
      if (against && !run.failure) {
        run.failure = against;
        stop.abort('wrong board');
      }
      this.#onChange();
    };
    const follow = step.logs
      ? await followLogs(join(step.command.folder, MASS_LOGS), step.instances, (instance, line) => {
          const run = runs.find((each) => each.instance === instance);
          if (run) onLine(run, line);
        })
      : undefined;
    try {
      const shared = (line: string) => (step.logs ? this.#note(runs, line) : onLine(runs[0]!, line));
      const { code } = await runTool(step.command, shared, stop.signal);
      await follow?.();
      for (const run of runs) await this.#conclude(run, step, code, stop.signal);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', interrupt);
    }
  }

  /** What the tool says of all boards together stands in every log, but for its counting. */
  #note(runs: readonly FlashRun[], line: string): void {
    if (/^Ongoing processes/.test(line) || line.trim() === '') return;
    for (const { log } of runs) log.write(line);
  }

  async #conclude(run: FlashRun, step: FlashStep, code: number | null, signal: AbortSignal): Promise<void> {
    if (step.kind !== 'images' && run.output.stage !== 'start')
      await this.#keep([run], { images: run.state.images ?? imagesTime(run) });
    const failure =
      run.failure ??
      this.#stopped(run, signal) ??
      (step.kind === 'flash' ? failureOf(run, step.logs ? claimed(run) : code) : failureOfOther(run, code));
    if (failure) return this.fail([run], failure);
    if (step.kind !== 'flash') return;
    await this.#keep([run], { written: now() });
    run.stage = 'written';
    this.#onChange();
  }

  #stopped({ output }: FlashRun, signal: AbortSignal): string | undefined {
    if (!signal.aborted || signal.reason === 'wrong board') return undefined;
    const last = output.lastLine === '' ? 'nothing' : `"${output.lastLine.slice(0, 120)}"`;
    if (signal.reason === 'interrupted')
      return `interrupted; the last that the tool said was ${last}: cut the board's power, put it into recovery mode again, then run this with --resume`;
    const minutes = this.#plan.toolTimeoutMs / 60_000;
    return `the tool had not ended after ${Number(minutes.toFixed(2))} minutes, the last that it said was ${last}: cut the board's power, put it into recovery mode again, then run this with --resume`;
  }

  async awaitAnswer(run: FlashRun, places: Places): Promise<void> {
    run.stage = 'answer';
    this.#onChange();
    const { root, answerTimeoutMs: timeoutMs } = this.#plan;
    const answer = await waitForAnswer(run.instance, { root, timeoutMs, signal: this.#signal, ...places });
    if (typeof answer === 'string') return this.fail([run], answer);
    run.answer = answer;
    run.log.write(
      `answered at ${answer.instance}, port ${answer.port ?? 'none'}, network ${answer.pings ? 'answers' : 'not asked or silent'}`,
    );
    await this.#keep([run], { answered: now(), error: null });
    run.stage = 'done';
    run.endedMs = performance.now();
    this.#onChange();
  }

  async fail(runs: readonly FlashRun[], failure: string): Promise<void> {
    for (const run of runs) {
      run.failure = failure;
      run.endedMs = performance.now();
      run.log.write(`failed: ${failure}`);
    }
    await this.#keep(runs, { error: failure });
    this.#onChange();
  }

  async #keep(runs: readonly FlashRun[], done: Partial<FlashRun['state']>): Promise<void> {
    for (const run of runs) {
      run.state = { ...run.state, ...done };
      await writeState(this.#plan.folder, run.state);
    }
  }
}

/** A tool that came to booting the board has made its images. */
const imagesTime = (run: FlashRun) => (['start', 'images'].includes(run.output.stage) ? null : now());

/** Of several boards at once each tells its own end in its file; the exit code is for all of them. */
const claimed = (run: FlashRun) => (run.output.claimsSuccess ? 0 : 1);

/** Tools that do not flash say no word of success. */
function failureOfOther(run: FlashRun, code: number | null): string | undefined {
  return code === 0 ? undefined : failureOf(run, code ?? -1);
}
