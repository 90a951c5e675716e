// How many devices are in each state; a press shows only those.
import type { DeviceFacts } from '../base/facts.ts';
import { StateMark, stateWord } from './state-chip.tsx';

interface StateFilterProps {
  readonly all: readonly DeviceFacts[];
  readonly chosen: string;
  readonly onChoose: (state: string) => void;
}

const ORDER = ['ready', 'init', 'alert', 'lost', 'disconnected', 'sleeping'];

export function StateFilter({ all, chosen, onChoose }: StateFilterProps) {
  const counts = new Map<string, number>();
  for (const { state } of all) if (state) counts.set(state, (counts.get(state) ?? 0) + 1);
  const faulty = all.filter(({ faults }) => faults.length > 0).length;
  const press = (state: string) => () => onChoose(state === chosen ? '' : state);
  return (
    <fieldset class="state-filter">
      <legend class="unseen">Show devices by state</legend>
      <button type="button" aria-pressed={chosen === ''} onClick={() => onChoose('')}>
        All <b>{all.length}</b>
      </button>
      {ORDER.filter((state) => counts.has(state)).map((state) => (
        <button key={state} type="button" aria-pressed={chosen === state} onClick={press(state)}>
          <StateMark state={state} /> {stateWord(state)} <b>{counts.get(state)}</b>
        </button>
      ))}
      {faulty > 0 && (
        <button type="button" aria-pressed={chosen === 'faulty'} onClick={press('faulty')}>
          with faults <b>{faulty}</b>
        </button>
      )}
    </fieldset>
  );
}
