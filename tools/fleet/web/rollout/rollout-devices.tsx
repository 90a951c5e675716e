// The devices of a rollout with their phase and, where one failed, why.
import type { RolloutDevice } from '../base/answers.ts';
import { href } from '../base/routes.ts';
import { Empty } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';
import { PHASES } from './phases.ts';

export function RolloutDevices({ devices }: { readonly devices: readonly RolloutDevice[] }) {
  if (devices.length === 0) return <Empty>No device is in this phase.</Empty>;
  return (
    <div class="scroll rollout-devices">
      <table aria-label="Devices">
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col" class="number">
              Wave
            </th>
            <th scope="col">Phase</th>
            <th scope="col">Sent</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {devices.map(({ name, wave, phase, sent, reason }) => (
            <tr key={name}>
              <td>
                <a href={href(['devices', ...name.split('/')])}>{name}</a>
              </td>
              <td class="number">{wave}</td>
              <td class={phase === 'failed' ? 'bad' : undefined}>
                {PHASES.find((each) => each.phase === phase)?.word ?? phase}
              </td>
              <td>{sent ? <Time at={sent} /> : '–'}</td>
              <td>{reason ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
