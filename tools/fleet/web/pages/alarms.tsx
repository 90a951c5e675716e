// Alarms: what needs a person, the open ones first; what is over; and the rules behind them.
import { useEffect } from 'preact/hooks';
import { type AlarmActions, AlarmTable } from '../alarm/alarm-table.tsx';
import { Rules } from '../alarm/rules.tsx';
import type { AlarmAnswer } from '../base/answers.ts';
import { mayOperate, useHub } from '../base/hub.ts';
import { useLoaded } from '../base/load.ts';
import { useOrders } from '../base/order.ts';
import { Failed } from '../parts/notice.tsx';
import { PageHead, Panel } from '../parts/panel.tsx';

const HOUR_MS = 3_600_000;

export function AlarmsPage() {
  const { stream, session } = useHub();
  const { value, error, reload } = useLoaded<{ alarms: AlarmAnswer[] }>('alarms');
  const { refused, order } = useOrders(reload);
  useEffect(() => stream.on('alarm', reload), [stream, reload]);
  const actions: AlarmActions = {
    acknowledge: (id) => order('POST', `alarms/${id}/acknowledge`),
    silence(id, hours) {
      const until = hours === null ? null : new Date(Date.now() + hours * HOUR_MS).toISOString();
      order('POST', `alarms/${id}/silence`, { until });
    },
  };
  const alarms = value?.alarms ?? [];
  const isNow = (alarm: AlarmAnswer) => alarm.cleared === null;
  return (
    <div class="stack">
      <PageHead title="Alarms" />
      <Failed error={error ?? refused} retry={error ? reload : undefined} />
      <Panel title="Now" flush>
        <AlarmTable
          alarms={alarms.filter(isNow)}
          empty="Nothing needs you: no rule is broken."
          actions={mayOperate(session) ? actions : undefined}
        />
      </Panel>
      <Panel title="Over" flush>
        <AlarmTable alarms={alarms.filter((alarm) => !isNow(alarm))} empty="No alarm has ended yet." />
      </Panel>
      <Rules mayChange={mayOperate(session)} />
    </div>
  );
}
