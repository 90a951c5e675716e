// Rollouts in the database: what was ordered, how far each is and how each device fares. One transaction makes one step.
import { UserError } from '../command.ts';
import type { Queries } from './database.ts';
import { overlap, type Reported, type Wish } from './desired.ts';
import { HEARD_VERSION } from './desired-store.ts';
import type { RolloutDefinition } from './rollout-definition.ts';
import { type Course, firstCourse, firstProgress, type Status, type Tally } from './rollout-plan.ts';
import { type Candidate, devicesOf, waveSizes } from './rollout-target.ts';
import type { Facts, Phase, Progress } from './rollout-verdict.ts';

export interface Rollout {
  readonly id: number;
  readonly name: string;
  readonly definition: RolloutDefinition;
  readonly course: Course;
  readonly created: Date;
  readonly createdBy: string;
}

export interface RolloutLine {
  readonly time: Date;
  readonly who: string;
  readonly what: string;
}

/** How many devices of each wave are in each phase. */
export type Counts = readonly Partial<Record<Phase, number>>[];

/** Statuses in which a rollout may still change devices. */
export const OPEN: readonly Status[] = ['awaiting-approval', 'running', 'paused', 'stopped'];

const COLUMNS = 'id::float8 as id, name, definition, course, created, created_by as "createdBy"';
const IS_ONLINE = "coalesce(d.state, '') in ('ready', 'alert')";

/** What rules ask of devices: all that the hub knows. */
export function candidates(queries: Queries): Promise<Candidate[]> {
  return queries.query<Candidate>(
    `select site, device, coalesce(n.tags, '{}') as tags, d.health->'board'->>'model' as board, d.info->'model'->>'name' as model,
       coalesce(d.info->>'version', d.health->>'version') as version
     from device d left join device_note n using (site, device) order by site, device`,
  );
}

/** The devices of each wave, in the order in which they are begun. */
export function wavesOf(definition: RolloutDefinition, known: readonly Candidate[]): string[][] {
  const names = devicesOf(definition.target, known, definition.name);
  let from = 0;
  return waveSizes(definition.waves, names.length).map((size) => {
    from += size;
    return names.slice(from - size, from);
  });
}

/**
 * Stores a new rollout with its devices; nothing is sent before the first step.
 * @throws UserError when the name is taken, nobody fits, or its devices wait in an older rollout of the same things
 */
export async function createRollout(
  queries: Queries,
  definition: RolloutDefinition,
  who: string,
  nowMs: number,
): Promise<Rollout> {
  const waves = wavesOf(definition, await candidates(queries));
  if (waves.flat().length === 0)
    throw new UserError(`No device fits the target of ${definition.name}: nothing to roll out.`);
  const [row] = await queries.query<Rollout>(
    `insert into rollout (name, definition, course, created_by) values ($1, $2, $3, $4) on conflict (name) do nothing returning ${COLUMNS}`,
    [definition.name, JSON.stringify(definition), JSON.stringify(firstCourse(definition, nowMs)), who],
  );
  if (!row) throw new UserError(`There is a rollout ${definition.name} already: give another name.`);
  await takeOver(queries, row, waves.flat(), who);
  await addDevices(
    queries,
    row.id,
    waves.flatMap((names, wave) => names.map((name) => firstProgress(name, wave))),
    0,
  );
  await log(queries, row.id, who, [`created for ${waves.flat().length} devices in ${waves.length} waves`]);
  return row;
}

/** A device is changed by one rollout at a time, as far as they change the same things. */
async function takeOver(
  queries: Queries,
  { id, definition }: Rollout,
  names: readonly string[],
  who: string,
): Promise<void> {
  for (const older of await openRollouts(queries)) {
    if (older.id === id || !overlap(older.definition.change, definition.change)) continue;
    const shared = await queries.query<{ name: string }>(
      `select site || '/' || device as name from rollout_device where rollout = $1 and site || '/' || device = any($2)
         and phase in ('pending', 'sent', 'working', 'proving', 'silent')`,
      [older.id, names],
    );
    if (shared.length === 0) continue;
    if (!definition.supersede) {
      throw new UserError(
        `${shared.length} devices (${shared[0]!.name} ...) still wait in rollout ${older.name}, which changes the same: abort that one, or set supersede.`,
      );
    }
    await queries.query(
      `update rollout_device set phase = 'out', progress = jsonb_set(jsonb_set(progress, '{phase}', '"out"'), '{reason}', to_jsonb($3::text))
       where rollout = $1 and site || '/' || device = any($2)`,
      [older.id, shared.map(({ name }) => name), `superseded by ${definition.name}`],
    );
    await log(queries, older.id, who, [`${shared.length} devices superseded by ${definition.name}`]);
  }
}

async function addDevices(
  queries: Queries,
  rollout: number,
  devices: readonly Progress[],
  from: number,
): Promise<void> {
  await queries.query(
    `insert into rollout_device (rollout, site, device, position, wave, phase, progress)
     select $1::int8, split_part(name, '/', 1), split_part(name, '/', 2), $2::int + position - 1, wave, 'pending', progress
     from unnest($3::text[], $4::int[], $5::jsonb[]) with ordinality as t (name, wave, progress, position) on conflict do nothing`,
    [
      rollout,
      from,
      devices.map(({ name }) => name),
      devices.map(({ wave }) => wave),
      devices.map((device) => JSON.stringify(device)),
    ],
  );
}

/** Devices that fit a rule only now join its last wave. @returns how many */
export async function joinLate(queries: Queries, { id, definition }: Rollout): Promise<number> {
  const { target, waves, name } = definition;
  if (!('rule' in target && target.follow)) return 0;
  const known = await queries.query<{ name: string }>(
    "select site || '/' || device as name from rollout_device where rollout = $1",
    [id],
  );
  const inIt = new Set(known.map((row) => row.name));
  const late = devicesOf(target, await candidates(queries), name).filter((each) => !inIt.has(each));
  if (late.length > 0) {
    await addDevices(
      queries,
      id,
      late.map((each) => firstProgress(each, waves.length - 1)),
      inIt.size,
    );
    await log(queries, id, 'hub', [`${late.length} devices fit the rule now and join the last wave`]);
  }
  return late.length;
}

export function openRollouts(queries: Queries): Promise<Rollout[]> {
  return queries.query<Rollout>(`select ${COLUMNS} from rollout where course->>'status' = any($1) order by id`, [OPEN]);
}

/** Newest first. */
export function listRollouts(queries: Queries): Promise<Rollout[]> {
  return queries.query<Rollout>(`select ${COLUMNS} from rollout order by id desc`);
}

/** @param which its number or name. @param hold locks it until the transaction ends. @throws UserError when there is none */
export async function findRollout(queries: Queries, which: number | string, hold = false): Promise<Rollout> {
  const [row] = await queries.query<Rollout>(
    `select ${COLUMNS} from rollout where name = $1 or id::text = $1 order by name = $1 desc limit 1 ${hold ? 'for update' : ''}`,
    [String(which)],
  );
  if (row) return row;
  throw new UserError(`There is no rollout ${which}: "earshot fleet rollout list" shows those there are.`);
}

export async function saveCourse(queries: Queries, id: number, course: Course): Promise<void> {
  await queries.query('update rollout set course = $2 where id = $1', [id, JSON.stringify(course)]);
}

export async function log(queries: Queries, id: number, who: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await queries.query('insert into rollout_log (rollout, who, what) select $1::int8, $2::text, unnest($3::text[])', [
    id,
    who,
    lines,
  ]);
}

/** Newest first. */
export function readLog(queries: Queries, id: number, limit: number): Promise<RolloutLine[]> {
  return queries.query<RolloutLine>(
    'select time, who, what from rollout_log where rollout = $1 order by id desc limit $2',
    [id, limit],
  );
}

/** Devices with their progress, in the order in which they are begun. */
export async function readProgress(
  queries: Queries,
  id: number,
  phases?: readonly Phase[],
  limit = 1_000_000,
): Promise<Progress[]> {
  const rows = await queries.query<{ progress: Progress }>(
    `select progress from rollout_device where rollout = $1 and ($2::text[] is null or phase = any($2)) order by position limit $3`,
    [id, phases ?? null, limit],
  );
  return rows.map(({ progress }) => progress);
}

export async function saveProgress(queries: Queries, id: number, devices: readonly Progress[]): Promise<void> {
  if (devices.length === 0) return;
  await queries.query(
    `update rollout_device as r set phase = t.phase, sent_ms = t.sent, progress = t.progress
     from unnest($2::text[], $3::text[], $4::float8[], $5::jsonb[]) as t (name, phase, sent, progress)
     where rollout = $1 and r.site = split_part(t.name, '/', 1) and r.device = split_part(t.name, '/', 2)`,
    [
      id,
      ...[devices.map(({ name }) => name), devices.map(({ phase }) => phase), devices.map(({ sentMs }) => sentMs)],
      devices.map((device) => JSON.stringify(device)),
    ],
  );
}

/** What was wished of a device before this rollout touched it; null: it was not touched. */
export async function readBefore(queries: Queries, id: number, site: string, device: string): Promise<Wish | null> {
  const [row] = await queries.query<{ before: Wish | null }>(
    'select before from rollout_device where rollout = $1 and site = $2 and device = $3',
    [id, site, device],
  );
  return row?.before ?? null;
}

export async function saveBefore(
  queries: Queries,
  id: number,
  site: string,
  device: string,
  before: Wish | null,
): Promise<void> {
  await queries.query('update rollout_device set before = $4 where rollout = $1 and site = $2 and device = $3', [
    ...[id, site, device, before && JSON.stringify(before)],
  ]);
}

/** How many devices of each wave are in each phase. */
export async function readCounts(queries: Queries, { id, definition }: Rollout): Promise<Counts> {
  const rows = await queries.query<{ wave: number; phase: Phase; n: number }>(
    'select wave, phase, count(*)::int as n from rollout_device where rollout = $1 group by wave, phase',
    [id],
  );
  return definition.waves.map((_, wave) =>
    Object.fromEntries(rows.filter((row) => row.wave === wave).map(({ phase, n }) => [phase, n])),
  );
}

interface Seen {
  readonly progress: Progress;
  readonly state: string | null;
  readonly healthAgeMs: number | null;
  readonly faults: { code: string }[] | null;
  readonly reported: Reported | null;
  readonly desiredVersion: number;
  readonly zone: string | null;
}

/** What a step looks at: devices under way, and online ones that could begin; all others are counted. */
export async function readLook(queries: Queries, { id, definition, course }: Rollout, nowMs: number) {
  const rows = await queries.query<Seen>(
    `with chosen as (
       select * from rollout_device where rollout = $1 and phase in ('sent', 'working', 'proving', 'silent')
       union all
       (select r.* from rollout_device r join device d using (site, device)
        where rollout = $1 and phase = 'pending' and wave <= $2 and ${IS_ONLINE} order by wave, position limit $3))
     select r.progress, d.state, extract(epoch from clock_timestamp() - d.health_received)::float8 * 1000 as "healthAgeMs",
       d.health->'faults' as faults, d.reported, n.zone,
       greatest(coalesce(w.version, 0), coalesce(${HEARD_VERSION}, 0))::float8 as "desiredVersion"
     from chosen r left join device d using (site, device) left join desired w using (site, device)
       left join device_note n using (site, device)
     order by r.position`,
    [id, course.wave, LOOKED_AT],
  );
  const counted = await queries.query<Tally & { wave: number; begun: number }>(
    `select wave, count(*) filter (where phase = 'done')::int as done, count(*) filter (where phase = 'failed')::int as failed,
       count(*) filter (where phase = 'pending' and ${IS_ONLINE})::int as "pendingOnline",
       count(*) filter (where phase = 'pending' and not ${IS_ONLINE})::int as "pendingOffline",
       count(*) filter (where sent_ms > $2)::int as begun
     from rollout_device r left join device d using (site, device) where rollout = $1 group by wave`,
    [id, nowMs - 60_000],
  );
  const devices = rows.map(({ progress }) => progress);
  const elsewhere = definition.waves.map((_, wave) => {
    const none = { done: 0, failed: 0, pendingOnline: 0, pendingOffline: 0 };
    const tally = counted.find((each) => each.wave === wave) ?? none;
    const looked = devices.filter((device) => device.phase === 'pending' && device.wave === wave).length;
    return { ...tally, pendingOnline: tally.pendingOnline - looked };
  });
  const facts = new Map(rows.map((row) => [row.progress.name, factsOf(row, nowMs)]));
  return { devices, facts, elsewhere, begunLastMinute: counted.reduce((sum, { begun }) => sum + begun, 0) };
}

/** Pending devices looked at in one step: more than any step begins. */
const LOOKED_AT = 10_000;

function factsOf({ state, healthAgeMs, faults, reported, desiredVersion, zone }: Seen, nowMs: number): Facts {
  return {
    ...{ state, reported, desiredVersion, zone },
    healthMs: healthAgeMs === null ? null : nowMs - healthAgeMs,
    faults: (faults ?? []).map(({ code }) => code),
  };
}
