// Bearings of the last seconds: from the stream's events, fading after the sound has ended.
import { useEffect, useState } from 'preact/hooks';
import type { EventMessage } from '../base/answers.ts';
import type { HubStream } from '../base/stream.ts';

/** Milliseconds over which a bearing fades. */
const FADE_MS = 8000;
/** An event of which no end comes is over after this. */
const SILENT_MS = 5000;
const TICK_MS = 250;
const MOST_RAYS = 300;

export interface LiveBearing {
  readonly key: string;
  readonly event: EventMessage & { readonly bearingDegrees: number };
  readonly strength: number;
}

interface Kept {
  readonly event: EventMessage & { readonly bearingDegrees: number };
  readonly heardMs: number;
  readonly isOver: boolean;
}

export function useLiveBearings(stream: HubStream): readonly LiveBearing[] {
  const [bearings, setBearings] = useState<readonly LiveBearing[]>([]);
  useEffect(() => {
    const kept = new Map<string, Kept>();
    const stop = stream.on('event', (data) => {
      const event = data as EventMessage;
      // What was stored late is history, not what sounds now.
      if (event.bearingDegrees === null || Date.now() - Date.parse(event.endTime) > 2 * FADE_MS) return;
      const key = `${event.site}/${event.device}/${event.bootId}/${event.track}`;
      const isOver = event.phase === 'end';
      kept.delete(key);
      kept.set(key, { event: event as Kept['event'], heardMs: performance.now(), isOver });
      if (kept.size > MOST_RAYS) kept.delete(kept.keys().next().value!);
    });
    const timer = setInterval(() => {
      const now = performance.now();
      const shown: LiveBearing[] = [];
      for (const [key, { event, heardMs, isOver }] of kept) {
        const strength = 1 - Math.max(0, now - heardMs - (isOver ? 0 : SILENT_MS)) / FADE_MS;
        if (strength <= 0) kept.delete(key);
        else shown.push({ key, event, strength });
      }
      setBearings((before) => (before.length === 0 && shown.length === 0 ? before : shown));
    }, TICK_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [stream]);
  return bearings;
}
