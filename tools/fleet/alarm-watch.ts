// Looks at the fleet again and again, raises and clears alarms by the rules, and tells those who want to know.
import type { EventMessage, HealthMessage } from '../../runtime/uplink/topics.ts';
import { type Condition, concerns, conditionOf, isHeard, type Subject } from './alarm-conditions.ts';
import { advance, QUIET, type Watch } from './alarm-engine.ts';
import { EventTail, type TailEvent } from './alarm-events.ts';
import type { AlarmRule, RuleOf } from './alarm-rules.ts';
import { type Alarm, type AlarmKey, clearAlarm, listRules, raiseAlarm, recentAlarms } from './alarm-store.ts';
import type { Database, Queries } from './database.ts';
import { findGaps } from './event-store.ts';
import { recentFloods } from './flood.ts';
import { enqueue, type Telling } from './webhook-store.ts';

const HOUR_MS = 3_600_000;
const GAPS_LOOKED_AT = 10_000;

export interface AlarmNews {
  readonly change: 'raised' | 'cleared';
  readonly alarm: Alarm;
}

export interface AlarmWatchOptions {
  readonly database: Database;
  readonly nowMs: () => number;
  /** Of alarms that are not silenced. */
  readonly onAlarm?: (news: AlarmNews) => void;
}

interface Row extends Omit<Subject, 'silentMs'> {
  readonly ageMs: number | null;
  readonly zone: string | null;
}

export class AlarmWatch {
  readonly #options: AlarmWatchOptions;
  readonly #tail: EventTail;
  #watches: Map<string, Watch> | undefined;
  /** When each gap was seen first. */
  #gaps = new Map<string, number>();
  #hearingSinceMs: number | null = null;
  #lookedMs = 0;

  constructor(options: AlarmWatchOptions) {
    this.#options = options;
    this.#tail = new EventTail(options.database);
  }

  /** Looks once. @param isHearing does the hub hear its devices? While it does not, their silence means nothing */
  async look(isHearing: boolean): Promise<AlarmNews[]> {
    const { database } = this.#options;
    const nowMs = this.#options.nowMs();
    // After a break the hub has to hear for a while before it calls anybody silent.
    if (!isHearing || nowMs - this.#lookedMs > 120_000) this.#hearingSinceMs = null;
    if (isHearing) this.#hearingSinceMs ??= nowMs;
    this.#lookedMs = nowMs;
    this.#watches ??= await this.#remembered(nowMs);
    const rules = (await listRules(database)).filter(({ enabled }) => enabled);
    const rows = await readRows(database);
    const news = [
      ...(await this.#lookAtDevices(rules, rows, nowMs)),
      ...(await this.#lookAtGaps(rules, nowMs)),
      ...(await this.#lookAtFloods(rules, nowMs)),
      ...(await this.#lookAtHub(rules, nowMs)),
      ...(await this.#listen(rules, rows, nowMs)),
      ...(await this.#forget(rules, nowMs)),
    ].filter(({ alarm }) => !isSilenced(alarm, nowMs));
    await this.#tail.done();
    for (const each of news) this.#options.onAlarm?.(each);
    return news;
  }

  async #lookAtDevices(rules: readonly AlarmRule[], rows: readonly Row[], nowMs: number): Promise<AlarmNews[]> {
    const news: AlarmNews[] = [];
    for (const row of rows) {
      const subject = { ...row, silentMs: this.#silentMs(row, nowMs) };
      for (const rule of rules) {
        if (!concerns(rule, row)) continue;
        const isRaised = this.#watches!.get(keyOf(rule.name, row))?.isRaised ?? false;
        const condition = conditionOf(rule, subject, isRaised);
        news.push(...(await this.#judge(rule, row, condition, nowMs)));
      }
    }
    return news;
  }

  #silentMs({ ageMs }: Row, nowMs: number): number | null {
    if (ageMs === null || this.#hearingSinceMs === null) return null;
    return Math.min(ageMs, nowMs - this.#hearingSinceMs);
  }

  /** A gap counts from when it was seen first; a restart of the hub begins its time anew. */
  async #lookAtGaps(rules: readonly AlarmRule[], nowMs: number): Promise<AlarmNews[]> {
    const ours = rules.filter((rule) => rule.kind === 'gap');
    if (ours.length === 0) return [];
    const seen = new Map<string, number>();
    const oldest = new Map<string, { site: string; device: string; sinceMs: number; missing: number }>();
    for (const { site, device, bootId, first, last } of await findGaps(this.#options.database, GAPS_LOOKED_AT)) {
      const key = `${site}/${device}/${bootId}/${last}`;
      const sinceMs = this.#gaps.get(key) ?? nowMs;
      seen.set(key, sinceMs);
      const name = `${site}/${device}`;
      const known = oldest.get(name);
      const missing = (known?.missing ?? 0) + last - first + 1;
      oldest.set(name, { site, device, sinceMs: Math.min(sinceMs, known?.sinceMs ?? sinceMs), missing });
    }
    this.#gaps = seen;
    const news: AlarmNews[] = [];
    for (const rule of ours) {
      const met = new Map([...oldest].filter(([, { sinceMs }]) => nowMs - sinceMs >= rule.minutes * 60_000));
      for (const [, { site, device, missing }] of met) {
        if (!concerns(rule, { site, device })) continue;
        const message = `${missing} events are missing for ${rule.minutes} minutes or longer`;
        news.push(...(await this.#judge(rule, { site, device }, { isMet: true, message }, nowMs)));
      }
      news.push(...(await this.#others(rule, new Set(met.keys()), nowMs)));
    }
    return news;
  }

  async #lookAtFloods(rules: readonly AlarmRule[], nowMs: number): Promise<AlarmNews[]> {
    const news: AlarmNews[] = [];
    for (const rule of rules) {
      if (rule.kind !== 'flood') continue;
      const floods = await recentFloods(this.#options.database, rule.minutes);
      for (const { site, device, reason } of floods) {
        if (!concerns(rule, { site, device })) continue;
        news.push(...(await this.#judge(rule, { site, device }, { isMet: true, message: reason }, nowMs)));
      }
      const names = floods.map(({ site, device }) => `${site}/${device}`);
      news.push(...(await this.#others(rule, new Set(names), nowMs)));
    }
    return news;
  }

  async #lookAtHub(rules: readonly AlarmRule[], nowMs: number): Promise<AlarmNews[]> {
    const news: AlarmNews[] = [];
    for (const rule of rules) {
      const message =
        rule.kind === 'quarantine'
          ? await this.#quarantined(rule)
          : rule.kind === 'hub'
            ? await this.#hubTrouble(rule)
            : undefined;
      if (message === undefined) continue;
      const condition = { isMet: message !== '', message };
      news.push(...(await this.#judge(rule, { site: '', device: '' }, condition, nowMs)));
    }
    return news;
  }

  /** Empty: it is well. */
  async #quarantined({ messages, minutes }: RuleOf<'quarantine'>): Promise<string> {
    const [row] = await this.#options.database.query<{ n: number; reason: string | null }>(
      "select count(*)::int as n, max(reason) as reason from quarantine where received > now() - $1 * interval '1 minute'",
      [minutes],
    );
    return row!.n >= messages ? `${row!.n} messages were put away within ${minutes} minutes, e.g.: ${row!.reason}` : '';
  }

  async #hubTrouble({ what }: RuleOf<'hub'>): Promise<string> {
    const rows =
      what === 'rollout-stopped'
        ? await this.#options.database.query<{ line: string }>(
            "select name || ' stopped: ' || (course->>'reason') as line from rollout where course->>'status' = 'stopped' order by id",
          )
        : await this.#options.database.query<{ line: string }>(
            "select 'webhook ' || id || ': ' || disabled_reason as line from webhook where disabled is not null order by id",
          );
    return rows.map(({ line }) => line).join('; ');
  }

  /** Sounds that rules wait for: each raises at once, and the alarm is over when none came for a while. */
  async #listen(rules: readonly AlarmRule[], rows: readonly Row[], nowMs: number): Promise<AlarmNews[]> {
    const ours = rules.filter((rule) => rule.kind === 'event');
    const events = await this.#tail.next(ours.length > 0);
    await enqueue(
      this.#options.database,
      events.filter(({ message }) => message.phase === 'new').map(eventTelling),
      nowMs,
    );
    const zones = new Map(rows.map(({ site, device, zone }) => [`${site}/${device}`, zone]));
    const news: AlarmNews[] = [];
    for (const rule of ours) {
      const heard = new Map<string, EventMessage>();
      for (const { message } of events) {
        const name = `${message.site}/${message.device}`;
        if (concerns(rule, message) && isHeard(rule, message, zones.get(name) ?? null, nowMs)) heard.set(name, message);
      }
      for (const message of heard.values()) {
        news.push(
          ...(await this.#judge(
            { ...rule, forSeconds: 0 },
            message,
            { isMet: true, message: soundLine(message) },
            nowMs,
          )),
        );
      }
      news.push(...(await this.#others(rule, new Set(heard.keys()), nowMs)));
    }
    return news;
  }

  /** All devices with an open alarm of a rule, except those that still meet it. */
  async #others(rule: AlarmRule, met: ReadonlySet<string>, nowMs: number): Promise<AlarmNews[]> {
    const news: AlarmNews[] = [];
    for (const [key, { isRaised }] of this.#watches!) {
      const [name, site, device] = key.split('/') as [string, string, string];
      if (name !== rule.name || !isRaised || met.has(`${site}/${device}`)) continue;
      news.push(...(await this.#judge(rule, { site, device }, { isMet: false, message: '' }, nowMs)));
    }
    return news;
  }

  /** Alarms of rules that were taken away or switched off are over. */
  async #forget(rules: readonly AlarmRule[], nowMs: number): Promise<AlarmNews[]> {
    const names = new Set(rules.map(({ name }) => name));
    const news: AlarmNews[] = [];
    for (const [key, { isRaised }] of this.#watches!) {
      const [rule, site, device] = key.split('/') as [string, string, string];
      if (names.has(rule)) continue;
      this.#watches!.delete(key);
      if (isRaised)
        news.push(
          ...(await this.#write('cleared', nowMs, (queries) => clearAlarm(queries, { rule, site, device }, nowMs))),
        );
    }
    return news;
  }

  async #judge(
    rule: AlarmRule,
    of: { site: string; device: string },
    condition: Condition,
    nowMs: number,
  ): Promise<AlarmNews[]> {
    const key = keyOf(rule.name, of);
    const before = this.#watches!.get(key) ?? QUIET;
    const { watch, change } = advance(before, condition, rule, nowMs);
    const alarmKey: AlarmKey = { rule: rule.name, site: of.site, device: of.device };
    const { severity } = rule;
    const { message } = condition;
    let news: AlarmNews[] = [];
    if (change === 'clear')
      news = await this.#write('cleared', nowMs, (queries) => clearAlarm(queries, alarmKey, nowMs));
    else if (change !== null) {
      const raised = { severity, message, isFlapping: watch.isFlapping, nowMs };
      news = await this.#write('raised', nowMs, (queries) => raiseAlarm(queries, alarmKey, raised));
    }
    // Only what was written is remembered: where the database failed, the next look tries again.
    if (watch === QUIET) this.#watches!.delete(key);
    else if (watch !== before) this.#watches!.set(key, watch);
    return news;
  }

  /** An alarm and the word of it are written together: a hub that dies in between has done neither. */
  #write(
    change: AlarmNews['change'],
    nowMs: number,
    work: (queries: Queries) => Promise<Alarm | undefined>,
  ): Promise<AlarmNews[]> {
    return this.#options.database.transaction(async (queries) => {
      const alarm = await work(queries);
      if (!alarm) return [];
      if (!isSilenced(alarm, nowMs)) await enqueue(queries, [alarmTelling({ change, alarm })], nowMs);
      return [{ change, alarm }];
    });
  }

  /** To be called when another hub had its turn: what is open is read anew. */
  forget(): void {
    this.#watches = undefined;
  }

  /** What a hub that ran before has left open, and raised within the hour. */
  async #remembered(nowMs: number): Promise<Map<string, Watch>> {
    const watches = new Map<string, Watch>();
    for (const alarm of await recentAlarms(this.#options.database, nowMs - HOUR_MS)) {
      const key = keyOf(alarm.rule, alarm);
      const raisesMs = [...(watches.get(key)?.raisesMs ?? []), alarm.raised.getTime()];
      watches.set(key, {
        isRaised: alarm.cleared === null,
        otherSinceMs: null,
        raisesMs,
        isFlapping: alarm.isFlapping && alarm.cleared === null,
      });
    }
    return watches;
  }
}

function isSilenced({ silencedUntil }: Alarm, nowMs: number): boolean {
  return silencedUntil !== null && silencedUntil.getTime() > nowMs;
}

function readRows(database: Database): Promise<Row[]> {
  return database.query<Row & { health: HealthMessage | null }>(
    `select site, device, state, health, zone, extract(epoch from clock_timestamp() - health_received)::float8 * 1000 as "ageMs"
     from device left join device_note using (site, device) order by site, device`,
  );
}

/** No part of it may hold a slash: rules, sites and devices have none. */
function keyOf(rule: string, { site, device }: { site: string; device: string }): string {
  return `${rule}/${site}/${device}`;
}

function soundLine({ class: label, score, bearingDegrees, azimuth }: EventMessage): string {
  const where = bearingDegrees === null ? `azimuth ${Math.round(azimuth)}°` : `bearing ${Math.round(bearingDegrees)}°`;
  return `${label} heard, score ${score.toFixed(2)}, ${where}`;
}

function alarmTelling({ change, alarm }: AlarmNews): Telling {
  const { id, site, device } = alarm;
  const time = (change === 'cleared' ? alarm.cleared! : alarm.raised).toISOString();
  const source = site === '' ? '/hub' : `/${site}/${device}`;
  return {
    topic: 'alarm',
    key: `alarm-${id}-${change}`,
    type: `alarm.${change}`,
    time,
    source,
    data: alarm,
    ...(site && { site }),
  };
}

function eventTelling({ message }: TailEvent): Telling {
  const { id, site, device, score, startTime } = message;
  const more = { topic: 'event' as const, type: 'event.new', time: startTime, source: `/${site}/${device}` };
  return { ...more, key: `event-${site}-${id}`, data: message, site, score, class: message.class };
}
