// What a person can order of a rollout, by its status; an abort asks once more.
import { useState } from 'preact/hooks';
import type { RolloutSummary } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { Failed } from '../parts/notice.tsx';

interface RolloutActionsProps {
  readonly rollout: RolloutSummary;
  readonly onDone: () => void;
}

export function RolloutActions({ rollout: { id, status, wave }, onDone }: RolloutActionsProps) {
  const [error, setError] = useState<string>();
  const [isAborting, setIsAborting] = useState(false);
  const [reason, setReason] = useState('');
  const [rollBack, setRollBack] = useState(false);
  if (status === 'done' || status === 'aborted') return null;
  const order = (what: string, body?: Readonly<Record<string, unknown>>) => {
    setError(undefined);
    setIsAborting(false);
    send('POST', `rollouts/${id}/${what}`, body).then(onDone, (failure: Error) => setError(failure.message));
  };
  const because = reason === '' ? {} : { reason };
  return (
    <div class="stack">
      <div class="row">
        {status === 'awaiting-approval' && (
          <button type="button" class="main" onClick={() => order('approve')}>
            Approve wave {wave}
          </button>
        )}
        {status === 'running' && (
          <button type="button" onClick={() => order('pause', because)}>
            Pause
          </button>
        )}
        {(status === 'paused' || status === 'stopped') && (
          <>
            <button type="button" class="main" onClick={() => order('resume', { retry: false })}>
              Go on
            </button>
            <button type="button" onClick={() => order('resume', { retry: true })}>
              Go on and try failed devices again
            </button>
          </>
        )}
        {!isAborting && (
          <button type="button" class="danger" onClick={() => setIsAborting(true)}>
            Abort …
          </button>
        )}
      </div>
      {isAborting && (
        <fieldset class="panel filters abort">
          <legend>Abort for ever</legend>
          <label class="field">
            Why
            <input value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <label class="row">
            <input type="checkbox" checked={rollBack} onChange={(event) => setRollBack(event.currentTarget.checked)} />
            take the change back from devices that have it
          </label>
          <button type="button" class="danger" onClick={() => order('abort', { ...because, rollBack })}>
            Abort
          </button>
          <button type="button" onClick={() => setIsAborting(false)}>
            Keep it
          </button>
        </fieldset>
      )}
      <Failed error={error} />
    </div>
  );
}
