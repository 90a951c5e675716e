// Which devices heard the same source: events of one class whose bearings cross and whose sound can have travelled in time.
import type { MapPoint } from './local-plane.ts';
import { type Bearing, type Fix, misfit, triangulate } from './triangulate.ts';

/** One event of one device, placed on the map. */
export interface HeardEvent extends Bearing {
  readonly id: string;
  readonly device: string;
  readonly label: string;
  /** Unix time of the onset at the device, milliseconds. */
  readonly onsetMs: number;
  readonly endMs: number;
}

export interface SourceOptions {
  /** Onsets differ by the travel of the sound and by up to this much more: frames, onset rules, clocks. */
  readonly onsetToleranceMs: number;
  /** A source further from any device that hears it is taken for a chance crossing. */
  readonly maximumRangeMetres: number;
  /** A fix whose 95 % ellipse is longer says too little to be told. */
  readonly maximumSemiMajorMetres: number;
}

export const DEFAULT_SOURCE_OPTIONS: SourceOptions = {
  onsetToleranceMs: 500,
  maximumRangeMetres: 1000,
  maximumSemiMajorMetres: 250,
};

/** A sound that two or more devices placed together. */
export interface LocatedSource {
  readonly label: string;
  readonly fix: Fix;
  /** Unix time in milliseconds when it began at its own place. */
  readonly onsetMs: number;
  readonly endMs: number;
  readonly heard: readonly HeardEvent[];
  /** Another group of as many devices claims one of the same events: with two devices and two sources, crossings mislead. */
  readonly isAmbiguous: boolean;
}

/** Metres per second in dry air at 20 °C (ISO 9613-1). */
export const SPEED_OF_SOUND = 343.2;
/** A bearing further off than this many standard deviations heard something else. */
const MISFIT_LIMIT = 3;
/** 99 % quantile of the normal distribution, for the test of a whole group. */
const Z_99 = 2.326;

/**
 * Groups events into sources, the group of most devices first; each event belongs to one source at most. Events that cross with
 * nobody's are left out.
 * @param events of any classes and devices; their bearings are of the same flat map
 */
export function locateSources(events: readonly HeardEvent[], options = DEFAULT_SOURCE_OPTIONS): LocatedSource[] {
  return [...grouped(events).values()]
    .flatMap((same) => sourcesOfClass(same, options))
    .sort((a, b) => a.onsetMs - b.onsetMs);
}

interface Group {
  readonly heard: readonly HeardEvent[];
  readonly fix: Fix;
}

function grouped(events: readonly HeardEvent[]): Map<string, HeardEvent[]> {
  const groups = new Map<string, HeardEvent[]>();
  for (const event of events) groups.set(event.label, [...(groups.get(event.label) ?? []), event]);
  return groups;
}

function sourcesOfClass(events: readonly HeardEvent[], options: SourceOptions): LocatedSource[] {
  const groups = hypotheses(events, options).sort(
    (a, b) => b.heard.length - a.heard.length || a.fix.chiSquare - b.fix.chiSquare,
  );
  const taken = new Set<string>();
  const sources: LocatedSource[] = [];
  for (const group of groups) {
    if (group.heard.some(({ id }) => taken.has(id))) continue;
    for (const { id } of group.heard) taken.add(id);
    sources.push(sourceOf(group, groups));
  }
  return sources;
}

/** Each pair of devices whose bearings cross, with the others that agree; the same group is kept once. */
function hypotheses(events: readonly HeardEvent[], options: SourceOptions): Group[] {
  const groups = new Map<string, Group>();
  for (const [i, first] of events.entries()) {
    for (const second of events.slice(i + 1)) {
      if (first.device === second.device) continue;
      const pair = groupOf([first, second], options);
      if (!pair) continue;
      const group = grown(pair, events, options);
      const key = group.heard
        .map(({ id }) => id)
        .sort()
        .join(' ');
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** A pair with the best-fitting event of every other device, added one by one while the whole still agrees. */
function grown(pair: Group, events: readonly HeardEvent[], options: SourceOptions): Group {
  const others = events
    .filter((event) => !pair.heard.some(({ device }) => device === event.device))
    .map((event) => ({ event, misfit: misfit(event, pair.fix) }))
    .sort((a, b) => a.misfit - b.misfit);
  let group = pair;
  for (const { event } of others) {
    if (group.heard.some(({ device }) => device === event.device)) continue;
    if (misfit(event, group.fix) > misfitLimit(event, group.fix)) continue;
    group = groupOf([...group.heard, event], options) ?? group;
  }
  return group;
}

/** A far crossing is unsure itself: the limit grows by the angle under which the device sees the ellipse. */
function misfitLimit(event: HeardEvent, fix: Fix): number {
  const seen = (fix.ellipse.semiMajorMetres / Math.max(1, range(event, fix))) * (180 / Math.PI);
  return MISFIT_LIMIT + seen / event.sigmaDegrees;
}

/** The group's fix; undefined when its bearings do not cross, it is too far or too vague, or the times or angles do not agree. */
function groupOf(heard: readonly HeardEvent[], options: SourceOptions): Group | undefined {
  const fix = triangulate(heard);
  if (!fix || fix.ellipse.semiMajorMetres > options.maximumSemiMajorMetres) return undefined;
  if (heard.some((event) => range(event, fix) > options.maximumRangeMetres)) return undefined;
  const onsets = heard.map((event) => emitted(event.onsetMs, event, fix));
  if (Math.max(...onsets) - Math.min(...onsets) > options.onsetToleranceMs) return undefined;
  if (fix.chiSquare > chiSquareLimit(heard.length - 2)) return undefined;
  return { heard, fix };
}

/** 99 % quantile of chi-square after Wilson and Hilferty (1931), within 1 % for one degree of freedom and more; two bearings always agree. */
function chiSquareLimit(degreesOfFreedom: number): number {
  if (degreesOfFreedom === 0) return Number.POSITIVE_INFINITY;
  const k = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - k + Z_99 * Math.sqrt(k)) ** 3;
}

function sourceOf(group: Group, groups: readonly Group[]): LocatedSource {
  const { heard, fix } = group;
  const rivals = groups.filter((other) => other !== group && other.heard.length === heard.length);
  return {
    ...{ label: heard[0]!.label, fix, heard },
    onsetMs: mean(heard.map((event) => emitted(event.onsetMs, event, fix))),
    endMs: Math.max(...heard.map((event) => emitted(event.endMs, event, fix))),
    isAmbiguous: rivals.some((rival) => rival.heard.some(({ id }) => heard.some((event) => event.id === id))),
  };
}

/** When a sound left the source that a device heard at a moment. */
function emitted(heardMs: number, device: MapPoint, source: MapPoint): number {
  return heardMs - (1000 * range(device, source)) / SPEED_OF_SOUND;
}

function range(a: MapPoint, b: MapPoint): number {
  return Math.hypot(a.east - b.east, a.north - b.north);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
