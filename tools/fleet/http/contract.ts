// What the hub's HTTP API takes and gives, as zod schemas: the page, the terminal and the OpenAPI document read it here.
// The page takes types alone from this file, so it imports nothing that needs Node.
import { z } from 'zod';
import type {
  ClipMessage,
  ConfigReportedMessage,
  EventMessage,
  HealthMessage,
  InfoMessage,
  LiveMessage,
  ResponseMessage,
} from '../../../runtime/uplink/topics.ts';

/** Messages of devices as the wire contract has them: checked when they came, described in the document by their own schemas. */
const wire = <Message>(name: string) => z.custom<Message>((value) => value !== undefined).meta({ id: name });
export const Info = wire<InfoMessage>('InfoMessage');
export const Health = wire<HealthMessage>('HealthMessage');
export const Event = wire<EventMessage>('EventMessage');
export const Live = wire<LiveMessage>('LiveMessage');
export const Reported = wire<ConfigReportedMessage>('ConfigReportedMessage');
export const Response = wire<ResponseMessage>('ResponseMessage');
export const ClipInfo = wire<ClipMessage>('ClipMessage');

const time = z.iso.datetime({ offset: true }).describe('ISO 8601');
const moment = time.optional();
const id = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?$/);
const name = z.string().min(1).max(256);
const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);
const count = z.int().min(0);

/** Answer to every request that is refused or fails. */
export const Failure = z.object({ error: z.string().describe('a sentence: what happened, and the way out') });

export const Role = z.enum(['viewer', 'operator', 'admin']).describe('each may all that the ones before it may');
export type Role = z.infer<typeof Role>;

export const UserName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens, underscores or @');
export const Password = z.string().min(12, 'must have 12 characters or more').max(1024);

export const Login = z.strictObject({ name: z.string().max(256), password: z.string().max(1024) });
export const Session = z.object({
  name: z.string(),
  role: Role,
  csrfToken: z.string().describe('goes with each changing request as header x-csrf-token; empty for a bearer token'),
});
export type Session = z.infer<typeof Session>;
export const PasswordChange = z.strictObject({ current: z.string().max(1024), password: Password });

export const User = z.object({ name: z.string(), role: Role, created: time });
export type User = z.infer<typeof User>;
export const Users = z.object({ users: z.array(User) });
export const NewUser = z.strictObject({ name: UserName, role: Role, password: Password });
export const UserKey = z.object({ name: UserName });

export const DeviceKey = z.object({ site: id, device: id });
export type DeviceKey = z.infer<typeof DeviceKey>;

export const Device = z.object({
  ...{ site: z.string(), device: z.string() },
  state: z.string().nullable().describe('init, ready, disconnected, sleeping, lost, alert; null: it has said nothing'),
  stateTime: time.nullable(),
  firstSeen: time,
  lastSeen: time,
  info: Info.nullable(),
  health: Health.nullable(),
  healthTime: time.nullable(),
  missing: count.describe('events whose numbers never came'),
});
export type Device = z.infer<typeof Device>;
export const Devices = z.object({ devices: z.array(Device) });
export const DEVICE_SORTS = ['name', 'state', 'seen', 'model', 'temperature', 'level', 'queue', 'faults'] as const;
export const DeviceQuery = z.strictObject({
  site: id.optional(),
  state: z.string().max(20).optional(),
  search: z.string().max(100).optional().describe('part of site/device, whatever the case'),
  sort: z.enum(DEVICE_SORTS).default('name').describe('figures from the highest, the longest unseen first'),
  reverse: z.enum(['true', 'false']).optional(),
});

export const Gap = z.object({
  ...{ site: z.string(), device: z.string(), bootId: z.string() },
  first: count.describe('first missing number'),
  last: count.describe('last missing number'),
});
export type Gap = z.infer<typeof Gap>;
export const Gaps = z.object({ gaps: z.array(Gap) });
export const GapQuery = z.strictObject({ site: id.optional(), device: id.optional(), limit: limit(10_000, 1000) });

export const StoredEvent = z
  .custom<EventMessage & { readonly received: string }>((value) => value !== undefined)
  .meta({ id: 'StoredEvent' });
export type StoredEvent = z.infer<typeof StoredEvent>;

export const DeviceDetails = Device.extend({
  config: Reported.nullable().describe('what the device says of its settings and release'),
  gaps: z.array(Gap),
  events: z.array(StoredEvent).describe('the newest'),
});
export type DeviceDetails = z.infer<typeof DeviceDetails>;

const figure = z.number().nullable();
export const HealthPoint = z.object({
  time,
  celsius: figure.describe('hottest zone'),
  levelDbfs: figure.describe('loudest channel'),
  realTimeFactor: figure,
  medianMs: figure.describe('of one run of the network'),
  queued: figure.describe('messages that wait on the device'),
  memoryBytes: figure,
  load: figure.describe('of all processors, 1 is full'),
  watts: figure,
  diskFreeBytes: figure,
  lostSamples: figure.describe('since the start of the runtime'),
  faults: figure.describe('how many are open'),
});
export type HealthPoint = z.infer<typeof HealthPoint>;
export const HealthHistory = z.object({
  stepSeconds: z
    .int()
    .positive()
    .describe('time that one point stands for; figures are means, faults and queue highest'),
  points: z.array(HealthPoint).describe('oldest first'),
});
export type HealthHistory = z.infer<typeof HealthHistory>;
export const HealthQuery = z.strictObject({
  ...{ from: moment.describe('default: 24 h before to'), to: moment.describe('default: now') },
  points: limit(2000, 500).describe('at most so many'),
});

export const EventFilter = z.strictObject({
  from: moment.describe('start times from here on'),
  to: moment.describe('start times before this'),
  class: name.optional(),
  ...{ site: id.optional(), device: id.optional() },
  minScore: z.coerce.number().min(0).max(1).optional(),
});
export const EventQuery = EventFilter.extend({
  limit: limit(1000, 100),
  cursor: z.string().max(1000).optional().describe('next of the page before, with the same filter and order'),
  order: z.enum(['newest', 'oldest']).default('newest').describe('of start times'),
});
export const EventPage = z.object({
  events: z.array(StoredEvent),
  next: z.string().nullable().describe('cursor of the next page; null: this is the last one so far'),
});
export type EventPage = z.infer<typeof EventPage>;
export const ExportQuery = EventFilter.extend({
  format: z.enum(['csv', 'json']).describe('json: one object per line'),
});

export const Source = z.object({
  ...{ label: z.string(), latitude: z.number(), longitude: z.number() },
  ellipse: z
    .object({ semiMajorMetres: z.number(), semiMinorMetres: z.number(), axisBearingDegrees: z.number() })
    .describe('holds the source with 95 % probability'),
  ...{ startTime: time, endTime: time },
  devices: z.array(z.string()).describe('site/device of those that heard it'),
  isAmbiguous: z.boolean().describe('the bearings would cross elsewhere as well'),
});
export type Source = z.infer<typeof Source>;
export const Sources = z.object({
  sources: z.array(Source),
  isCut: z.boolean().describe('there were more events in the time than are looked at: ask for a shorter one'),
});
export const SourceQuery = z.strictObject({
  ...{ from: moment.describe('default: 10 minutes before to'), to: moment.describe('default: now') },
  site: id.optional(),
  class: name.optional(),
});

export const QuarantineEntry = z.object({
  id: count,
  received: time,
  ...{ topic: z.string(), reason: z.string() },
  payload: z.string().describe('base64, the first 64 KiB'),
});
export type QuarantineEntry = z.infer<typeof QuarantineEntry>;
export const Quarantine = z.object({ messages: z.array(QuarantineEntry) });
export const ListQuery = z.strictObject({ limit: limit(1000, 100) });
export const QuarantineChoice = z.strictObject({
  ids: z.array(z.int().positive()).min(1).max(10_000).optional().describe('default: all'),
});
export const Retried = z.object({
  id: count,
  topic: z.string(),
  reason: z.string().nullable().describe('why it stays; null: it was stored'),
});
export const AllRetried = z.object({ retried: z.array(Retried) });
export type AllRetried = z.infer<typeof AllRetried>;
export const Dropped = z.object({ count });

export const Command = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, hyphens or underscores'),
  parameters: z.record(z.string(), z.unknown()).default({}),
  waitSeconds: z.number().min(0).max(60).default(10).describe('for the answer of the device'),
});
export const CommandAnswer = z.object({
  id: z.string().describe('of the request'),
  answer: Response.nullable().describe('null: none came in time (status 202); the stream tells it when it comes'),
});
export type CommandAnswer = z.infer<typeof CommandAnswer>;

const Release = z.object({
  ...{ name: z.string(), sequence: count, sha256: z.string(), url: z.string() },
});
export const Desired = z.object({
  ...{ site: z.string(), device: z.string() },
  version: count.describe('0: nothing was ever wished'),
  published: count.describe('the newest version that the broker holds'),
  settings: z.record(z.string(), z.unknown()),
  release: Release.nullable(),
  ...{ changed: time.nullable(), changedBy: z.string().nullable() },
  reported: Reported.nullable(),
  reportedTime: time.nullable(),
  drift: z.array(z.string()).describe('where the device is not as it is wished'),
});
export type Desired = z.infer<typeof Desired>;
export const DesiredChange = z.strictObject({
  settings: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("by name; null takes one back to the device's own; others stay"),
  release: Release.nullable().optional().describe('null: what runs stays; absent: as wished before'),
});

export const Clip = z.object({
  id: count,
  ...{ site: z.string(), device: z.string(), received: time },
  hasAudio: z.boolean().describe('the sound is at the hub, whole'),
  clip: ClipInfo,
});
export type Clip = z.infer<typeof Clip>;
export const Clips = z.object({ clips: z.array(Clip) });
export const ClipQuery = z.strictObject({ site: id.optional(), device: id.optional(), limit: limit(1000, 100) });
export const ClipKey = z.object({ id: z.coerce.number().int().positive() });

export const AuditEntry = z.object({
  id: count,
  time,
  who: z.string(),
  address: z.string().nullable().describe('from where'),
  what: z.string(),
  about: z.string(),
  details: z.record(z.string(), z.unknown()).nullable(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
export const Audit = z.object({ entries: z.array(AuditEntry) });
export const AuditQuery = z.strictObject({
  limit: limit(1000, 200),
  before: z.coerce.number().int().positive().optional().describe('entries older than this id'),
});

export const Figures = z.object({
  ...{ version: z.string(), database: z.string(), broker: z.string() },
  isOnline: z.boolean().describe('the hub hears the broker'),
  ...{ fresh: count, duplicates: count, quarantined: count, received: count, reconnects: count },
  lagSeconds: z.number().min(0).describe('age of the oldest message that waits to be stored'),
  devices: z.record(z.string(), count).describe('how many are in each state'),
  gaps: count,
  viewers: count.describe('streams that are open'),
});
export type Figures = z.infer<typeof Figures>;

export const Releases = z.object({
  releases: z
    .array(
      z.object({
        ...{ sha256: z.string(), bytes: count },
        manifest: z.looseObject({ name: z.string(), sequence: count }).describe('without the list of files'),
      }),
    )
    .describe('newest first'),
});

export const StreamQuery = z.strictObject({
  live: z
    .string()
    .regex(/^[a-z0-9-]{1,36}\/[a-z0-9-]{1,36}$/, 'must be site/device')
    .optional()
    .describe('asks this device for what it hears now, as long as the stream is open'),
});
/** What the stream tells, by the name of the server-sent event. */
export interface StreamEvents {
  device: Device;
  event: StoredEvent;
  live: LiveMessage;
  response: ResponseMessage;
  alarm: unknown;
  rollout: unknown;
  /** The client was too slow: so many were left out, and the stream ends. */
  lagged: { readonly dropped: number };
}
