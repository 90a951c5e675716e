// The sounds that came back over MQTT, with how late they were; shown in the table or printed as JSON.
import type { EventMessage } from '../runtime/uplink/topics.ts';
import { printJson } from './command.ts';
import type { LiveTable } from './live-table.ts';
import type { SceneEvent } from './scene-csv.ts';

/** Collects the messages of a run. Without a table each sound is printed as JSON when it has ended. */
export class Heard {
  readonly events: SceneEvent[] = [];
  readonly delaysMs: number[] = [];
  readonly #known = new Set<string>();
  readonly #delayOf = new Map<number, number>();
  readonly #labels: readonly string[];
  readonly #paced: boolean;
  readonly #table: LiveTable | undefined;

  constructor(labels: readonly string[], paced: boolean, table: LiveTable | undefined) {
    this.#labels = labels;
    this.#paced = paced;
    this.#table = table;
  }

  /** Takes a message once, however often it comes. */
  add(message: EventMessage): void {
    const { phase, track, id } = message;
    if (this.#known.has(id)) return;
    this.#known.add(id);
    if (phase === 'new' && this.#paced) {
      const delayMs = Date.now() - Date.parse(message.startTime);
      this.delaysMs.push(delayMs);
      this.#delayOf.set(track, delayMs);
    }
    this.#table?.add(message, this.#delayOf.get(track));
    if (phase === 'end') this.#end(message);
  }

  #end({ class: label, azimuth, elevation, score, startSeconds, endSeconds, track }: EventMessage): void {
    this.events.push({
      ...{ label, classIndex: this.#labels.indexOf(label) },
      ...{ startSeconds, endSeconds, azimuth, elevation },
    });
    if (this.#table) return;
    const delayMs = this.#delayOf.get(track);
    printJson({
      ...{ type: 'event', track, class: label, azimuth: round(azimuth), elevation: round(elevation) },
      ...{ score: Number(score.toFixed(4)), start: startSeconds, end: endSeconds },
      delaySeconds: delayMs === undefined ? null : delayMs / 1000,
    });
  }
}

function round(degrees: number): number {
  return Number(degrees.toFixed(2)) + 0;
}
