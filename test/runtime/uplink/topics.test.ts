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
  expect(() => decode('seld/v1/mill/ear-4/event/keysDrop', payload)).toThrow(/payload names mill\/ear-3\/event/);
});

test('fields that a newer device adds are kept, and topics of others are left alone', () => {
  const { topic, payload } = encode('event', EVENT);
  const newer = payload.replace('{', '{"loudnessDb":71,');
  expect(decode(topic, newer)!.message).toMatchObject({ loudnessDb: 71, class: 'keysDrop' });
  expect(decode('zigbee2mqtt/lamp', '{}')).toBeUndefined();
  expect(decode('seld/v1/mill/ear-3/reboot', '{}')).toBeUndefined();
});

test('filters address one device or all', () => {
  expect(filterOf('event')).toBe('seld/v1/+/+/event/+');
  expect(filterOf('state', 'mill', 'ear-3')).toBe('seld/v1/mill/ear-3/state');
});

test('what is said to a device has a place of its own, and the answer names the request', () => {
  const command = {
    id: 'a1',
    name: 'live',
    arguments: { seconds: 30 },
    time: EVENT.sentTime,
    expiresAt: EVENT.sentTime,
  };
  const cmd = encode('cmd', { schema: 'seld/cmd/1', site: 'mill', device: 'ear-3', ...command });
  expect(cmd).toMatchObject({ topic: 'seld/v1/mill/ear-3/cmd/live', qos: 1, retain: false });
  expect(decode(cmd.topic, cmd.payload)).toMatchObject({ kind: 'cmd', message: command });
  expect(() => decode('seld/v1/mill/ear-3/cmd/reboot', cmd.payload)).toThrow(/payload names mill\/ear-3\/cmd\/live/);
  const desired = { version: 3, settings: { healthSeconds: 10 }, time: EVENT.sentTime };
  const config = encode('config/desired', {
    ...{ schema: 'seld/config-desired/1', site: 'mill', device: 'ear-3' },
    ...desired,
  });
  expect(config).toMatchObject({ topic: 'seld/v1/mill/ear-3/config/desired', retain: true });
  expect(decode(config.topic, config.payload)).toMatchObject({ kind: 'config/desired', message: desired });
  expect(filterOf('cmd', 'mill', 'ear-3')).toBe('seld/v1/mill/ear-3/cmd/+');
});

test('a live picture whose map lacks a direction is refused', () => {
  const live = {
    ...{ schema: 'seld/live/1' as const, site: 'mill', device: 'ear-3', bootId: 'c0ffee01', seq: 1, leaseSeconds: 9 },
    ...{ streamSeconds: 4, levelsDbfs: [-40, -41, -42, -43], spectrogram: null, time: EVENT.sentTime },
  };
  const map = { azimuths: [-90, 0, 90], elevations: [0], decibels: [0, -3, -9] };
  expect(encode('live', { ...live, map })).toMatchObject({ topic: 'seld/v1/mill/ear-3/live', qos: 0, retain: false });
  expect(() => encode('live', { ...live, map: { ...map, decibels: [0] } })).toThrow(/map/);
});
