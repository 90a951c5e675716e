// The duties of a hub that has pages: what they do is told on its bus.
import { hostname } from 'node:os';
import { Duties } from '../duties.ts';
import type { Hub } from './hub.ts';
import { alarmView } from './routes-alarms.ts';

/**
 * start() after the hub's; the link's onProblem(null) is to call connected(), the hub's onOrder is to call hurry().
 * @param isHearing does the collector hear its broker?
 */
export function hubDuties(hub: Hub, isHearing: () => boolean): Duties {
  return new Duties({
    ...{ database: hub.database, link: hub.link, nowMs: hub.now, onTrouble: hub.onTrouble, isHearing },
    holder: `${hostname()}/${process.pid}/${Date.now()}`,
    onRollout: (news) => hub.bus.tell('rollout', news),
    onAlarm: ({ change, alarm }) => hub.bus.tell('alarm', { change, alarm: alarmView(alarm) }),
  });
}
