// A small fleet in a database for tests: three devices, one of which says hostile words, events, a gap and a quarantine.
import type { EventMessage, HealthMessage, InfoMessage, StateMessage } from '../../../runtime/uplink/topics.ts';
import type { Database } from '../../../tools/fleet/database.ts';
import { keepDeviceMessages, noteSeen } from '../../../tools/fleet/device-store.ts';
import { storeEvents } from '../../../tools/fleet/event-store.ts';
import { quarantine } from '../../../tools/fleet/quarantine.ts';

const time = '2026-11-23T10:00:00.000Z';
/** Sets the terminal's title where a terminal obeys it. */
export const HOSTILE = '\x1b]0;owned\x07';

export function fleetEvent(site: string, device: string, seq: number, more: Partial<EventMessage> = {}): EventMessage {
  const startTime = new Date(Date.parse(time) + 1000 * seq).toISOString();
  return {
    ...{ schema: 'seld/event/1', site, device, bootId: 'b1', id: `${device}/b1/${seq}`, seq, track: seq, phase: 'end' },
    ...{ class: seq % 2 ? 'siren' : 'door', score: 0.5, frame: 'microphone', azimuth: 12.5, elevation: -3 },
    ...{ direction: [1, 0, 0], spreadDegrees: 2, bearingDegrees: null, headingDegrees: null, position: null },
    ...{ startSeconds: seq, endSeconds: seq + 1.5, startTime, endTime: startTime, sentTime: startTime },
    clock: { source: 'system', synced: null, offsetMs: null },
    ...more,
  };
}

export function fleetInfo(site: string, device: string, model = 'office-foa'): InfoMessage {
  return {
    ...{ schema: 'seld/info/1', site, device, bootId: 'b1', version: '0.1.0', backend: 'cuda', time },
    model: { name: model, sha256: 'ab', labels: ['siren', 'door'] },
    microphone: { format: 'foa', sampleRate: 24_000, channels: 4 },
    ...{ headingDegrees: null, position: null },
  };
}

export function fleetHealth(site: string, device: string, more: Partial<HealthMessage> = {}): HealthMessage {
  return {
    ...{ schema: 'seld/health/1', site, device, bootId: 'b1', uptimeSeconds: 60, streamSeconds: 59 },
    ...{
      levelsDbfs: [-30, -21],
      lostSamples: 0,
      discontinuities: 0,
      stages: { features: 0.1 },
      memoryBytes: 1e8,
      time,
    },
    inference: { backend: 'cuda', medianMs: 4, p95Ms: 6 },
    outbox: { queued: 4, acknowledged: 9, dropped: 0 },
    ...more,
  };
}

function state(site: string, device: string, word: StateMessage['state']): StateMessage {
  return { schema: 'seld/state/1', site, device, bootId: 'b1', sessionSeq: 1, state: word, version: '0.1.0', time };
}

/** yard/north well but for its microphone, yard/south hostile, gate/east lost and silent; 122 events, 60 sirens in the north. */
export async function fillFleet(database: Database): Promise<void> {
  const fault = { code: 'microphone-lost', message: `unplugged ${HOSTILE}`, since: time, count: 1 };
  await keepDeviceMessages(database, [
    { kind: 'state', message: state('yard', 'north', 'ready') },
    { kind: 'state', message: state('yard', 'south', 'ready') },
    { kind: 'state', message: state('gate', 'east', 'lost') },
    { kind: 'info', message: fleetInfo('yard', 'north') },
    { kind: 'info', message: fleetInfo('yard', 'south', HOSTILE) },
    { kind: 'health', message: fleetHealth('yard', 'north', { celsius: { cpu: 61, gpu: 55 }, faults: [fault] }) },
    { kind: 'health', message: fleetHealth('yard', 'south', { celsius: { cpu: 48 } }) },
  ]);
  const events = Array.from({ length: 120 }, (_, i) => fleetEvent('yard', 'north', i + 1));
  const odd = [1, 3].map((seq) => fleetEvent('yard', 'south', seq, { class: '\u202etah', score: 0.95 }));
  await storeEvents(database, [...events, ...odd]);
  await noteSeen(database, odd);
  const missing = fleetEvent('yard', 'south', 2);
  await quarantine(database, [
    {
      topic: `seld/v1/a/b/event/${HOSTILE}`,
      payload: Uint8Array.of(0xff, 0, 0x1b, 0x5b, 0x32, 0x4a),
      reason: 'no JSON',
    },
    { topic: 'seld/v1/a/b/info', payload: Buffer.from(JSON.stringify({ name: HOSTILE })), reason: `bad ${HOSTILE}` },
    {
      topic: 'seld/v1/yard/south/event/door',
      payload: Buffer.from(JSON.stringify(missing)),
      reason: 'of an older hub',
    },
  ]);
}
