// Access rules and settings of EMQX 5, as its manual has them; not run by our tests, which have no EMQX.
import { join } from 'node:path';
import { type BrokerPlace, PAYLOAD_LIMIT_BYTES } from './acl-mosquitto.ts';
import { type Access, NAME, type Rights } from './acl-rules.ts';
import { BROKER_FILES } from './ca-revoke.ts';

/** Common names of devices: SITE/DEVICE. */
const DEVICE_NAMES = '{user, {re, "^[a-z0-9-]+/[a-z0-9-]+$"}}';

/** acl.conf: the first rule that fits decides. ${username} is the common name, put in before the levels are counted. */
export function emqxAccess({ devices, introductions, people, silenced }: Access): string {
  const lines = [
    '%% Written by earshot fleet acl from the wire contract; write it again rather than change it.',
    '%% Revoked.',
    ...silenced.map((name) => `{deny, {user, "${name}"}, all, ["#"]}.`),
    '%% Hubs and people, by the common name of their certificate.',
    ...people.flatMap(({ name, rights }) => rules(`{user, "${name}"}`, rights)),
    ...introductions.map(({ name, topic }) => `{allow, {user, "${name}"}, publish, ["${topic}"]}.`),
    '%% Every device, below its own name.',
    ...rules(DEVICE_NAMES, devices),
    '{deny, all}.',
  ];
  return `${lines.join('\n')}\n`;
}

/** What is never retained must not be: else each new class name would leave a message with the broker for ever. */
function rules(who: string, { publish, hear }: Rights): string[] {
  const kept = publish.filter(({ retain }) => retain).map(({ topic }) => topic);
  const passing = publish.filter(({ retain }) => !retain).map(({ topic }) => topic);
  return [
    ...(kept.length > 0 ? [`{allow, ${who}, publish, ${list(kept)}}.`] : []),
    ...(passing.length > 0 ? [`{allow, ${who}, {publish, [{retain, false}]}, ${list(passing)}}.`] : []),
    ...(hear.length > 0 ? [`{allow, ${who}, subscribe, ${list(hear)}}.`] : []),
  ];
}

function list(topics: readonly string[]): string {
  return `[${topics.map((topic) => `"${topic.replace(NAME, '$' + '{username}')}"`).join(', ')}]`;
}

/**
 * Settings to include in emqx.conf. EMQX fetches revocation lists only from addresses that certificates name, which ours do
 * not: a revoked name is denied by acl.conf and has to be banned by name (POST /api/v5/banned).
 */
export function emqxSettings({ folder, address = '0.0.0.0', devicesPort, operatorsPort }: BrokerPlace): string {
  const at = (name: keyof typeof BROKER_FILES) => join(folder, BROKER_FILES[name]);
  const door = (name: string, port: number, ca: keyof typeof BROKER_FILES) => `listeners.ssl.${name} {
  bind = "${address}:${port}"
  zone = ${name}
  max_conn_rate = "200/s"
  messages_rate = "100/s"
  ssl_options {
    cacertfile = "${at(ca)}"
    certfile = "${at('certificate')}"
    keyfile = "${at('key')}"
    verify = verify_peer
    fail_if_no_peer_cert = true
    versions = ["tlsv1.3", "tlsv1.2"]
  }
}`;
  return `# Written by earshot fleet acl for EMQX 5; not tested by earshot.
mqtt.peer_cert_as_username = cn
mqtt.max_packet_size = "${Math.ceil(PAYLOAD_LIMIT_BYTES / 1024) + 4}KB"
zones.devices.mqtt.peer_cert_as_username = cn
zones.devices.mqtt.peer_cert_as_clientid = cn
zones.operators.mqtt.peer_cert_as_username = cn
authorization.no_match = deny
authorization.deny_action = ignore
authorization.sources = [{type = file, enable = true, path = "${join(folder, 'acl.conf')}"}]
listeners.tcp.default.enable = false
listeners.ws.default.enable = false
${door('devices', devicesPort, 'devices')}
${door('operators', operatorsPort, 'operators').replace('  messages_rate = "100/s"\n', '')}
`;
}
