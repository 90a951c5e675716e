// What introduces a device to Home Assistant, held against the rules of Home Assistant's own source (test/golden/home-assistant).
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { homeAssistantDiscovery, homeAssistantTopic } from '../../../runtime/uplink/home-assistant.ts';
import type { InfoMessage, Outgoing } from '../../../runtime/uplink/topics.ts';

const schema = JSON.parse(readFileSync(new URL('../../golden/home-assistant/schema.json', import.meta.url), 'utf8'));
const accepts = new Ajv({ allErrors: true, formats: { uri: /^https?:/ } }).compile(schema);

interface Discovery {
  device: Record<string, unknown>;
  components: Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}

const info = (more: Partial<InfoMessage> = {}): InfoMessage => ({
  ...{ schema: 'seld/info/1', site: 'yard', device: 'north', bootId: 'b1', version: '0.1.0', backend: 'cuda' },
  model: { name: 'office-foa', sha256: 'ab', labels: ['siren', 'glass breaking', 'Türklingel "laut"'] },
  microphone: { format: 'foa', sampleRate: 24_000, channels: 4 },
  ...{ headingDegrees: null, position: null, time: '2026-11-23T10:00:00.000Z' },
  ...more,
});
const parsed = ({ payload }: Outgoing) => JSON.parse(payload) as Discovery;
const options = (cloudEvents: boolean) => ({ prefix: 'homeassistant', cloudEvents });

test('Home Assistant takes every message that introduces a device', () => {
  const longest = 'a'.repeat(36);
  for (const message of [info(), info({ site: longest, device: longest }), info({ site: 'a-b', device: '0' })]) {
    for (const cloudEvents of [false, true]) {
      const discovery = parsed(homeAssistantDiscovery(message, options(cloudEvents)));
      accepts(discovery);
      expect(accepts.errors ?? []).toEqual([]);
      expect(Object.keys(discovery.components).length).toBeGreaterThan(5);
    }
  }
});

/** The pattern of discovery.py: Home Assistant ignores a message elsewhere. */
test('its topic is one that Home Assistant listens to, and it is retained', () => {
  const { topic, retain } = homeAssistantDiscovery(info({ site: 'a-b' }), options(false));
  expect(topic).toBe(homeAssistantTopic('homeassistant', 'a-b', 'north'));
  expect(topic).toMatch(/^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/);
  expect(retain).toBe(true);
});

test('no two entities of a fleet share their unique id', () => {
  const fleet = [
    info(),
    info({ device: 'south' }),
    info({ site: 'a-b', device: 'c' }),
    info({ site: 'a', device: 'b-c' }),
  ];
  const ids = fleet.flatMap((each) =>
    Object.values(parsed(homeAssistantDiscovery(each, options(false))).components).map((entity) => entity.unique_id),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test.each<[string, (discovery: Discovery) => void]>([
  ['without its origin', (discovery) => delete discovery.origin],
  ['without an identifier of the device', ({ device }) => delete device.identifiers],
  ['with a key nobody knows', (discovery) => Object.assign(discovery, { state_topik: 'a/b' })],
  ['with an entity of unknown kind', ({ components }) => Object.assign(components.level!, { platform: 'ear' })],
  ['with a misspelt option', ({ components }) => Object.assign(components.level!, { unit_of_measurment: 'dB' })],
  [
    'with a unit its class does not have',
    ({ components }) => Object.assign(components.temperature!, { unit_of_measurement: 'dB' }),
  ],
  [
    'with a class that is none',
    ({ components }) => Object.assign(components.problem!, { device_class: 'sound-level' }),
  ],
  ['with a wildcard inside a level', ({ components }) => Object.assign(components.sound!, { state_topic: 'a/b+/c' })],
  ['without kinds of events', ({ components }) => delete components.sound!.event_types],
  ['with an icon of no set', ({ components }) => Object.assign(components.sound!, { icon: 'ear' })],
])('the rules refuse a message %s', (_, spoil) => {
  const discovery = parsed(homeAssistantDiscovery(info(), options(false)));
  spoil(discovery);
  expect(accepts(discovery)).toBe(false);
});
