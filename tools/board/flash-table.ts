// Shows boards being flashed: a table that stays in place in a terminal, a line per stage elsewhere, JSON lines for programs.
import { styleText } from 'node:util';
import { printJson } from '../command.ts';
import { createLiveText, duration } from '../progress.ts';
import { withoutPasswords } from './flash-log.ts';
import { STAGE_NAMES } from './flash-output.ts';
import type { FlashRun } from './flash-run.ts';

const REDRAW_MS = 500;
const LINE_WIDTH = 60;

export interface FlashTable {
  /** Says what changed; the table draws itself. */
  update(): void;
  /** Leaves the results. */
  finish(): void;
}

/** @param name of the board, as given to --board */
export function createFlashTable(runs: readonly FlashRun[], name: string, json: boolean): FlashTable {
  const isTerminal = !json && process.stderr.isTTY === true && process.stderr.rows > 0;
  const live = isTerminal ? createLiveText(process.stderr) : undefined;
  const told = new Map<string, string>();
  const draw = () => live?.(runs.map((run) => rowOf(run, name)).join('\n'));
  const timer = live ? setInterval(draw, REDRAW_MS) : undefined;
  const update = () => {
    for (const run of runs) {
      const stage = run.failure ? 'failed' : run.stage;
      if (told.get(run.instance) === stage) continue;
      told.set(run.instance, stage);
      if (json) printJson({ type: 'stage', board: name, instance: run.instance, stage, seconds: secondsOf(run) });
      else if (!live) process.stderr.write(`${rowOf(run, name)}\n`);
    }
    draw();
  };
  return {
    update,
    finish() {
      clearInterval(timer);
      update();
      live?.done();
    },
  };
}

const secondsOf = ({ beganMs, endedMs }: FlashRun) => Math.round(((endedMs ?? performance.now()) - beganMs) / 1000);

/** A silent tool is a working tool: the time and the last line show that it lives. */
function rowOf(run: FlashRun, name: string): string {
  const { stage, output, failure } = run;
  const percent = stage === 'write' && output.percent !== null ? ` ${output.percent} %` : '';
  const state = failure ? 'failed' : `${STAGE_NAMES[stage]}${percent}`;
  const colour = failure ? 'red' : stage === 'done' ? 'green' : 'cyan';
  const shown = state.padEnd(30);
  const painted = process.stderr.isTTY && !process.env.NO_COLOR ? styleText(colour, shown) : shown;
  const note = run.endedMs === null ? withoutPasswords(output.lastLine).slice(0, LINE_WIDTH) : '';
  return `${run.instance.padEnd(8)} ${name}  ${painted} ${duration(secondsOf(run)).padStart(11)}  ${note}`.trimEnd();
}
