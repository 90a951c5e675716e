// Access rules and settings of mosquitto 2.0 (mosquitto.conf(5)), held by tests against Debian's 2.0.11.
import { join } from 'node:path';
import { type Access, NAME } from './acl-rules.ts';
import { BROKER_FILES } from './ca-revoke.ts';

/** Where a broker of ours listens and where its files lie. */
export interface BrokerPlace {
  /** Folder of the files on the broker's machine. */
  readonly folder: string;
  /** Where the broker keeps its messages. */
  readonly state?: string;
  readonly address?: string;
  readonly devicesPort: number;
  readonly operatorsPort: number;
}

/** Longest payload; the longest message of the contract, a part of a clip, has some 70 KiB. */
export const PAYLOAD_LIMIT_BYTES = 262_144;

/**
 * %u is the common name of the certificate. In a device's it is SITE/DEVICE, which mosquitto puts in as it stands: two levels.
 * A filter that nobody may hear is granted (SUBACK 0..2) and delivers nothing: mosquitto checks each message instead.
 */
export function mosquittoAccess({ devices, introductions, people, silenced }: Access): string {
  const named = (topic: string) => topic.replace(NAME, '%u');
  const lines = [
    '# Written by earshot fleet acl from the wire contract; write it again rather than change it.',
    '# Revoked: also who is still connected neither says nor hears anything.',
    ...silenced.flatMap((name) => [`user ${name}`, 'topic deny #']),
    '# Hubs and people, by the common name of their certificate.',
    ...people.flatMap(({ name, role, rights }) => [
      `# ${role}`,
      `user ${name}`,
      ...rights.publish.map(({ topic }) => `topic write ${topic}`),
      ...rights.hear.map((topic) => `topic read ${topic}`),
    ]),
    ...(introductions.length > 0 ? ['# Each device introduces itself to Home Assistant.'] : []),
    ...introductions.flatMap(({ name, topic }) => [`user ${name}`, `topic write ${topic}`]),
    '# Every device, below its own name.',
    ...devices.publish.map(({ topic }) => `pattern write ${named(topic)}`),
    ...devices.hear.map((topic) => `pattern read ${named(topic)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Two doors: devices, whose client id is their name so that none can take another's session, and hubs with people, trusted by an authority of their own. */
export function mosquittoSettings({
  folder,
  state = '/var/lib/mosquitto',
  address,
  devicesPort,
  operatorsPort,
}: BrokerPlace): string {
  const at = (name: keyof typeof BROKER_FILES) => join(folder, BROKER_FILES[name]);
  const door = (port: number, ca: keyof typeof BROKER_FILES, list: keyof typeof BROKER_FILES) => [
    `listener ${port}${address ? ` ${address}` : ''}`,
    `cafile ${at(ca)}`,
    `crlfile ${at(list)}`,
    `certfile ${at('certificate')}`,
    `keyfile ${at('key')}`,
    'tls_version tlsv1.2',
    'require_certificate true',
    'use_identity_as_username true',
  ];
  const lines = [
    '# Written by earshot fleet acl for mosquitto 2.0, to be used as it stands: mosquitto -c FILE, or as its mosquitto.conf.',
    '# The files below must belong to the account of the broker, as their keys are for nobody else.',
    'per_listener_settings false',
    'allow_anonymous false',
    'allow_zero_length_clientid false',
    `acl_file ${at('access')}`,
    '',
    '# Devices.',
    ...door(devicesPort, 'devices', 'devicesList'),
    'use_username_as_clientid true',
    '',
    '# Hubs and people.',
    ...door(operatorsPort, 'operators', 'operatorsList'),
    '',
    '# A crash loses at most what came since the last save.',
    'persistence true',
    `persistence_location ${state}/`,
    'autosave_interval 60',
    'persistent_client_expiration 7d',
    '',
    '# What one client may cost. mosquitto limits no rates: nftables limits new connections, the hub limits messages.',
    `message_size_limit ${PAYLOAD_LIMIT_BYTES}`,
    `max_packet_size ${PAYLOAD_LIMIT_BYTES + 4096}`,
    'max_keepalive 120',
    'max_inflight_messages 2000',
    'max_queued_messages 100000',
    'max_queued_bytes 268435456',
    'memory_limit 2147483648',
    'queue_qos0_messages false',
  ];
  return `${lines.join('\n')}\n`;
}
