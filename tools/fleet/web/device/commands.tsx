// Commands for the device: a mark, a recording; the answer stands below in the device's own words.
import { useState } from 'preact/hooks';
import type { CommandAnswer } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';

export function Commands({ site, device }: { readonly site: string; readonly device: string }) {
  const [note, setNote] = useState('');
  const [seconds, setSeconds] = useState('10');
  const [answer, setAnswer] = useState<{ name: string; answer: CommandAnswer['answer'] }>();
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState<string>();
  const ask = (name: string, parameters: Readonly<Record<string, unknown>>) => {
    setBusy(name);
    setError(undefined);
    setAnswer(undefined);
    const path = `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/commands`;
    send<CommandAnswer>('POST', path, { name, parameters })
      .then(
        ({ answer: given }) => setAnswer({ name, answer: given }),
        (failure: Error) => setError(failure.message),
      )
      .finally(() => setBusy(undefined));
  };
  const noted = note === '' ? {} : { note };
  return (
    <Panel title="Commands">
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label class="field">
          Note, kept with the sound
          <input value={note} maxLength={200} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <label class="field">
          Seconds
          <input
            type="number"
            min="0"
            max="3600"
            value={seconds}
            onInput={(event) => setSeconds(event.currentTarget.value)}
          />
        </label>
        <button type="button" disabled={busy !== undefined} onClick={() => ask('mark', noted)}>
          Keep the last seconds
        </button>
        <button
          type="button"
          disabled={busy !== undefined}
          onClick={() => ask('record', { seconds: Number(seconds), ...noted })}
        >
          Record
        </button>
        <button type="button" disabled={busy !== undefined} onClick={() => ask('record', { seconds: 0 })}>
          Stop recording
        </button>
      </form>
      <div role="status">
        {busy && <p class="command-answer faint">Waiting for the device’s answer to {busy} …</p>}
        {answer && <p class="command-answer">{spoken(answer.name, answer.answer)}</p>}
      </div>
      <Failed error={error} />
    </Panel>
  );
}

function spoken(name: string, answer: CommandAnswer['answer']): string {
  if (!answer)
    return `${name}: the device has not answered yet; it gets the command when it comes back before it expires.`;
  const { status, error, result } = answer;
  if (status !== 'ok')
    return `${name}: the device ${status === 'refused' ? 'refused' : 'failed'}: ${error ?? 'no reason given'}`;
  const said = Object.entries(result).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return `${name}: done${said.length > 0 ? ` (${said.join(', ')})` : ''}.`;
}
