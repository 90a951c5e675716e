// Shows boards being provisioned: a table that stays in place in a terminal, a line per step elsewhere, JSON lines for programs.
import { styleText } from 'node:util';
import { printJson } from '../command.ts';
import { createLiveText, duration } from '../progress.ts';
import type { BoardRun } from './provision-batch.ts';
import { nameOf } from './provision-plan.ts';

const REDRAW_MS = 500;
const NAME_WIDTH = 24;
const STEP_WIDTH = 18;
const DETAIL_WIDTH = 70;

export interface ProvisionTable {
  update(run: BoardRun): void;
  finish(): void;
}

/** One board: a line per step that stays; several in a terminal: a row for each that changes in place. */
export function createProvisionTable(runs: readonly BoardRun[], json: boolean): ProvisionTable {
  const inPlace = !json && runs.length > 1 && process.stderr.isTTY === true && process.stderr.rows > 0;
  const live = inPlace ? createLiveText(process.stderr) : undefined;
  const draw = () => live?.(runs.map(rowOf).join('\n'));
  const timer = live ? setInterval(draw, REDRAW_MS) : undefined;
  return {
    update(run) {
      if (json) printJson({ type: 'step', device: nameOf(run.plan), outcome: run.outcome, ...run.event });
      else if (live) draw();
      else tellStep(run, runs.length > 1);
    },
    finish() {
      clearInterval(timer);
      draw();
      live?.done();
    },
  };
}

function tellStep({ plan, event, outcome }: BoardRun, withName: boolean): void {
  if (!event || outcome !== 'runs' || event.state === 'looks') return;
  const { step, state, detail } = event;
  const name = withName ? `${nameOf(plan).padEnd(NAME_WIDTH)} ` : '';
  const sign = { works: '...', 'already so': 'ok', done: 'ok', failed: 'FAIL', looks: '' }[state];
  const told = state === 'already so' ? `already so: ${detail}` : detail;
  process.stderr.write(`${name}${sign.padEnd(5)}${step.padEnd(STEP_WIDTH)} ${told}\n`);
}

function rowOf(run: BoardRun): string {
  const { plan, outcome, event, beganMs, endedMs, failure } = run;
  const colour = { waits: 'gray', runs: 'cyan', done: 'green', 'done before': 'green', failed: 'red' } as const;
  const shown = (outcome === 'runs' ? (event?.step ?? 'begins') : outcome).padEnd(STEP_WIDTH);
  const painted = process.env.NO_COLOR ? shown : styleText(colour[outcome], shown);
  const seconds = beganMs === 0 ? 0 : ((endedMs ?? performance.now()) - beganMs) / 1000;
  const detail = (failure ?? (outcome === 'runs' ? (event?.detail ?? '') : '')).slice(0, DETAIL_WIDTH);
  return `${nameOf(plan).padEnd(NAME_WIDTH)} ${painted} ${duration(seconds).padStart(11)}  ${detail}`.trimEnd();
}
