// One rollout: its waves, its devices, what happened, and what a person can order.
import { useEffect, useState } from 'preact/hooks';
import type { PageProps } from '../app.tsx';
import type { RolloutDetails } from '../base/answers.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { href } from '../base/routes.ts';
import { counted } from '../base/words.ts';
import { Empty, Failed, Notice } from '../parts/notice.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { RolloutActions } from '../rollout/actions.tsx';
import { PHASES, statusWord, totalOf } from '../rollout/phases.ts';
import { Progress } from '../rollout/progress.tsx';
import { RolloutDevices } from '../rollout/rollout-devices.tsx';

const ASK_MS = 5000;

export function RolloutPage({ route }: PageProps) {
  const id = route.path[1] ?? '';
  const { session, stream } = useHub();
  const [phase, setPhase] = useState('');
  const query = { phase: phase || undefined, limit: 500 };
  const { value, error, reload } = useLoaded<RolloutDetails>(`rollouts/${encodeURIComponent(id)}`, query, ASK_MS);
  useEffect(() => stream.on('rollout', reload), [stream, reload]);
  if (!value) return error ? <Failed error={error} retry={reload} /> : <Empty>Asking the hub …</Empty>;
  const { name, status, reason, definition } = value;
  return (
    <div class="stack">
      <PageHead
        title={
          <>
            <a href={href(['rollouts'])}>Rollouts</a> / {name}
          </>
        }
      >
        <span class={`tag ${statusWord(status).tone}`}>{statusWord(status).word}</span>
      </PageHead>
      <Failed error={error} retry={reload} />
      {reason && <Notice kind={status === 'stopped' ? 'bad' : 'warn'}>{reason}</Notice>}
      {mayOperate(session) && <RolloutActions rollout={value} onDone={reload} />}
      <Waves rollout={value} />
      <Panel title="Change">
        <dl class="facts">
          {definition.note && (
            <>
              <dt>Note</dt>
              <dd>{definition.note}</dd>
            </>
          )}
          <dt>Change</dt>
          <dd class="code">{JSON.stringify(definition.change)}</dd>
          <dt>For</dt>
          <dd class="code">{JSON.stringify(definition.target)}</dd>
          <dt>Stops</dt>
          <dd>
            when more than {definition.errorPercent} % of {counted(definition.errorAfter, 'device')} or more fail
          </dd>
        </dl>
      </Panel>
      <Panel
        title="Devices"
        flush
        aside={
          <label class="row">
            in phase
            <select value={phase} onChange={(event) => setPhase(event.currentTarget.value)}>
              <option value="">any</option>
              {PHASES.map((each) => (
                <option key={each.phase} value={each.phase}>
                  {each.word}
                </option>
              ))}
            </select>
          </label>
        }
      >
        <RolloutDevices devices={value.devices} />
      </Panel>
      <Panel title="What happened" flush>
        <table aria-label="What happened">
          <tbody>
            {value.log.map(({ time, who, what }, i) => (
              <tr key={`${time} ${i}`}>
                <td>
                  <Time at={time} />
                </td>
                <td>{who}</td>
                <td>{what}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Panel>
    </div>
  );
}

function Waves({ rollout: { waves, wave, definition } }: { readonly rollout: RolloutDetails }) {
  return (
    <Panel title="Waves" flush>
      <table aria-label="Waves">
        <thead>
          <tr>
            <th scope="col">Wave</th>
            <th scope="col" class="number">
              Devices
            </th>
            <th scope="col">Progress</th>
          </tr>
        </thead>
        <tbody>
          {waves.map((counts, i) => (
            <tr key={i} aria-current={i + 1 === wave ? 'step' : undefined}>
              <th scope="row">
                {i + 1}
                {definition.waves[i]?.approval && <span class="faint"> needs approval</span>}
              </th>
              <td class="number">{totalOf(counts)}</td>
              <td>
                <Progress counts={counts} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
