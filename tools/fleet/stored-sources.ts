// Sources located from the events in the database: per site, and in parts of time that cannot share a source.
import { setImmediate as breathe } from 'node:timers/promises';
import type { EventMessage } from '../../runtime/uplink/topics.ts';
import type { Queries } from './database.ts';
import { DEFAULT_SIGMAS, isPlaced, onMap, type PlacedEvent } from './heard-events.ts';
import type { Source } from './http/contract.ts';
import { LocalPlane } from './local-plane.ts';
import { DEFAULT_SOURCE_OPTIONS, type LocatedSource, locateSources, SPEED_OF_SOUND } from './sources.ts';

export interface SourceRange {
  readonly from: Date;
  readonly to: Date;
  readonly site?: string;
  readonly class?: string;
}

/** Sounds looked at, and of one stretch of time: the work grows with the square of it. */
const MOST_EVENTS = 5000;
const MOST_TOGETHER = 200;
/** Onsets further apart cannot be of one sound: the travel over the largest range, and the tolerance. */
const APART_MS =
  (1000 * DEFAULT_SOURCE_OPTIONS.maximumRangeMetres) / SPEED_OF_SOUND + DEFAULT_SOURCE_OPTIONS.onsetToleranceMs;

/** By the last word of each track, which knows the direction best. @throws DatabaseError */
export async function locateStored(
  queries: Queries,
  { from, to, site, class: label }: SourceRange,
): Promise<{ sources: Source[]; isCut: boolean }> {
  const rows = await queries.query<{ message: EventMessage }>(
    `select message from (
       select distinct on (site, device, boot_id, track) start_time, message from event
       where start_time >= $1 and start_time < $2 and bearing is not null and latitude is not null
         and ($3::text is null or site = $3) and ($4::text is null or class = $4)
       order by site, device, boot_id, track, seq desc) as last
     order by start_time desc limit $5`,
    [from, to, site ?? null, label ?? null, MOST_EVENTS + 1],
  );
  const events = rows.slice(0, MOST_EVENTS).map(({ message }) => message);
  let isCut = rows.length > MOST_EVENTS;
  const sources: Source[] = [];
  for (const group of stretches(events.filter(isPlaced))) {
    if (group.length > MOST_TOGETHER) isCut = true;
    const plane = new LocalPlane(group[0]!.position);
    const heard = group.slice(0, MOST_TOGETHER).map((event) => {
      const name = `${event.site}/${event.device}`;
      return { ...onMap(event, plane, DEFAULT_SIGMAS), id: `${name}/${event.bootId}/${event.seq}`, device: name };
    });
    sources.push(...locateSources(heard).map((source) => described(source, plane)));
    await breathe(); // others want to be answered meanwhile
  }
  return { sources: sources.sort((a, b) => Date.parse(a.startTime) - Date.parse(b.startTime)), isCut };
}

/** Events of one site and class whose onsets follow each other closely. */
function stretches(events: readonly PlacedEvent[]): PlacedEvent[][] {
  const groups = new Map<string, PlacedEvent[]>();
  for (const event of events) {
    const key = `${event.site} ${event.class}`;
    const group = groups.get(key) ?? [];
    group.push(event);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap((group) => {
    const inOrder = group.sort((a, b) => Date.parse(a.startTime) - Date.parse(b.startTime));
    const parts: PlacedEvent[][] = [];
    for (const event of inOrder) {
      const last = parts.at(-1)?.at(-1);
      const isFar = !last || Date.parse(event.startTime) - Date.parse(last.startTime) > APART_MS;
      if (isFar) parts.push([event]);
      else parts.at(-1)!.push(event);
    }
    return parts;
  });
}

function described({ label, fix, onsetMs, endMs, heard, isAmbiguous }: LocatedSource, plane: LocalPlane): Source {
  const { latitude, longitude } = plane.toPlace(fix);
  const { semiMajorMetres, semiMinorMetres, axisBearingDegrees } = fix.ellipse;
  return {
    ...{ label, latitude, longitude, ellipse: { semiMajorMetres, semiMinorMetres, axisBearingDegrees } },
    ...{ startTime: new Date(onsetMs).toISOString(), endTime: new Date(Math.max(onsetMs, endMs)).toISOString() },
    ...{ devices: heard.map(({ device }) => device).sort(), isAmbiguous },
  };
}
