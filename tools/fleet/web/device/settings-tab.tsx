// Settings: what is in use and what is wished; an operator changes the wish, the device checks and reports.
import { useState } from 'preact/hooks';
import type { Desired } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { type JsonObject, objectOf } from '../base/json-text.ts';
import { useLoaded } from '../base/load.ts';
import type { DeviceTabProps } from '../pages/device.tsx';
import { Failed, Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { Notes } from './notes.tsx';
import { SettingsTable } from './settings-table.tsx';

export function SettingsTab({ device: { site, device } }: DeviceTabProps) {
  const { session } = useHub();
  const path = `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}/desired`;
  const { value, error, reload } = useLoaded<Desired>(path, {}, 5000);
  if (!value) return <Failed error={error} retry={reload} />;
  const { version, settings, reported } = value;
  return (
    <div class="stack">
      <Failed error={error} retry={reload} />
      <Standing {...value} />
      <Panel title="Settings" flush>
        <SettingsTable inUse={reported?.settings ?? {}} wished={settings} />
      </Panel>
      {mayOperate(session) && (
        <Editor key={version} path={path} version={version} settings={settings} onSaved={reload} />
      )}
      <Notes site={site} device={device} mayChange={mayOperate(session)} />
    </div>
  );
}

const WORDS: Readonly<Record<string, string>> = {
  applied: 'The device uses what is wished.',
  trial: 'The device tries the new settings and keeps them when it stays well.',
  refused: 'The device refused the newest wish and keeps what it had.',
  'rolled-back': 'The device tried the newest wish, was not well with it, and went back.',
};

function Standing({ version, published, changedBy, reported, drift }: Desired) {
  if (!reported) return <Notice>This device has not told its settings yet.</Notice>;
  const isWaiting = version > 0 && (reported.desiredVersion ?? 0) < version;
  const isBad = !isWaiting && (reported.state === 'refused' || reported.state === 'rolled-back');
  const waits = published < version ? 'for the broker' : 'for the device';
  return (
    <Notice kind={isBad ? 'bad' : 'plain'}>
      {isWaiting ? `Version ${version} waits ${waits}.` : (WORDS[reported.state] ?? reported.state)}
      {version > 0 && (
        <span class="faint">
          {' '}
          Wished by {changedBy}, version {version}.
        </span>
      )}
      {reported.errors.map(({ key, message }) => (
        <div key={key}>
          <b>{key}</b>: {message}
        </div>
      ))}
      {!isWaiting && drift.length > 0 && <div>Not as wished: {drift.join(', ')}.</div>}
    </Notice>
  );
}

interface EditorProps {
  readonly path: string;
  readonly version: number;
  readonly settings: JsonObject;
  readonly onSaved: () => void;
}

function Editor({ path, version, settings, onSaved }: EditorProps) {
  const [text, setText] = useState(() => JSON.stringify(settings, null, 2));
  const [error, setError] = useState<string>();
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const given = objectOf(text, '{ "healthSeconds": 30 }');
    if (typeof given === 'string') {
      setError(given);
      return;
    }
    setError(undefined);
    send('PUT', path, { settings: changed(settings, given) }, version).then(onSaved, (failure: Error) =>
      setError(failure.message),
    );
  };
  return (
    <Panel title="Change the wish">
      <form class="stack" onSubmit={save}>
        <label class="field">
          Wished settings as JSON; what is left out stays as in the device’s own file
          <textarea rows={8} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <Failed error={error} />
        <div class="row">
          <button type="submit" class="main">
            Send to the device
          </button>
        </div>
      </form>
    </Panel>
  );
}

/** What is new, and null for what was taken out: the hub joins changes by name. */
function changed(before: JsonObject, after: JsonObject): JsonObject {
  const gone = Object.keys(before).filter((key) => !(key in after));
  return { ...after, ...Object.fromEntries(gone.map((key) => [key, null])) };
}
