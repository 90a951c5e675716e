// The wire contract: what is sent can be read, and what breaks the contract is refused on both ends.
import { decode, type EventMessage, encode, filterOf } from '../../../runtime/uplink/topics.ts';

const EVENT: EventMessage = {
  ...{ schema: 'seld/event/1', site: 'mill', device: 'ear-3', bootId: 'c0ffee01', id: 'ear-3/c0ffee01/7', seq: 7 },
  ...{ track: 3, phase: 'new', class: 'keysDrop', score: 0.9, frame: 'microphone', azimuth: 90, elevation: 0 },
  ...{ direction: [0, 1, 0], spreadDegrees: 2, bearingDegrees: null, headingDegrees: null, position: null },
  ...{ startSeconds: 1, endSeconds: 1.2, startTime: '2026-11-22T10:00:00.000Z', endTime: '2026-11-22T10:00:00.200Z' },
  sentTime: '2026-11-22T10:00:01.300Z',
  clock: { source: 'system', synced: null, offsetMs: null },
};

test('an event goes to the topic of its class with QoS 1 and is never retained', () => {
  const { topic, qos, retain, payload } = encode('event', EVENT);
  expect({ topic, qos, retain }).toEqual({ topic: 'seld/v1/mill/ear-3/event/keysDrop', qos: 1, retain: false });
  expect(decode(topic, payload)).toEqual({ kind: 'event', message: EVENT });
});

test('a class whose name has a meaning in topics cannot reach another topic', () => {
  expect(encode('event', { ...EVENT, class: 'dog/#+ bark' }).topic).toBe('seld/v1/mill/ear-3/event/dog----bark');
});

test('a message that breaks the contract is neither sent nor taken', () => {
  expect(() => encode('event', { ...EVENT, azimuth: 181 })).toThrow(/azimuth/);
  expect(() => encode('event', { ...EVENT, site: 'mill/+' })).toThrow(/site/);
  const { topic, payload } = encode('event', EVENT);
  expect(() => decode(topic, payload.replace('"seq":7', '"seq":0'))).toThrow(/event message: seq/);
  expect(() => decode(topic, payload.replace('event/1', 'event/2'))).toThrow(/schema/);
  expect(() => decode(topic, 'no json')).toThrow(/no JSON/);
});

test('a device cannot speak in the name of another', () => {
  const { payload } = encode('event', EVENT);
  expect(() => decode('seld/v1/mill/ear-4/event/keysDrop', payload)).toThrow(/payload names mill\/ear-3/);
});

test('fields that a newer device adds are kept, and topics of others are left alone', () => {
  const { topic, payload } = encode('event', EVENT);
  const newer = payload.replace('{', '{"loudnessDb":71,');
  expect(decode(topic, newer)!.message).toMatchObject({ loudnessDb: 71, class: 'keysDrop' });
  expect(decode('zigbee2mqtt/lamp', '{}')).toBeUndefined();
  expect(decode('seld/v1/mill/ear-3/cmd/reboot', '{}')).toBeUndefined();
});

test('filters address one device or all', () => {
  expect(filterOf('event')).toBe('seld/v1/+/+/event/+');
  expect(filterOf('state', 'mill', 'ear-3')).toBe('seld/v1/mill/ear-3/state');
});
