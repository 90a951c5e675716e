// A sound event of the tracker in the words of the wire contract.
import type { SoundEvent } from '../signals.ts';
import type { Clock, EventMessage } from './topics.ts';

const PHASES = { onset: 'new', update: 'update', offset: 'end' } as const;

/** What the device knows and an event does not say itself. */
export interface EventContext {
  readonly site: string;
  readonly device: string;
  readonly bootId: string;
  readonly headingDegrees: number | null;
  readonly position: EventMessage['position'];
  readonly clock: Clock;
  /** Unix time in milliseconds of a moment of the stream, given in seconds since it began. */
  readonly wallTimeMs: (streamSeconds: number) => number;
}

/** @param seq counts the event messages of this boot from 1, without holes */
export function eventMessage(event: SoundEvent, seq: number, context: EventContext): EventMessage {
  const { site, device, bootId, headingDegrees, position, clock, wallTimeMs } = context;
  const { azimuth, elevation, spreadDegrees, score, startSeconds, endSeconds } = event;
  const { source, synced, offsetMs } = clock;
  return {
    ...{ schema: 'seld/event/1', site, device, bootId, id: `${device}/${bootId}/${seq}`, seq },
    ...{ track: event.trackId, phase: PHASES[event.phase], class: event.label, score, frame: 'microphone' },
    ...{ azimuth, elevation, direction: [...event.direction], spreadDegrees },
    ...{ bearingDegrees: bearing(headingDegrees, azimuth), headingDegrees, position },
    ...{ startSeconds, endSeconds, clock: { source, synced, offsetMs }, sentTime: new Date().toISOString() },
    startTime: new Date(wallTimeMs(startSeconds)).toISOString(),
    endTime: new Date(wallTimeMs(endSeconds)).toISOString(),
  };
}

/** Compass bearing, clockwise from north, of an azimuth counter-clockwise from the front. */
function bearing(headingDegrees: number | null, azimuth: number): number | null {
  return headingDegrees === null ? null : (((headingDegrees - azimuth) % 360) + 360) % 360;
}
