// Wishes in the database: one row per device with a version that only rises, and what of it the broker has taken.
import type { ConfigReportedMessage } from '../../runtime/uplink/topics.ts';
import { UserError } from '../command.ts';
import type { Database, Queries } from './database.ts';
import { type Change, changed, checkSettings, NO_WISH, same, type Wish } from './desired.ts';

export interface DeviceKey {
  readonly site: string;
  readonly device: string;
}

export interface DesiredRow extends DeviceKey, Wish {
  /** 0: nothing was ever wished. */
  readonly version: number;
  /** The newest version that the broker holds. */
  readonly published: number;
  readonly changed: Date | null;
  readonly changedBy: string | null;
}

/** A wish beside what the device says, for people. */
export interface DesiredView extends DesiredRow {
  readonly reported: ConfigReportedMessage | null;
  readonly reportedTime: Date | null;
  readonly tags: readonly string[];
  readonly zone: string | null;
}

/** Somebody else was faster. */
export class ConflictError extends UserError {
  readonly version: number;

  constructor({ site, device }: DeviceKey, version: number, expected: number) {
    super(
      `The wishes of ${site}/${device} are version ${version}, not ${expected}: somebody changed them. Look at them and try again.`,
    );
    this.version = version;
  }
}

const COLUMNS = `version::float8 as version, published::float8 as published, settings, release, changed, changed_by as "changedBy"`;

/** @throws UserError when the hub never heard of the device */
export async function readDesired(queries: Queries, { site, device }: DeviceKey): Promise<DesiredView> {
  const [row] = await readAllDesired(queries, [{ site, device }]);
  if (row) return row;
  throw new UserError(
    `The hub knows no device ${site}/${device}: it has never been heard, and nothing is wished of it.`,
  );
}

/** Of the devices named, or of all; those of which nothing is known are left out. In the order of names. */
export async function readAllDesired(queries: Queries, devices?: readonly DeviceKey[]): Promise<DesiredView[]> {
  const rows = await queries.query<DesiredView & { settings: unknown }>(
    `select k.site, k.device, coalesce(w.version, 0)::float8 as version, coalesce(w.published, 0)::float8 as published,
       coalesce(w.settings, '{}'::jsonb) as settings, w.release, w.changed, w.changed_by as "changedBy",
       d.reported, d.reported_time as "reportedTime", coalesce(n.tags, '{}') as tags, n.zone
     from (select site, device from device union select site, device from desired) as k
       left join desired w using (site, device) left join device d using (site, device) left join device_note n using (site, device)
     where $1::text[] is null or (k.site, k.device) in (select * from unnest($1::text[], $2::text[]))
     order by k.site, k.device`,
    devices ? [devices.map(({ site }) => site), devices.map(({ device }) => device)] : [null, null],
  );
  return rows;
}

/**
 * Changes what is wished of a device; a change that changes nothing keeps the version.
 * @param expectedVersion the version that whoever changes it has seen; undefined: whatever it is
 * @throws ConflictError when it is another; UserError when the settings break a rule
 */
export function changeDesired(
  database: Database,
  key: DeviceKey,
  change: Change,
  { expectedVersion, who }: { expectedVersion?: number; who: string },
): Promise<DesiredRow> {
  checkSettings(change.settings ?? {});
  return database.transaction(async (queries) => {
    const row = await lockDesired(queries, key);
    if (expectedVersion !== undefined && row.version !== expectedVersion) {
      throw new ConflictError(key, row.version, expectedVersion);
    }
    const wish = changed(row, change);
    // Settings that were right alone may not be so together.
    checkSettings(wish.settings);
    if (same(wish, { settings: row.settings, release: row.release })) return row;
    return writeDesired(queries, key, wish, who);
  });
}

/** The row of a device, made when there is none, held until the transaction ends. */
export async function lockDesired(queries: Queries, { site, device }: DeviceKey): Promise<DesiredRow> {
  await queries.query(
    `insert into desired (site, device, version, settings, changed_by) values ($1, $2, 0, $3, '') on conflict do nothing`,
    [site, device, JSON.stringify(NO_WISH.settings)],
  );
  const [row] = await queries.query<DesiredRow>(
    `select site, device, ${COLUMNS} from desired where site = $1 and device = $2 for update`,
    [site, device],
  );
  return row!;
}

/**
 * Writes a wish as the next version, after lockDesired(). Versions that the device has heard of from elsewhere (a broker that outlived
 * the hub's database) are passed over, since it refuses older ones.
 */
export async function writeDesired(
  queries: Queries,
  { site, device }: DeviceKey,
  wish: Wish,
  who: string,
): Promise<DesiredRow> {
  const [row] = await queries.query<DesiredRow>(
    `update desired as w set settings = $3, release = $4, changed = now(), changed_by = $5,
       version = greatest(w.version, coalesce((select ${HEARD_VERSION} from device d where d.site = $1 and d.device = $2), 0)) + 1
     where site = $1 and device = $2 returning site, device, ${COLUMNS}`,
    [site, device, JSON.stringify(wish.settings), wish.release && JSON.stringify(wish.release), who],
  );
  return row!;
}

/** The newest version that a device has spoken of; of the table device as d. */
export const HEARD_VERSION = "greatest((d.reported->>'version')::int8, (d.reported->>'desiredVersion')::int8)";

/** Wishes that the broker does not hold yet. */
export function unpublished(queries: Queries, limit: number): Promise<DesiredRow[]> {
  return queries.query<DesiredRow>(
    `select site, device, ${COLUMNS} from desired where published < version order by changed limit $1`,
    [limit],
  );
}

/** The broker has taken these versions. */
export async function notePublished(
  queries: Queries,
  rows: readonly Pick<DesiredRow, 'site' | 'device' | 'version'>[],
): Promise<void> {
  await queries.query(
    `update desired as w set published = t.version from unnest($1::text[], $2::text[], $3::int8[]) as t (site, device, version)
     where w.site = t.site and w.device = t.device and w.published < t.version`,
    [rows.map(({ site }) => site), rows.map(({ device }) => device), rows.map(({ version }) => version)],
  );
}

/**
 * Compares with what the broker holds: wishes it has lost, or holds in an older version, are published again.
 * @param held version by site/device
 * @returns how many
 */
export async function noteHeld(queries: Queries, held: ReadonlyMap<string, number>): Promise<number> {
  const names = [...held.keys()];
  const rows = await queries.query(
    `update desired as w set published = 0 from desired as v
       left join unnest($1::text[], $2::int8[]) as h (name, version) on h.name = v.site || '/' || v.device
     where w.site = v.site and w.device = v.device and v.published > 0 and coalesce(h.version, 0) < v.published returning 1`,
    [names, names.map((name) => held.get(name))],
  );
  return rows.length;
}

/** What people note of devices: tags for rules, and the zone of their clock on the wall. */
export interface Note {
  readonly addTags: readonly string[];
  readonly removeTags: readonly string[];
  /** undefined: stays. */
  readonly zone?: string | null;
}

export async function noteDevice(
  queries: Queries,
  { site, device }: DeviceKey,
  { addTags, removeTags, zone }: Note,
): Promise<void> {
  await queries.query(
    `insert into device_note as n (site, device, tags, zone)
       values ($1, $2, array(select distinct t from unnest($3::text[]) t where t <> all($4::text[]) order by t), $5)
     on conflict (site, device) do update set zone = case when $6 then $5 else n.zone end,
       tags = array(select distinct t from unnest(n.tags || $3::text[]) t where t <> all($4::text[]) order by t)`,
    [site, device, addTags, removeTags, zone ?? null, zone !== undefined],
  );
}
