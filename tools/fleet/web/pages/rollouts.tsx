// Rollouts: changes of settings and releases on their way through the fleet.
import { useEffect, useState } from 'preact/hooks';
import type { RolloutSummary } from '../base/answers.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { href } from '../base/routes.ts';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';
import { NewRollout } from '../rollout/new-rollout.tsx';
import { joined, statusWord } from '../rollout/phases.ts';
import { Progress } from '../rollout/progress.tsx';

const ASK_MS = 10_000;

export function RolloutsPage() {
  const { session, stream } = useHub();
  const { value, error, isLoading, reload } = useLoaded<{ rollouts: RolloutSummary[] }>('rollouts', {}, ASK_MS);
  const [isNew, setIsNew] = useState(false);
  useEffect(() => stream.on('rollout', reload), [stream, reload]);
  const rollouts = value?.rollouts ?? [];
  return (
    <div class="stack">
      <PageHead title="Rollouts">
        {mayOperate(session) && (
          <button type="button" class="main" aria-expanded={isNew} onClick={() => setIsNew(!isNew)}>
            New rollout
          </button>
        )}
      </PageHead>
      <Failed error={error} retry={reload} />
      {isNew && <NewRollout onBegun={reload} onClose={() => setIsNew(false)} />}
      <div class="panel scroll">
        {rollouts.length === 0 && !error && (
          <Empty>{isLoading && !value ? 'Asking the hub …' : 'Nothing was rolled out yet.'}</Empty>
        )}
        {rollouts.length > 0 && <RolloutTable rollouts={rollouts} />}
      </div>
    </div>
  );
}

function RolloutTable({ rollouts }: { readonly rollouts: readonly RolloutSummary[] }) {
  return (
    <table aria-label="Rollouts">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Status</th>
          <th scope="col">Wave</th>
          <th scope="col">Devices</th>
          <th scope="col">Begun</th>
        </tr>
      </thead>
      <tbody>
        {rollouts.map(({ id, name, status, reason, wave, waves, created, createdBy }) => (
          <tr key={id}>
            <td>
              <a href={href(['rollouts', String(id)])}>{name}</a>
            </td>
            <td>
              <span class={`tag ${statusWord(status).tone}`}>{statusWord(status).word}</span>
              {reason && <div class="small faint">{reason}</div>}
            </td>
            <td>
              {Math.min(wave, waves.length)} of {waves.length}
            </td>
            <td>
              <Progress counts={joined(waves)} />
            </td>
            <td>
              <Time at={created} />
              <div class="small faint">{createdBy}</div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
