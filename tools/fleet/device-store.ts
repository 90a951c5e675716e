// What each device last said of itself: state, inventory, health. An older message never replaces a newer one.
import type { AnyMessage, HealthMessage, InfoMessage, StateMessage } from '../../runtime/uplink/topics.ts';
import type { Queries } from './database.ts';

/** A device as the database knows it; times in UTC, null for what it has not said. */
export interface DeviceRow {
  readonly site: string;
  readonly device: string;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  readonly state: StateMessage['state'] | null;
  readonly stateTime: Date | null;
  readonly info: InfoMessage | null;
  readonly health: HealthMessage | null;
  readonly healthTime: Date | null;
}

/** Messages whose newest copy is kept. */
export type DeviceMessage = Extract<AnyMessage, { kind: 'state' | 'info' | 'health' | 'config/reported' }>;

// A will that comes late belongs to an old connection: within a boot the higher session number is the newer word.
const STATE = `insert into device as d (site, device, state, state_boot, state_session, state_time)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[])
  on conflict (site, device) do update set last_seen = now(), state = excluded.state, state_boot = excluded.state_boot,
    state_session = excluded.state_session, state_time = excluded.state_time
  where d.state_boot is null
    or (d.state_boot = excluded.state_boot and d.state_session <= excluded.state_session)
    or (d.state_boot <> excluded.state_boot and d.state_time <= excluded.state_time)`;

// By the database's clock; a retained copy that comes again is no sign of life.
const HEALTH_CAME = `, health_received = case
  when d.health_time is null or d.health_time < excluded.health_time then now() else d.health_received end`;

/** Messages that are kept whole, and where. */
const COLUMNS = { info: 'info', health: 'health', 'config/reported': 'reported' } as const;

const newest = (column: string) =>
  `insert into device as d (site, device, ${column}, ${column}_time, health_received)
   select t.*, ${column === 'health' ? 'now()' : 'null::timestamptz'} from unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[]) as t
   on conflict (site, device) do update set last_seen = now(), ${column} = excluded.${column}, ${column}_time = excluded.${column}_time
   ${column === 'health' ? HEALTH_CAME : ''}
   where d.${column}_time is null or d.${column}_time <= excluded.${column}_time`;

const SEEN = `insert into device (site, device) select distinct * from unnest($1::text[], $2::text[]) as t (site, device)
  order by 1, 2 on conflict (site, device) do update set last_seen = now()`;

/**
 * Keeps what devices say of themselves, where it is the newest; a batch costs four statements, however long.
 * @param messages in the order in which they came
 * @throws DatabaseError
 */
export async function keepDeviceMessages(queries: Queries, messages: readonly DeviceMessage[]): Promise<void> {
  const states = lastOfEach(
    messages.flatMap((each) => (each.kind === 'state' ? [each.message] : [])),
    isNewerState,
  );
  if (states.length > 0) {
    await queries.query(STATE, [
      ...namesOf(states),
      states.map(({ state }) => state),
      states.map(({ bootId }) => bootId),
      states.map(({ sessionSeq }) => sessionSeq),
      states.map(({ time }) => time),
    ]);
  }
  for (const [kind, column] of Object.entries(COLUMNS)) {
    const rows = lastOfEach(
      messages.flatMap((each) => (each.kind === kind ? [each.message] : [])),
      isNewer,
    );
    if (rows.length === 0) continue;
    const values = [rows.map((row) => JSON.stringify(row)), rows.map(({ time }) => time)];
    await queries.query(newest(column), [...namesOf(rows), ...values]);
  }
}

interface Named {
  readonly site: string;
  readonly device: string;
}

/** One message per device, since a statement may touch a row once; in the order of names, so that two hubs cannot lock each other. */
function lastOfEach<M extends Named>(messages: readonly M[], isNewerThan: (message: M, kept: M) => boolean): M[] {
  const last = new Map<string, M>();
  for (const message of messages) {
    const name = `${message.site}/${message.device}`;
    const kept = last.get(name);
    if (!kept || isNewerThan(message, kept)) last.set(name, message);
  }
  return [...last.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, message]) => message);
}

function isNewerState(state: StateMessage, kept: StateMessage): boolean {
  if (state.bootId === kept.bootId) return state.sessionSeq >= kept.sessionSeq;
  return isNewer(state, kept);
}

function isNewer(message: { readonly time: string }, kept: { readonly time: string }): boolean {
  return Date.parse(message.time) >= Date.parse(kept.time);
}

function namesOf(rows: readonly Named[]): [string[], string[]] {
  return [rows.map(({ site }) => site), rows.map(({ device }) => device)];
}

/** Notes that devices were heard, known or not. @throws DatabaseError */
export async function noteSeen(queries: Queries, devices: readonly { site: string; device: string }[]): Promise<void> {
  if (devices.length === 0) return;
  await queries.query(SEEN, [devices.map(({ site }) => site), devices.map(({ device }) => device)]);
}

/** All devices, in the order of their names. @throws DatabaseError */
export function listDevices(queries: Queries): Promise<DeviceRow[]> {
  return queries.query<DeviceRow>(
    `select site, device, first_seen as "firstSeen", last_seen as "lastSeen", state, state_time as "stateTime", info, health,
       health_time as "healthTime" from device order by site, device`,
  );
}
