// The event that the hub's tests tell: a siren, heard at one moment by a device of the yard.
import type { EventMessage } from '../../../runtime/uplink/topics.ts';

/** When every siren sounds. */
export const SIREN_TIME = '2026-11-23T10:00:00.000Z';

/** @param device whose id is in the message's id too */
export function siren(seq: number, more: Partial<EventMessage> = {}): EventMessage {
  const { device = 'north', bootId = 'b1' } = more;
  const time = SIREN_TIME;
  return {
    ...{ schema: 'seld/event/1', site: 'yard', device, bootId, id: `${device}/${bootId}/${seq}`, seq, track: seq },
    ...{ phase: 'end', class: 'siren', score: 0.75, frame: 'microphone', azimuth: 12.5, elevation: -3 },
    ...{ direction: [1, 0, 0], spreadDegrees: 2, bearingDegrees: null, headingDegrees: null, position: null },
    ...{ startSeconds: 1, endSeconds: 2, startTime: time, endTime: time, sentTime: time },
    clock: { source: 'system', synced: null, offsetMs: null },
    ...more,
  };
}
