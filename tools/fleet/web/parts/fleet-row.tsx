// The cells of one device in the fleet's table.
import type { DeviceFacts } from '../base/facts.ts';
import { href } from '../base/routes.ts';
import { StateChip } from './state-chip.tsx';
import { Time } from './time.tsx';

/** Temperatures from here on are worth a look: boards throttle from about 85 °C on. */
const WARM_CELSIUS = 75;

export function FleetRow({ facts }: { readonly facts: DeviceFacts }) {
  const { site, device, state, lastSeen, model, backend, celsius, queued, faults, missing } = facts;
  return (
    <>
      <td>
        <a href={href(['devices', site, device])} class="device-link">
          <span class="faint">{site}/</span>
          {device}
        </a>
      </td>
      <td>
        <StateChip state={state} />
      </td>
      <td>
        <Time at={lastSeen} as="ago" />
      </td>
      <td class="clip">{model ?? '–'}</td>
      <td class="clip">{backend ?? '–'}</td>
      <td class={`number ${celsius !== null && celsius >= WARM_CELSIUS ? 'warn' : ''}`}>
        {celsius === null ? '–' : `${celsius.toFixed(0)} °C`}
      </td>
      <td class="number">{queued ?? '–'}</td>
      <td class="clip">
        {faults.map(({ code, message }) => (
          <span key={code} class="tag bad" title={message}>
            {code}
          </span>
        ))}
      </td>
      <td class={`number ${missing > 0 ? 'warn' : ''}`}>{missing > 0 ? missing : ''}</td>
    </>
  );
}
