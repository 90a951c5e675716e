// The wire contract: topic names, payload schemas and their versions. Runtime, fleet tools and tests all read it here.
import { z } from 'zod';
import { Id, Position } from '../config.ts';

/** First levels of every topic; v1 changes when a consumer of v1 would misread a message. */
export const ROOT = 'seld/v1';

const seconds = z.number().min(0);
const time = z.iso.datetime().describe('UTC, from the clock described by clock');
const unit = z.number().min(-1.0001).max(1.0001);

const Clock = z.object({
  source: z.enum(['system', 'recording']).describe('recording: time within a file that is played'),
  synced: z.boolean().nullable().describe('null: not known'),
  offsetMs: z.number().nullable().describe('to a reference clock; null: not known'),
});
export type Clock = z.infer<typeof Clock>;

/** What every message carries. Fields a consumer does not know are kept, so a newer device can say more. */
const envelope = { site: Id, device: Id, bootId: Id.describe('new at each start of the runtime') };

const StateMessage = z.object({
  schema: z.literal('seld/state/1'),
  ...envelope,
  sessionSeq: z.int().positive().describe('connections since boot: a late will of an old one is known by it'),
  state: z.enum(['init', 'ready', 'disconnected', 'sleeping', 'lost', 'alert']).describe('lost is sent by the broker'),
  version: z.string(),
  time,
});

const InfoMessage = z.object({
  schema: z.literal('seld/info/1'),
  ...envelope,
  version: z.string(),
  model: z.object({ name: z.string(), sha256: z.string(), labels: z.array(z.string()) }),
  backend: z.string().describe('what really runs the network'),
  microphone: z.object({ format: z.enum(['foa', 'mic']), sampleRate: z.number(), channels: z.int() }),
  headingDegrees: z
    .number()
    .min(0)
    .lt(360)
    .nullable()
    .describe('bearing of the microphone front, clockwise from north'),
  position: Position.nullable(),
  time,
});

const HealthMessage = z.object({
  schema: z.literal('seld/health/1'),
  ...envelope,
  uptimeSeconds: seconds,
  streamSeconds: seconds.describe('sound heard so far'),
  levelsDbfs: z.array(z.number()).describe('root mean square per channel since the last health message'),
  lostSamples: z.int().min(0),
  discontinuities: z.int().min(0),
  stages: z.record(z.string(), z.number().min(0)).describe('share of real time each stage computes'),
  inference: z.object({ backend: z.string(), medianMs: z.number().nullable(), p95Ms: z.number().nullable() }),
  outbox: z.object({ queued: z.int().min(0), acknowledged: z.int().min(0), dropped: z.int().min(0) }),
  memoryBytes: z.int().positive(),
  time,
});

const EventMessage = z.object({
  schema: z.literal('seld/event/1'),
  ...envelope,
  id: z.string().describe('<device>/<bootId>/<seq>: the same in every copy of this message'),
  seq: z.int().positive().describe('counts the event messages of this boot without holes'),
  track: z.int().positive().describe('the same in the new, update and end of one sound'),
  phase: z.enum(['new', 'update', 'end']),
  class: z.string(),
  score: z.number().min(0).max(1),
  frame: z.literal('microphone').describe('x front, y left, z up'),
  azimuth: z.number().min(-180).max(180).describe('degrees, counter-clockwise from the front'),
  elevation: z.number().min(-90).max(90).describe('degrees, up positive'),
  direction: z.tuple([unit, unit, unit]).describe('unit vector x y z'),
  spreadDegrees: z.number().min(0).describe('root mean square'),
  bearingDegrees: z.number().min(0).lt(360).nullable().describe('clockwise from north; null: heading not known'),
  headingDegrees: z.number().min(0).lt(360).nullable(),
  position: Position.nullable(),
  startSeconds: seconds.describe('since the stream began'),
  endSeconds: seconds.describe('since the stream began; up to now while it goes on'),
  startTime: time,
  endTime: time,
  sentTime: time,
  clock: Clock,
});

export type StateMessage = z.infer<typeof StateMessage>;
export type InfoMessage = z.infer<typeof InfoMessage>;
export type HealthMessage = z.infer<typeof HealthMessage>;
export type EventMessage = z.infer<typeof EventMessage>;

/** Each kind of message: its schema and how it is delivered. Events are never retained: an old siren is no new one. */
export const MESSAGES = {
  state: { schema: StateMessage.loose(), qos: 1, retain: true },
  info: { schema: InfoMessage.loose(), qos: 1, retain: true },
  health: { schema: HealthMessage.loose(), qos: 0, retain: true },
  event: { schema: EventMessage.loose(), qos: 1, retain: false },
} as const;

export type MessageKind = keyof typeof MESSAGES;
export type MessageOf<K extends MessageKind> = z.infer<(typeof MESSAGES)[K]['schema']>;
export type AnyMessage = { [K in MessageKind]: { readonly kind: K; readonly message: MessageOf<K> } }[MessageKind];

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
  const base = `${ROOT}/${checked.site}/${checked.device}/${kind}`;
  const topic = kind === 'event' ? `${base}/${classLevel((checked as EventMessage).class)}` : base;
  return { topic, payload: JSON.stringify(checked), qos, retain };
}

/** Reads a message of ours; undefined for topics of other kinds. @throws ContractError */
export function decode(topic: string, payload: Uint8Array | string): AnyMessage | undefined {
  const [, , site, device, kind] = topic.split('/');
  if (!topic.startsWith(`${ROOT}/`) || !kind || !(kind in MESSAGES)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(typeof payload === 'string' ? payload : new TextDecoder().decode(payload));
  } catch (cause) {
    throw new ContractError(`${topic}: payload is no JSON`, { cause });
  }
  const message = check(kind as MessageKind, json);
  if (message.site !== site || message.device !== device) {
    throw new ContractError(`${topic}: payload names ${message.site}/${message.device}`);
  }
  return { kind, message } as AnyMessage;
}

/** Filter for messages: of one device, or of all with '+'. */
export function filterOf(kind: MessageKind, site = '+', device = '+'): string {
  return `${ROOT}/${site}/${device}/${kind}${kind === 'event' ? '/+' : ''}`;
}

function check<K extends MessageKind>(kind: K, json: unknown): MessageOf<K> {
  const result = MESSAGES[kind].schema.safeParse(json);
  if (result.success) return result.data as MessageOf<K>;
  const [issue] = result.error.issues;
  throw new ContractError(`${kind} message: ${issue?.path.join('.')}: ${issue?.message}`);
}
