// A step of provisioning: looked at first, done only where it is not so, looked at again. Running all of them again repairs.
import { UserError } from '../command.ts';

export interface Step {
  readonly name: string;
  /** What will be so, for the plan. */
  readonly aim: string;
  /** How it is; so: nothing to do. */
  readonly look: () => Promise<Look>;
  /** Makes it so. @param note tells of the way there, e.g. a share that is sent */
  readonly make: (note: (text: string) => void) => Promise<void>;
}

export interface Look {
  readonly isSo: boolean;
  /** What was found, in few words. */
  readonly found: string;
}

export type StepState = 'looks' | 'works' | 'already so' | 'done' | 'failed';

export interface StepEvent {
  readonly step: string;
  readonly state: StepState;
  readonly detail: string;
}

/** Runs steps in their order. @throws the first failure, after telling it; what was done before stays */
export async function takeSteps(
  steps: readonly Step[],
  tell: (event: StepEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const step of steps) {
    if (signal.aborted)
      throw new UserError(`Stopped before ${step.name}; what was done is kept: run it again to go on.`);
    const say = (state: StepState, detail = '') => tell({ step: step.name, state, detail });
    try {
      await takeStep(step, say);
    } catch (error) {
      say('failed', (error as Error).message);
      throw error;
    }
  }
}

async function takeStep(step: Step, say: (state: StepState, detail?: string) => void): Promise<void> {
  say('looks');
  const before = await step.look();
  if (before.isSo) {
    say('already so', before.found);
    return;
  }
  say('works', before.found);
  await step.make((text) => say('works', text));
  const after = await step.look();
  if (!after.isSo) throw new UserError(`${step.name}: it was done, but the board still says: ${after.found}.`);
  say('done', after.found);
}

export const so = (found: string): Look => ({ isSo: true, found });
export const notSo = (found: string): Look => ({ isSo: false, found });
