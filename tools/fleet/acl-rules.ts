// Who may say and hear what at a broker, as the wire contract has it: no topic is typed here by hand.

import { parseDeviceName } from '../../runtime/device/certificate-name.ts';
import { homeAssistantStatus, homeAssistantTopic } from '../../runtime/uplink/home-assistant.ts';
import { filterOf, MESSAGES, type MessageKind, ROOT } from '../../runtime/uplink/topics.ts';
import { type Issue, type RegisterContents, ROLES, type Role } from './ca-register.ts';

/** Stands for SITE/DEVICE, the common name of a device's certificate. */
export const NAME = '{name}';

/** Topic filters; what is retained is told apart for brokers that can. */
export interface Rights {
  readonly publish: readonly { readonly topic: string; readonly retain: boolean }[];
  readonly hear: readonly string[];
}

export interface Access {
  /** Of every device, below NAME. */
  readonly devices: Rights;
  /** Of single devices besides: their one topic for Home Assistant. */
  readonly introductions: readonly { readonly name: string; readonly topic: string }[];
  readonly people: readonly { readonly name: string; readonly role: Role; readonly rights: Rights }[];
  /** Names whose certificates were all revoked: who is connected still is silenced by this. */
  readonly silenced: readonly string[];
}

const KINDS = Object.keys(MESSAGES) as MessageKind[];
const sentBy = (sender: 'device' | 'operator') => KINDS.filter((kind) => MESSAGES[kind].sender === sender);

/** @param homeAssistant discovery prefix, where devices introduce themselves to Home Assistant */
export function accessOf(register: RegisterContents | undefined, homeAssistant?: string, now = new Date()): Access {
  const issues = [...(register?.issues.values() ?? [])].filter((issue) => issue.notAfter > now);
  const holding = issues.filter(({ revoked }) => !revoked);
  const devices = unique(holding.filter(({ kind }) => kind === 'device').map(({ name }) => name));
  const status = homeAssistant === undefined ? [] : [homeAssistantStatus(homeAssistant)];
  return {
    devices: {
      publish: sentBy('device').map((kind) => ({ topic: ownTopic(kind), retain: MESSAGES[kind].retain })),
      hear: [...sentBy('operator').map(ownTopic), ...status],
    },
    introductions:
      homeAssistant === undefined ? [] : devices.map((name) => ({ name, topic: introduction(name, homeAssistant) })),
    people: peopleOf(holding),
    silenced: unique(issues.filter(({ revoked }) => revoked).map(({ name }) => name)).filter(
      (name) => !holding.some((issue) => issue.name === name),
    ),
  };
}

function peopleOf(holding: readonly Issue[]): Access['people'] {
  const people = holding.filter(({ kind }) => kind === 'operator');
  return unique(people.map(({ name }) => name)).map((name) => {
    const role = people.find((each) => each.name === name)?.role ?? ROLES[2];
    return { name, role, rights: rightsOf(role) };
  });
}

/** All hear what devices and operators say; hubs and operators may tell devices something. */
function rightsOf(role: Role): Rights {
  const publish = sentBy('operator').map((kind) => ({ topic: filterOf(kind), retain: MESSAGES[kind].retain }));
  return {
    publish: role === 'viewer' ? [] : publish,
    hear: role === 'operator' ? [`${ROOT}/#`, '$SYS/#'] : [`${ROOT}/#`],
  };
}

function ownTopic(kind: MessageKind): string {
  return filterOf(kind).replace('/+/+/', `/${NAME}/`);
}

function introduction(name: string, prefix: string): string {
  const { site, device } = parseDeviceName(name);
  return homeAssistantTopic(prefix, site, device);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
