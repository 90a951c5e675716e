// The flashing of one board as it goes: what its tool says, how far it is, and what came of it.
import type { BoardModule } from '../../boards/board.ts';
import type { Answer } from './flash-answer.ts';
import type { FlashLog } from './flash-log.ts';
import { FlashOutput, type FlashStage } from './flash-output.ts';
import type { FlashState } from './flash-state.ts';

export interface FlashRun {
  readonly instance: string;
  readonly log: FlashLog;
  /** Of the step that runs. */
  output: FlashOutput;
  readonly beganMs: number;
  state: FlashState;
  /** Of the tool, then of the board. */
  stage: FlashStage;
  endedMs: number | null;
  /** Why it failed: a sentence without its full stop. */
  failure: string | null;
  answer: Answer | null;
}

export function newRun(state: FlashState, log: FlashLog): FlashRun {
  const ended = { endedMs: null, failure: null, answer: null };
  return {
    instance: state.instance,
    log,
    output: new FlashOutput(),
    beganMs: performance.now(),
    state,
    stage: 'start',
    ...ended,
  };
}

/** Takes a line of the tool. @returns what speaks against going on: the board is not the one that was named */
export function feed(run: FlashRun, line: string, module: BoardModule): string | undefined {
  run.log.write(line);
  run.output.feed(line);
  run.stage = run.output.stage;
  const { part } = run.output;
  if (!part || module.parts.length === 0 || module.parts.some((own) => part.startsWith(own))) return undefined;
  return `the module says that it is ${part}, and ${module.name} is ${module.parts.join(' or ')}: name the right board with --board`;
}

/** What a tool's end means. @returns undefined when it claims success in every way it can; that is not yet the proof */
export function failureOf({ output }: FlashRun, code: number | null): string | undefined {
  if (code === 0 && output.claimsSuccess) return undefined;
  const { fault, lastLine } = output;
  if (fault) return `${fault.what}: ${fault.wayOut}`;
  const last = lastLine === '' ? 'it said nothing' : `its last line was "${lastLine.slice(0, 160)}"`;
  if (code === 0)
    return `the tool ended as if all were well but never said that it succeeded, ${last}: look into the log`;
  return `the tool ended with ${code === null ? 'a signal' : `exit code ${code}`}, ${last}: look into the log`;
}
