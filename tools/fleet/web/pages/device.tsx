// One device: what it hears now, what it heard, how it is, how it is set, and what it kept.
import type { ComponentType } from 'preact';
import type { PageProps } from '../app.tsx';
import type { DeviceAnswer } from '../base/answers.ts';
import { useFleet } from '../base/fleet.ts';
import { useLoaded } from '../base/load.ts';
import { href } from '../base/routes.ts';
import { ClipsTab } from '../device/clips-tab.tsx';
import { EventsTab } from '../device/events-tab.tsx';
import { HealthTab } from '../device/health-tab.tsx';
import { LiveTab } from '../device/live-tab.tsx';
import { LogTab } from '../device/log-tab.tsx';
import { SettingsTab } from '../device/settings-tab.tsx';
import { Empty, Failed, Notice } from '../parts/notice.tsx';
import { PageHead } from '../parts/panel.tsx';
import { StateChip } from '../parts/state-chip.tsx';
import { Time } from '../parts/time.tsx';

export interface DeviceTabProps {
  readonly device: DeviceAnswer;
}

const TABS: Readonly<Record<string, { readonly name: string; readonly tab: ComponentType<DeviceTabProps> }>> = {
  live: { name: 'Live', tab: LiveTab },
  events: { name: 'Events', tab: EventsTab },
  health: { name: 'Health', tab: HealthTab },
  settings: { name: 'Settings', tab: SettingsTab },
  clips: { name: 'Clips', tab: ClipsTab },
  log: { name: 'Log', tab: LogTab },
};

export function DevicePage({ route }: PageProps) {
  const [, site = '', device = '', tab = 'live'] = route.path;
  const fleet = useFleet();
  const { value, error, reload } = useLoaded<DeviceAnswer>(
    `devices/${encodeURIComponent(site)}/${encodeURIComponent(device)}`,
  );
  // The stream brings newer words than the answer of the beginning.
  const answer = fleet.answer(`${site}/${device}`) ?? value;
  const Tab = TABS[tab]?.tab;
  return (
    <div class="stack">
      <PageHead
        title={
          <>
            <span class="faint">{site}/</span>
            {device}
          </>
        }
      >
        {answer && (
          <>
            <StateChip state={answer.state} />
            <span class="faint">
              seen <Time at={answer.lastSeen} as="ago" />
            </span>
          </>
        )}
      </PageHead>
      <Failed error={answer ? undefined : error} retry={reload} />
      {!answer && !error && <Empty>Asking the hub …</Empty>}
      {answer && <Faults device={answer} />}
      <nav class="tabs" aria-label="Parts of this device">
        {Object.entries(TABS).map(([key, { name }]) => (
          <a key={key} href={href(['devices', site, device, key])} aria-current={key === tab ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      {answer && Tab && <Tab device={answer} />}
      {!Tab && <Notice kind="warn">There is no part of this name; choose one above.</Notice>}
    </div>
  );
}

function Faults({ device: { health } }: DeviceTabProps) {
  const faults = health?.faults ?? [];
  if (faults.length === 0) return null;
  return (
    <Notice kind="bad">
      {faults.map(({ code, message, since }) => (
        <div key={code}>
          <b>{code}</b>: {message}{' '}
          <span class="faint">
            (since <Time at={since} />)
          </span>
        </div>
      ))}
    </Notice>
  );
}
