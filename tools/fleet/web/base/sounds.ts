// One sound is told several times: when it begins, while it goes on, when it ends. Here it is one row: its newest message.
import type { EventAnswer } from './answers.ts';

/** In the order of the first message of each; the messages may come in any order. */
export function soundsOf(events: readonly EventAnswer[]): EventAnswer[] {
  const sounds = new Map<string, EventAnswer>();
  for (const event of events) {
    const key = `${event.site}/${event.device}/${event.bootId}/${event.track}`;
    const kept = sounds.get(key);
    if (!kept || kept.seq < event.seq) sounds.set(key, event);
  }
  return [...sounds.values()];
}
