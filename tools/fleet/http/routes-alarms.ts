// Alarms and their rules over HTTP: listing, acknowledging, silencing, changing.
import { UserError } from '../../command.ts';
import {
  type Alarm,
  acknowledgeAlarm,
  listAlarms,
  listRules,
  removeRule,
  setRule,
  silenceAlarm,
} from '../alarm-store.ts';
import type { FastifyInstance } from './fastify.ts';
import type { Hub } from './hub.ts';
import { ROLLOUT_OPERATIONS as OPERATIONS } from './operations-rollouts.ts';
import { answer } from './routing.ts';

export function alarmRoutes(app: FastifyInstance, hub: Hub): void {
  const { database } = hub;
  const told = (alarm: Alarm) => {
    const shown = alarmView(alarm);
    hub.bus.tell('alarm', { change: 'touched', alarm: shown });
    return shown;
  };
  answer(app, hub, OPERATIONS.listAlarms, async ({ query: { open, limit } }) => ({
    alarms: (await listAlarms(database, { openOnly: open === 'true', limit })).map(alarmView),
  }));
  answer(app, hub, OPERATIONS.acknowledgeAlarm, async ({ params, caller }) =>
    told(await acknowledgeAlarm(database, params.id, caller.name)),
  );
  answer(app, hub, OPERATIONS.silenceAlarm, async ({ params, body: { until }, caller }) =>
    told(await silenceAlarm(database, params.id, until === null ? null : new Date(until), caller.name)),
  );
  answer(app, hub, OPERATIONS.listRules, async () => ({ rules: await listRules(database) }));
  answer(app, hub, OPERATIONS.setRule, async ({ params, body, caller }) => {
    if (body.name !== params.name)
      throw new UserError(`The rule is named ${body.name}, the address ${params.name}: give both the same.`);
    await setRule(database, body, caller.name);
    return { rules: await listRules(database) };
  });
  answer(app, hub, OPERATIONS.removeRule, ({ params }) => removeRule(database, params.name));
}

/** An alarm with its times as text. */
export function alarmView({ raised, cleared, acknowledged, silencedUntil, severity, ...alarm }: Alarm) {
  return {
    ...alarm,
    severity: severity as 'info' | 'warning' | 'critical',
    raised: raised.toISOString(),
    cleared: cleared?.toISOString() ?? null,
    acknowledged: acknowledged?.toISOString() ?? null,
    silencedUntil: silencedUntil?.toISOString() ?? null,
  };
}
