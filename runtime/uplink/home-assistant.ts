// What Home Assistant needs to know to show a device: one retained message per device (device discovery, since release 2024.11).
import { filterOf, type InfoMessage, type Outgoing, ROOT } from './topics.ts';

export interface HomeAssistantOptions {
  readonly prefix: string;
  /** Whether events come in CloudEvents. */
  readonly cloudEvents: boolean;
}

type Entity = Readonly<Record<string, unknown>>;

/** Topic on which Home Assistant says online after its start; then every device is to introduce itself again. */
export function homeAssistantStatus(prefix: string): string {
  return `${prefix}/status`;
}

/** The one topic on which a device introduces itself. */
export function homeAssistantTopic(prefix: string, site: string, device: string): string {
  return `${prefix}/device/${objectId(site, device)}/config`;
}

/** Ids have hyphens and no underscores: kept, so that a-b/c is never taken for a/b-c. */
function objectId(site: string, device: string): string {
  return `earshot_${site}_${device}`;
}

/** Introduces a device: its sounds as events, direction, level and health as sensors, its state as their availability. */
export function homeAssistantDiscovery(info: InfoMessage, { prefix, cloudEvents }: HomeAssistantOptions): Outgoing {
  const { site, device, version, model } = info;
  const id = objectId(site, device);
  const base = `${ROOT}/${site}/${device}`;
  const entities = {
    ...sounds(filterOf('event', site, device), model.labels, cloudEvents),
    ...health(`${base}/health`),
  };
  const discovery = {
    device: {
      ...{ identifiers: [id], name: `${device} (${site})`, manufacturer: 'earshot' },
      ...{ model: `ears with ${model.name}`, model_id: model.name, sw_version: version, suggested_area: site },
    },
    origin: { name: 'earshot', sw_version: version },
    availability: [
      {
        topic: `${base}/state`,
        value_template: "{{ 'online' if value_json.state in ['ready', 'alert'] else 'offline' }}",
      },
    ],
    components: Object.fromEntries(
      Object.entries(entities).map(([name, entity]) => [name, { ...entity, unique_id: `${id}_${name}` }]),
    ),
    qos: 1,
  };
  return { topic: homeAssistantTopic(prefix, site, device), payload: JSON.stringify(discovery), qos: 1, retain: true };
}

/** Messages of a new sound; others have no new state. */
function sounds(topic: string, labels: readonly string[], cloudEvents: boolean): Record<string, Entity> {
  const message = cloudEvents ? 'value_json.data' : 'value_json';
  const fields = ['score', 'azimuth', 'elevation', 'track', 'id', 'startTime'];
  const attributes = fields.map((field) => `'${field}': ${message}.${field}`).join(', ');
  const onlyNew = (template: string) => `{% if ${message}.phase == 'new' %}{{ ${template} }}{% endif %}`;
  return {
    sound: {
      ...{ platform: 'event', name: 'Sound', icon: 'mdi:ear-hearing', state_topic: topic, event_types: labels },
      value_template: onlyNew(`dict({'event_type': ${message}.class, ${attributes}}) | to_json`),
    },
    azimuth: {
      ...{ platform: 'sensor', name: 'Azimuth of the last sound', icon: 'mdi:compass-outline', state_topic: topic },
      ...{ unit_of_measurement: '°', suggested_display_precision: 0, value_template: `{{ ${message}.azimuth }}` },
    },
    elevation: {
      ...{ platform: 'sensor', name: 'Elevation of the last sound', icon: 'mdi:angle-acute', state_topic: topic },
      ...{ unit_of_measurement: '°', suggested_display_precision: 0, value_template: `{{ ${message}.elevation }}` },
    },
  };
}

function health(topic: string): Record<string, Entity> {
  const diagnostic = { state_topic: topic, entity_category: 'diagnostic' };
  return {
    level: {
      ...{
        platform: 'sensor',
        name: 'Level',
        state_topic: topic,
        unit_of_measurement: 'dB',
        state_class: 'measurement',
      },
      ...{ suggested_display_precision: 0, value_template: '{{ value_json.levelsDbfs | max }}' },
    },
    problem: {
      ...{ ...diagnostic, platform: 'binary_sensor', name: 'Problem', device_class: 'problem' },
      value_template: "{{ 'ON' if value_json.faults | default([], true) | count > 0 else 'OFF' }}",
    },
    waiting: {
      ...{ ...diagnostic, platform: 'sensor', name: 'Messages waiting', state_class: 'measurement' },
      value_template: '{{ value_json.outbox.queued }}',
    },
    temperature: {
      ...{ ...diagnostic, platform: 'sensor', name: 'Temperature', device_class: 'temperature' },
      ...{ unit_of_measurement: '°C', state_class: 'measurement' },
      value_template:
        "{{ value_json.celsius.values() | select('number') | max if value_json.celsius is mapping " +
        "and value_json.celsius.values() | select('number') | list | count > 0 else none }}",
    },
  };
}
