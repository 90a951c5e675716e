// Alarms: what needs a person, the open ones first; an operator says that somebody looks after it.
import { useEffect, useState } from 'preact/hooks';
import { isOpen } from '../base/alarms.ts';
import type { AlarmAnswer } from '../base/answers.ts';
import { send } from '../base/api.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { href } from '../base/routes.ts';
import { Empty, Failed } from '../parts/notice.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';
import { Time } from '../parts/time.tsx';

export function AlarmsPage() {
  const { stream, session } = useHub();
  const { value, error, reload } = useLoaded<{ alarms: AlarmAnswer[] }>('alarms');
  const [refused, setRefused] = useState<string>();
  useEffect(() => stream.on('alarm', reload), [stream, reload]);
  const acknowledge = (id: number) => {
    setRefused(undefined);
    send('POST', `alarms/${id}/acknowledge`).then(reload, (failure: Error) => setRefused(failure.message));
  };
  const alarms = value?.alarms ?? [];
  const isNow = (alarm: AlarmAnswer) => alarm.cleared === null;
  const act = mayOperate(session) ? acknowledge : undefined;
  return (
    <div class="stack">
      <PageHead title="Alarms" />
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      <Panel title="Now" flush>
        <AlarmTable alarms={alarms.filter(isNow)} empty="Nothing needs you: no rule is broken." acknowledge={act} />
      </Panel>
      <Panel title="Over" flush>
        <AlarmTable alarms={alarms.filter((alarm) => !isNow(alarm))} empty="No alarm has ended yet." />
      </Panel>
    </div>
  );
}

interface AlarmTableProps {
  readonly alarms: readonly AlarmAnswer[];
  readonly empty: string;
  readonly acknowledge?: ((id: number) => void) | undefined;
}

function AlarmTable({ alarms, empty, acknowledge }: AlarmTableProps) {
  if (alarms.length === 0) return <Empty>{empty}</Empty>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Severity</th>
            <th scope="col">What</th>
            <th scope="col">Device</th>
            <th scope="col">Raised</th>
            <th scope="col">{acknowledge ? 'Looked after' : 'Ended'}</th>
          </tr>
        </thead>
        <tbody>
          {alarms.map((alarm) => (
            <AlarmRow key={alarm.id} alarm={alarm} acknowledge={acknowledge} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AlarmRow({ alarm, acknowledge }: { readonly alarm: AlarmAnswer } & Pick<AlarmTableProps, 'acknowledge'>) {
  const { id, site, device, severity, message, rule, raised, cleared, acknowledged, acknowledgedBy, isFlapping } =
    alarm;
  return (
    <tr>
      <td>
        <span class={`tag ${severity === 'critical' ? 'bad' : 'warn'}`}>{severity}</span>
      </td>
      <td>
        {message}
        <div class="small faint">
          {rule}
          {isFlapping && ', comes and goes'}
        </div>
      </td>
      <td>{device === '' ? 'the hub' : <a href={href(['devices', site, device])}>{`${site}/${device}`}</a>}</td>
      <td>
        <Time at={raised} as="ago" />
      </td>
      <td>
        {cleared && <Time at={cleared} />}
        {!cleared && acknowledged && (
          <span>
            {acknowledgedBy}, <Time at={acknowledged} as="ago" />
          </span>
        )}
        {acknowledge && isOpen(alarm) && (
          <button type="button" onClick={() => acknowledge(id)}>
            I look after it<span class="unseen">: {message}</span>
          </button>
        )}
      </td>
    </tr>
  );
}
