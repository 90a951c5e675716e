// Alarms as a table; an operator says that somebody looks after one, or wants no word of it for a while.
import { useState } from 'preact/hooks';
import { isOpen } from '../base/alarms.ts';
import type { AlarmAnswer } from '../base/answers.ts';
import { href } from '../base/routes.ts';
import { Empty } from '../parts/notice.tsx';
import { Time } from '../parts/time.tsx';

export interface AlarmActions {
  readonly acknowledge: (id: number) => void;
  /** @param hours null: words again from now on */
  readonly silence: (id: number, hours: number | null) => void;
}

interface AlarmTableProps {
  readonly alarms: readonly AlarmAnswer[];
  readonly empty: string;
  readonly actions?: AlarmActions | undefined;
}

export function AlarmTable({ alarms, empty, actions }: AlarmTableProps) {
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
            <th scope="col">{actions ? 'Looked after' : 'Ended'}</th>
          </tr>
        </thead>
        <tbody>
          {alarms.map((alarm) => (
            <AlarmRow key={alarm.id} alarm={alarm} actions={actions} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AlarmRow({ alarm, actions }: { readonly alarm: AlarmAnswer } & Pick<AlarmTableProps, 'actions'>) {
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
          <div>
            {acknowledgedBy}, <Time at={acknowledged} as="ago" />
          </div>
        )}
        {actions && (
          <div class="row">
            {isOpen(alarm) && (
              <button type="button" onClick={() => actions.acknowledge(id)}>
                I look after it<span class="unseen">: {message}</span>
              </button>
            )}
            <Silence alarm={alarm} silence={(hours) => actions.silence(id, hours)} />
          </div>
        )}
      </td>
    </tr>
  );
}

const SILENCES = [
  [1, '1 hour'],
  [8, '8 hours'],
  [72, '3 days'],
  [720, '30 days'],
] as const;

function Silence({
  alarm: { silencedUntil, message },
  silence,
}: {
  readonly alarm: AlarmAnswer;
  readonly silence: (hours: number | null) => void;
}) {
  const [isAsking, setIsAsking] = useState(false);
  if (silencedUntil !== null && Date.parse(silencedUntil) > Date.now())
    return (
      <span>
        no word until <Time at={silencedUntil} />{' '}
        <button type="button" class="plain" onClick={() => silence(null)}>
          Tell again<span class="unseen">: {message}</span>
        </button>
      </span>
    );
  if (!isAsking)
    return (
      <button type="button" class="plain" onClick={() => setIsAsking(true)}>
        Silence<span class="unseen">: {message}</span>
      </button>
    );
  return (
    <span class="row">
      {SILENCES.map(([hours, words]) => (
        <button
          type="button"
          key={hours}
          onClick={() => {
            silence(hours);
            setIsAsking(false);
          }}
        >
          {words}
        </button>
      ))}
      <button type="button" class="plain" onClick={() => setIsAsking(false)}>
        Not at all
      </button>
    </span>
  );
}
