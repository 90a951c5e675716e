// What raises alarms: the hub's own rules and those that were added; an operator switches, changes and adds them.
import { useEffect, useState } from 'preact/hooks';
import type { AlarmRuleAnswer } from '../base/answers.ts';
import { objectOf } from '../base/json-text.ts';
import { useLoaded } from '../base/load.ts';
import { useOrders } from '../base/order.ts';
import { Failed } from '../parts/notice.tsx';
import { Panel } from '../parts/panel.tsx';
import { RemoveButton } from '../parts/remove-button.tsx';

const EXAMPLE = `{
  "name": "siren-at-night",
  "kind": "event",
  "classes": ["siren"],
  "minScore": 0.6,
  "severity": "critical",
  "window": { "from": "22:00", "to": "06:00", "zone": "Europe/Berlin" }
}`;

interface RulesProps {
  readonly mayChange: boolean;
}

export function Rules({ mayChange }: RulesProps) {
  const { value, error, reload } = useLoaded<{ rules: AlarmRuleAnswer[] }>('alarm-rules');
  const { refused, order } = useOrders(reload);
  const [edited, setEdited] = useState<string>();
  const save = (rule: Readonly<Record<string, unknown>>) =>
    order('PUT', `alarm-rules/${encodeURIComponent(String(rule.name))}`, rule, () => setEdited(undefined));
  const add = (
    <button type="button" onClick={() => setEdited(EXAMPLE)}>
      New rule
    </button>
  );
  return (
    <>
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      {edited !== undefined && (
        <RuleEditor key={edited} text={edited} onSave={save} onClose={() => setEdited(undefined)} />
      )}
      <Panel title="Rules" aside={mayChange ? add : undefined} flush>
        <div class="scroll">
          <table aria-label="Rules">
            <thead>
              <tr>
                <th scope="col">Rule</th>
                <th scope="col">Severity</th>
                <th scope="col">When</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {(value?.rules ?? []).map((rule) => (
                <tr key={rule.name}>
                  <td>
                    {rule.name}
                    <div class="small faint">{rule.kind}</div>
                  </td>
                  <td>{rule.severity}</td>
                  <td class="small">{whenOf(rule)}</td>
                  <td>
                    {mayChange ? (
                      <div class="row">
                        <Switch rule={rule} refused={refused} onChange={(enabled) => save({ ...rule, enabled })} />
                        <button type="button" class="plain" onClick={() => setEdited(JSON.stringify(rule, null, 2))}>
                          Change<span class="unseen"> {rule.name}</span>
                        </button>
                        <RemoveButton
                          name={rule.name}
                          onRemove={() => order('DELETE', `alarm-rules/${encodeURIComponent(rule.name)}`)}
                        />
                      </div>
                    ) : rule.enabled ? (
                      'on'
                    ) : (
                      'off'
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  );
}

interface SwitchProps {
  readonly rule: AlarmRuleAnswer;
  readonly refused: string | undefined;
  readonly onChange: (enabled: boolean) => void;
}

/** Shows what was chosen until the hub answers, and then what the hub says. */
function Switch({ rule, refused, onChange }: SwitchProps) {
  const [isOn, setIsOn] = useState(rule.enabled);
  useEffect(() => setIsOn(rule.enabled), [rule, refused]);
  return (
    <label class="row">
      <input
        type="checkbox"
        checked={isOn}
        onChange={() => {
          setIsOn(!isOn);
          onChange(!isOn);
        }}
      />
      <span>
        on<span class="unseen">: {rule.name}</span>
      </span>
    </label>
  );
}

/** What is particular to a rule. */
function whenOf({
  name: _name,
  kind: _kind,
  severity: _severity,
  enabled: _enabled,
  ...rest
}: AlarmRuleAnswer): string {
  return Object.entries(rest)
    .filter(([key, value]) => !(key.endsWith('Seconds') && value === 0))
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

interface RuleEditorProps {
  readonly text: string;
  readonly onSave: (rule: Readonly<Record<string, unknown>>) => void;
  readonly onClose: () => void;
}

function RuleEditor({ text: before, onSave, onClose }: RuleEditorProps) {
  const [text, setText] = useState(before);
  const [error, setError] = useState<string>();
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const rule = objectOf(text, '{ "name": "siren-at-night", "kind": "event", ... }');
    setError(typeof rule === 'string' ? rule : undefined);
    if (typeof rule !== 'string') onSave(rule);
  };
  return (
    <Panel title="A rule">
      <form class="stack" onSubmit={save}>
        <label class="field">
          The rule as JSON; a name that is there already changes that rule
          <textarea rows={10} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <Failed error={error} />
        <div class="row">
          <button type="submit" class="main">
            Keep the rule
          </button>
          <button type="button" class="plain" onClick={onClose}>
            Close
          </button>
        </div>
      </form>
    </Panel>
  );
}
