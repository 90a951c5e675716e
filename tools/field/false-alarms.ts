// How often something is heard that was not there: per hour, on recordings without labelled sounds and on those with them.
import type { SceneEvent } from '../scene-csv.ts';
import { matchSounds } from './matching.ts';

export interface FalseAlarms {
  readonly hours: number;
  readonly alarms: number;
  /** null without any sound to hear. */
  readonly perHour: number | null;
  readonly perClass: Readonly<Record<string, number>>;
}

export interface HeardScene {
  readonly seconds: number;
  readonly events: readonly SceneEvent[];
  /** What sounded; empty where it is known that nothing of the classes did. */
  readonly reference: readonly SceneEvent[];
}

/** Events without a sound of their class at their time. */
export function falseAlarms(scenes: readonly HeardScene[], labels: readonly string[]): FalseAlarms {
  const alarms = scenes.flatMap(({ events, reference }) => strayEvents(events, reference));
  const hours = scenes.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const perHour = (count: number) => (hours > 0 ? count / hours : 0);
  return {
    ...{ hours, alarms: alarms.length, perHour: hours > 0 ? alarms.length / hours : null },
    perClass: Object.fromEntries(
      labels.map((label) => [label, perHour(alarms.filter((event) => event.label === label).length)]),
    ),
  };
}

/** A sound heard in two pieces is no false alarm: each piece that falls into a sound of its class is that sound. */
function strayEvents(events: readonly SceneEvent[], reference: readonly SceneEvent[]): readonly SceneEvent[] {
  const { onlyA } = matchSounds(events, reference);
  return onlyA.filter((event) => matchSounds([event], reference).pairs.length === 0);
}
