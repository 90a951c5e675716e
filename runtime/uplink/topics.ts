// The wire contract: topic names, payload schemas and their versions. Runtime, fleet tools and tests all read it here.
import type { z } from 'zod';
import { withoutCloudEvent } from './cloud-events.ts';
import { HealthMessage as HealthSchema } from './health-message.ts';
import * as messages from './messages.ts';

export type { Clock } from './message-fields.ts';

/** First levels of every topic; v1 changes when a consumer of v1 would misread a message. */
export const ROOT = 'seld/v1';

/**
 * Each kind of message by its level below the device: its schema, how it is delivered, who sends it (down: to the device),
 * and the field that is one more level of its topic. Events and commands are never retained: an old siren is no new one.
 */
export const MESSAGES = {
  state: { schema: messages.StateMessage.loose(), qos: 1, retain: true, sender: 'device' },
  info: { schema: messages.InfoMessage.loose(), qos: 1, retain: true, sender: 'device' },
  health: { schema: HealthSchema.loose(), qos: 0, retain: true, sender: 'device' },
  event: { schema: messages.EventMessage.loose(), qos: 1, retain: false, sender: 'device', level: 'class' },
  live: { schema: messages.LiveMessage.loose(), qos: 0, retain: false, sender: 'device' },
  clip: { schema: messages.ClipMessage.loose(), qos: 1, retain: false, sender: 'device' },
  'clip-audio': { schema: messages.ClipAudioMessage.loose(), qos: 1, retain: false, sender: 'device' },
  evaluation: { schema: messages.EvaluationMessage.loose(), qos: 1, retain: false, sender: 'device' },
  'config/desired': { schema: messages.ConfigDesiredMessage.loose(), qos: 1, retain: true, sender: 'operator' },
  'config/reported': { schema: messages.ConfigReportedMessage.loose(), qos: 1, retain: true, sender: 'device' },
  cmd: { schema: messages.CommandMessage.loose(), qos: 1, retain: false, sender: 'operator', level: 'name' },
  res: { schema: messages.ResponseMessage.loose(), qos: 1, retain: false, sender: 'device', level: 'id' },
} as const;

export type MessageKind = keyof typeof MESSAGES;
export type MessageOf<K extends MessageKind> = z.infer<(typeof MESSAGES)[K]['schema']>;
export type AnyMessage = { [K in MessageKind]: { readonly kind: K; readonly message: MessageOf<K> } }[MessageKind];

export type StateMessage = z.infer<typeof messages.StateMessage>;
export type InfoMessage = z.infer<typeof messages.InfoMessage>;
export type HealthMessage = z.infer<typeof HealthSchema>;
export type EventMessage = z.infer<typeof messages.EventMessage>;
export type LiveMessage = z.infer<typeof messages.LiveMessage>;
export type ClipMessage = z.infer<typeof messages.ClipMessage>;
export type ClipAudioMessage = z.infer<typeof messages.ClipAudioMessage>;
export type EvaluationMessage = z.infer<typeof messages.EvaluationMessage>;
export type ConfigDesiredMessage = z.infer<typeof messages.ConfigDesiredMessage>;
export type ConfigReportedMessage = z.infer<typeof messages.ConfigReportedMessage>;
export type CommandMessage = z.infer<typeof messages.CommandMessage>;
export type ResponseMessage = z.infer<typeof messages.ResponseMessage>;

/** A message that breaks the contract: kind and first offending field are in the message. */
export class ContractError extends Error {
  override name = 'ContractError';
}

/** A message as it goes to the broker. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** The level of a topic that a class name becomes: what MQTT gives a meaning (+ # /) or a person cannot type is a hyphen. */
export function classLevel(label: string): string {
  return label.replace(/[^A-Za-z0-9_-]/g, '-');
}

/** Checks a message against its schema and addresses it. @throws ContractError */
export function encode<K extends MessageKind>(kind: K, message: MessageOf<K>): Outgoing {
  const { qos, retain } = MESSAGES[kind];
  const checked = check(kind, message);
  return { topic: topicOf(kind, checked), payload: JSON.stringify(checked), qos, retain };
}

/** Reads a message of ours, in a CloudEvent or not; undefined for topics of other kinds. @throws ContractError */
export function decode(topic: string, payload: Uint8Array | string): AnyMessage | undefined {
  const kind = kindOf(topic);
  if (!kind) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(typeof payload === 'string' ? payload : new TextDecoder().decode(payload));
  } catch (cause) {
    throw new ContractError(`${topic}: payload is no JSON`, { cause });
  }
  const message = check(kind, withoutCloudEvent(json));
  const own = topicOf(kind, message);
  if (own !== topic) throw new ContractError(`${topic}: payload names ${own.slice(ROOT.length + 1)}`);
  return { kind, message } as AnyMessage;
}

/** Filter for messages: of one device, or of all with '+'. */
export function filterOf(kind: MessageKind, site = '+', device = '+'): string {
  return `${ROOT}/${site}/${device}/${kind}${levelOf(kind) ? '/+' : ''}`;
}

function topicOf<K extends MessageKind>(kind: K, message: MessageOf<K>): string {
  const base = `${ROOT}/${message.site}/${message.device}/${kind}`;
  const level = levelOf(kind);
  return level ? `${base}/${classLevel(String((message as Record<string, unknown>)[level]))}` : base;
}

function kindOf(topic: string): MessageKind | undefined {
  if (!topic.startsWith(`${ROOT}/`)) return undefined;
  const [, , , , ...levels] = topic.split('/');
  const kinds = Object.keys(MESSAGES) as MessageKind[];
  return kinds.find((kind) => (levelOf(kind) ? levels.length === 2 && levels[0] === kind : levels.join('/') === kind));
}

function levelOf(kind: MessageKind): string | undefined {
  const entry = MESSAGES[kind];
  return 'level' in entry ? entry.level : undefined;
}

function check<K extends MessageKind>(kind: K, json: unknown): MessageOf<K> {
  const result = MESSAGES[kind].schema.safeParse(json);
  if (result.success) return result.data as MessageOf<K>;
  const [issue] = result.error.issues;
  throw new ContractError(`${kind} message: ${issue?.path.join('.')}: ${issue?.message}`);
}
