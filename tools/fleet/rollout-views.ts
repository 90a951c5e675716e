// Rollouts and wishes as commands, page and programs see them: times as text, everything ready to be shown.
import type { Queries } from './database.ts';
import { drift } from './desired.ts';
import type { DesiredView } from './desired-store.ts';
import type { RolloutDefinition } from './rollout-definition.ts';
import {
  type Counts,
  candidates,
  findRollout,
  listRollouts,
  type Rollout,
  readCounts,
  readLog,
  readProgress,
  wavesOf,
} from './rollout-store.ts';
import type { Phase } from './rollout-verdict.ts';

export async function rolloutSummary(queries: Queries, rollout: Rollout) {
  return summaryOf(rollout, await readCounts(queries, rollout));
}

function summaryOf({ id, name, course, created, createdBy }: Rollout, waves: Counts) {
  const { status, reason, wave } = course;
  return { id, name, status, reason, wave: wave + 1, waves: [...waves], created: created.toISOString(), createdBy };
}

export async function rolloutSummaries(queries: Queries) {
  const rollouts = await listRollouts(queries);
  return Promise.all(rollouts.map((rollout) => rolloutSummary(queries, rollout)));
}

const LOG_LINES = 200;

/** @throws UserError when there is no such rollout */
export async function rolloutDetails(
  queries: Queries,
  which: string | number,
  { phase, limit }: { phase?: Phase; limit: number },
) {
  const rollout = await findRollout(queries, which);
  const devices = limit > 0 ? await readProgress(queries, rollout.id, phase && [phase], limit) : [];
  const lines = await readLog(queries, rollout.id, LOG_LINES);
  return {
    ...(await rolloutSummary(queries, rollout)),
    definition: rollout.definition,
    devices: devices.map(({ name, wave, phase: its, version, sentMs, reason }) => ({
      ...{ name, wave: wave + 1, phase: its, version, reason },
      sent: sentMs === null ? null : new Date(sentMs).toISOString(),
    })),
    log: lines.map(({ time, who, what }) => ({ time: time.toISOString(), who, what })),
  };
}

/** What a rollout would do: nothing is stored. */
export async function rolloutPreview(queries: Queries, definition: RolloutDefinition) {
  const waves = wavesOf(definition, await candidates(queries));
  const states = await queries.query<{ name: string; online: boolean; zone: string | null }>(
    `select site || '/' || device as name, coalesce(state, '') in ('ready', 'alert') as online, zone
     from device left join device_note using (site, device)`,
  );
  const known = new Map(states.map((row) => [row.name, row]));
  const isZoned = definition.window?.zone === 'device';
  return {
    name: definition.name,
    waves: waves.map((devices, i) => ({
      ...{ devices, approval: definition.waves[i]!.approval },
      online: devices.filter((name) => known.get(name)?.online).length,
    })),
    unknown: waves.flat().filter((name) => !known.has(name)),
    withoutZone: isZoned ? waves.flat().filter((name) => !known.get(name)?.zone).length : 0,
  };
}

/** A wish beside what the device is, and where they differ. */
export function desiredView({ changed, reportedTime, ...row }: DesiredView) {
  return {
    ...row,
    tags: [...row.tags],
    changed: row.version === 0 ? null : (changed?.toISOString() ?? null),
    changedBy: row.changedBy || null,
    reportedTime: reportedTime?.toISOString() ?? null,
    drift: drift(row, row.reported),
  };
}
