// A new rollout: what changes, for whom, in which waves; the hub shows who would be in them before anything begins.
import { useState } from 'preact/hooks';
import type { RolloutPreview } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { counted } from '../base/words.ts';
import { Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { definitionOf, EMPTY_FORM, type RolloutForm } from './definition.ts';

interface NewRolloutProps {
  readonly onBegun: () => void;
  readonly onClose: () => void;
}

const MOST_NAMES = 12;

export function NewRollout({ onBegun, onClose }: NewRolloutProps) {
  const [form, setForm] = useState(EMPTY_FORM);
  const [preview, setPreview] = useState<RolloutPreview>();
  const [error, setError] = useState<string>();
  const change = (part: Partial<RolloutForm>) => {
    setForm({ ...form, ...part });
    setPreview(undefined);
  };
  const order = async (path: string, then: (answer: unknown) => void) => {
    setError(undefined);
    try {
      then(await send('POST', path, definitionOf(form)));
    } catch (failure) {
      if (!(failure instanceof Error)) throw failure;
      setError(failure.message);
    }
  };
  const look = (event: SubmitEvent) => {
    event.preventDefault();
    void order('rollouts/preview', (answer) => setPreview(answer as RolloutPreview));
  };
  const begin = () =>
    order('rollouts', () => {
      onBegun();
      onClose();
    });
  return (
    <Panel title="New rollout">
      <form class="stack" onSubmit={look}>
        <div class="filters">
          <TextField name="Name" value={form.name} onChange={(name) => change({ name })} isNeeded />
          <TextField name="Note" value={form.note} onChange={(note) => change({ note })} />
          <TextField
            name="Sites (all when empty; * stands for any letters)"
            value={form.sites}
            onChange={(sites) => change({ sites })}
          />
          <TextField name="Devices (all when empty)" value={form.devices} onChange={(devices) => change({ devices })} />
          <TextField
            name="Waves before the last, in percent"
            value={form.waves}
            onChange={(waves) => change({ waves })}
          />
        </div>
        <label class="field">
          Change, as JSON: settings by name, or a release
          <textarea
            rows={5}
            spellcheck={false}
            value={form.change}
            onInput={(event) => change({ change: event.currentTarget.value })}
          />
        </label>
        <label class="row">
          <input
            type="checkbox"
            checked={form.approval}
            onChange={(event) => change({ approval: event.currentTarget.checked })}
          />
          each wave after the first needs approval
        </label>
        <Failed error={error} />
        {preview && <Preview preview={preview} />}
        <div class="row">
          <button type="submit">Show the waves</button>
          <button type="button" class="main" disabled={!preview} onClick={() => void begin()}>
            Begin
          </button>
          <button type="button" class="plain" onClick={onClose}>
            Close
          </button>
        </div>
      </form>
    </Panel>
  );
}

function Preview({ preview: { waves } }: { readonly preview: RolloutPreview }) {
  return (
    <ol aria-live="polite">
      {waves.map(({ devices, online }, i) => (
        <li key={i}>
          {counted(devices.length, 'device')}, {online} online{devices.length > 0 && ': '}
          <span class="faint">
            {devices.slice(0, MOST_NAMES).join(', ')}
            {devices.length > MOST_NAMES && ' …'}
          </span>
        </li>
      ))}
    </ol>
  );
}

interface TextFieldProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isNeeded?: boolean;
}

function TextField({ name, value, onChange, isNeeded = false }: TextFieldProps) {
  return (
    <label class="field">
      {name}
      <input value={value} required={isNeeded} onInput={(event) => onChange(event.currentTarget.value)} />
    </label>
  );
}
