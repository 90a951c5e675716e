// Alarms in the database: those that are open, those that were, who has seen them, and who wants no word of them for a while.
import { UserError } from '../command.ts';
import { AlarmRule, DEFAULT_RULES } from './alarm-rules.ts';
import type { Queries } from './database.ts';

export interface Alarm {
  readonly id: number;
  readonly rule: string;
  /** Empty, like device, for an alarm of the hub itself. */
  readonly site: string;
  readonly device: string;
  readonly severity: string;
  readonly message: string;
  readonly raised: Date;
  readonly cleared: Date | null;
  readonly acknowledged: Date | null;
  readonly acknowledgedBy: string | null;
  readonly isFlapping: boolean;
  readonly silencedUntil: Date | null;
}

export interface AlarmKey {
  readonly rule: string;
  readonly site: string;
  readonly device: string;
}

const SELECT = `select a.id::float8 as id, a.rule, a.site, a.device, severity, message, raised, cleared, acknowledged,
  acknowledged_by as "acknowledgedBy", is_flapping as "isFlapping", s.until as "silencedUntil"
  from alarm a left join alarm_silence s on s.rule = a.rule and s.site = a.site and s.device = a.device`;

/** Open ones first, each newest first. */
export function listAlarms(queries: Queries, { openOnly = false, limit = 500 } = {}): Promise<Alarm[]> {
  return queries.query<Alarm>(
    `${SELECT} where $1 = false or cleared is null order by cleared is null desc, raised desc, a.id desc limit $2`,
    [openOnly, limit],
  );
}

/** Open alarms, and those raised since; for a hub that starts. */
export function recentAlarms(queries: Queries, sinceMs: number): Promise<Alarm[]> {
  return queries.query<Alarm>(
    `${SELECT} where cleared is null or raised > to_timestamp($1::float8 / 1000) order by a.id`,
    [sinceMs],
  );
}

/** Raises an alarm unless it is open; then its message is renewed. */
export async function raiseAlarm(
  queries: Queries,
  { rule, site, device }: AlarmKey,
  { severity, message, isFlapping, nowMs }: { severity: string; message: string; isFlapping: boolean; nowMs: number },
): Promise<Alarm> {
  await queries.query(
    `insert into alarm (rule, site, device, severity, message, raised, is_flapping)
     values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000), $7)
     on conflict (rule, site, device) where cleared is null do update set message = excluded.message, is_flapping = excluded.is_flapping`,
    [rule, site, device, severity, message, nowMs, isFlapping],
  );
  return openAlarm(queries, { rule, site, device }) as Promise<Alarm>;
}

export async function openAlarm(queries: Queries, { rule, site, device }: AlarmKey): Promise<Alarm | undefined> {
  const [row] = await queries.query<Alarm>(
    `${SELECT} where a.rule = $1 and a.site = $2 and a.device = $3 and cleared is null`,
    [...[rule, site, device]],
  );
  return row;
}

/** @returns the alarm as it was; undefined when none was open */
export async function clearAlarm(queries: Queries, key: AlarmKey, nowMs: number): Promise<Alarm | undefined> {
  const alarm = await openAlarm(queries, key);
  if (!alarm) return undefined;
  await queries.query('update alarm set cleared = to_timestamp($2::float8 / 1000) where id = $1', [alarm.id, nowMs]);
  return { ...alarm, cleared: new Date(nowMs) };
}

/** Somebody has seen it. @throws UserError when there is no such alarm */
export async function acknowledgeAlarm(queries: Queries, id: number, who: string): Promise<Alarm> {
  await queries.query(
    'update alarm set acknowledged = now(), acknowledged_by = $2 where id = $1 and acknowledged is null',
    [id, who],
  );
  return alarmNumber(queries, id);
}

/** No word of it until then; it is kept and shown all the same. null: words again. @throws UserError when there is no such alarm */
export async function silenceAlarm(queries: Queries, id: number, until: Date | null, who: string): Promise<Alarm> {
  const { rule, site, device } = await alarmNumber(queries, id);
  if (until === null) {
    await queries.query('delete from alarm_silence where rule = $1 and site = $2 and device = $3', [
      rule,
      site,
      device,
    ]);
  } else {
    await queries.query(
      `insert into alarm_silence (rule, site, device, until, who) values ($1, $2, $3, $4, $5)
       on conflict (rule, site, device) do update set until = excluded.until, who = excluded.who`,
      [rule, site, device, until, who],
    );
  }
  return alarmNumber(queries, id);
}

async function alarmNumber(queries: Queries, id: number): Promise<Alarm> {
  const [row] = await queries.query<Alarm>(`${SELECT} where a.id = $1`, [id]);
  if (row) return row;
  throw new UserError(`There is no alarm ${id}.`);
}

/** The hub's own rules, with what was changed of them, and those that were added; in the order of names. */
export async function listRules(queries: Queries): Promise<AlarmRule[]> {
  const rows = await queries.query<{ rule: unknown }>('select rule from alarm_rule');
  const rules = new Map(DEFAULT_RULES.map((rule) => [rule.name, rule]));
  for (const { rule } of rows) {
    const known = AlarmRule.safeParse(rule);
    // A rule of a newer earshot that this one cannot read is left to that one.
    if (known.success) rules.set(known.data.name, known.data);
  }
  return [...rules.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function setRule(queries: Queries, rule: AlarmRule, who: string): Promise<void> {
  await queries.query(
    `insert into alarm_rule (name, rule, changed_by) values ($1, $2, $3)
     on conflict (name) do update set rule = excluded.rule, changed = now(), changed_by = excluded.changed_by`,
    [rule.name, JSON.stringify(rule), who],
  );
}

/** Takes a rule of somebody's away, or the changes of one of the hub's own. @throws UserError when there is nothing to take away */
export async function removeRule(queries: Queries, name: string): Promise<void> {
  const rows = await queries.query('delete from alarm_rule where name = $1 returning 1', [name]);
  if (rows.length > 0) return;
  const isOwn = DEFAULT_RULES.some((rule) => rule.name === name);
  throw new UserError(
    isOwn
      ? `${name} is one of the hub's own rules: set it with "enabled": false instead.`
      : `There is no rule ${name}.`,
  );
}
