// What devices say about sounds and about themselves, and what is said to them: one schema per kind of message.
import { z } from 'zod';
import { Position } from '../config.ts';
import { address, azimuth, Clock, elevation, envelope, seconds, Token, time, unit } from './message-fields.ts';

const heading = z.number().min(0).lt(360).nullable();

export const StateMessage = z.object({
  schema: z.literal('seld/state/1'),
  ...envelope,
  sessionSeq: z.int().positive().describe('connections since boot: a late will of an old one is known by it'),
  state: z.enum(['init', 'ready', 'disconnected', 'sleeping', 'lost', 'alert']).describe('lost is sent by the broker'),
  version: z.string(),
  time,
});

export const InfoMessage = z.object({
  schema: z.literal('seld/info/1'),
  ...envelope,
  version: z.string(),
  model: z.object({ name: z.string(), sha256: z.string(), labels: z.array(z.string()) }),
  backend: z.string().describe('what really runs the network'),
  microphone: z.object({
    ...{ format: z.enum(['foa', 'mic']), sampleRate: z.number(), channels: z.int() },
    profile: z.string().optional().describe('how it is wired and where its capsules sit; absent for a recording'),
  }),
  headingDegrees: heading.describe('bearing of the microphone front, clockwise from north'),
  position: Position.nullable(),
  time,
});

export const EventMessage = z.object({
  schema: z.literal('seld/event/1'),
  ...envelope,
  id: z.string().describe('<device>/<bootId>/<seq>: the same in every copy of this message'),
  seq: z.int().positive().describe('counts the event messages of this boot without holes'),
  track: z.int().positive().describe('the same in the new, update and end of one sound'),
  phase: z.enum(['new', 'update', 'end']),
  class: z.string(),
  score: z.number().min(0).max(1),
  frame: z.literal('microphone').describe('x front, y left, z up'),
  azimuth,
  elevation,
  direction: z.tuple([unit, unit, unit]).describe('unit vector x y z'),
  spreadDegrees: z.number().min(0).describe('root mean square'),
  bearingDegrees: heading.describe('clockwise from north; null: heading not known'),
  headingDegrees: heading,
  position: Position.nullable(),
  startSeconds: seconds.describe('since the stream began'),
  endSeconds: seconds.describe('since the stream began; up to now while it goes on'),
  startTime: time,
  endTime: time,
  sentTime: time,
  clock: Clock,
});

/** What the device hears now, for a person far away; sent only while somebody has asked for it. */
export const LiveMessage = z.object({
  schema: z.literal('seld/live/1'),
  ...envelope,
  seq: z.int().positive().describe('counts the live messages of this boot'),
  leaseSeconds: seconds.describe('until it stops by itself'),
  streamSeconds: seconds.describe('end of what is shown, since the stream began'),
  levelsDbfs: z.array(z.number()).describe('root mean square per channel'),
  peaksDbfs: z.array(z.number()).optional().describe('highest sample per channel'),
  map: z
    .object({
      azimuths: z.array(azimuth).max(180),
      elevations: z.array(elevation).max(90),
      decibels: z
        .array(z.number())
        .max(16_200)
        .describe('one row of azimuths per elevation; 0 is the loudest direction'),
    })
    .refine(
      (map) => map.decibels.length === map.azimuths.length * map.elevations.length,
      'has not azimuths x elevations',
    )
    .nullable()
    .describe('power by direction; null: not known'),
  spectrogram: z
    .object({
      endSeconds: seconds.optional().describe('of the newest frame; privacy may hold it back behind streamSeconds'),
      frameSeconds: z.number().positive(),
      hertz: z.array(z.number().min(0)).max(256).describe('centre of each band'),
      decibels: z
        .array(z.array(z.number()).max(256))
        .max(256)
        .describe('oldest frame first, low band first; full scale is 0'),
    })
    .nullable(),
  scores: z.record(z.string(), z.number().min(0).max(1)).optional().describe('of each class, now'),
  time,
});

export const ClipMessage = z.object({
  schema: z.literal('seld/clip/1'),
  ...envelope,
  id: z.string().describe('<device>/<bootId>/<name>: the same in every copy of this message'),
  file: z.string().describe('name on the device'),
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  reason: z.enum(['rule', 'mark', 'continuous']).describe('why it was kept'),
  rule: z.string().nullable().optional().describe('name of the rule'),
  startSeconds: seconds.describe('since the stream began'),
  durationSeconds: seconds,
  startTime: time,
  sampleRate: z.number().positive(),
  channels: z.int().positive(),
  detections: z.array(
    z.looseObject({
      ...{ class: z.string(), score: z.number().min(0).max(1), track: z.int().positive() },
      ...{ azimuth, elevation, startSeconds: seconds, endSeconds: seconds },
    }),
  ),
  clock: Clock.optional(),
  time,
});

/** Part of a clip's sound, sent when somebody asks for it; played by a person far away. */
export const ClipAudioMessage = z.object({
  schema: z.literal('seld/clip-audio/1'),
  ...envelope,
  file: z.string().describe('name on the device, as in the clip message'),
  part: z.int().positive().describe('counted from 1'),
  parts: z.int().positive().max(1000),
  sampleRate: z.number().positive(),
  data: z.base64().max(70_000).describe('one channel, signed 16-bit samples, little-endian'),
  time,
});

const figures = z.record(z.string(), z.number().nullable());

export const EvaluationMessage = z.object({
  schema: z.literal('seld/evaluation/1'),
  ...envelope,
  id: z.string().describe('<device>/<bootId>/<name>: the same in every copy of this message'),
  model: z.object({ name: z.string(), sha256: z.string() }),
  backend: z.string(),
  recordings: z.int().min(0),
  seconds: seconds.describe('length of all recordings'),
  figures: figures.describe('overall, by name of the metric'),
  classes: z.record(z.string(), figures).optional().describe('the same per class'),
  agreement: figures.nullable().optional().describe('with the result of a workstation; null: none to compare with'),
  falseAlarmsPerHour: z.number().min(0).nullable().optional().describe('on recordings without labelled sounds'),
  time,
});

/** A signed bundle (docs/updates.md) that a device shall install. */
export const WishedRelease = z.object({
  name: z.string().min(1).max(100),
  sequence: z.int().min(0).describe('nothing older than what was installed is taken'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('of the bundle file'),
  url: z.string().max(2000).describe('where it is fetched, http or https'),
});
export type WishedRelease = z.infer<typeof WishedRelease>;

export const ReportedRelease = z.object({
  name: z.string().describe('what is being installed, or else what runs'),
  sequence: z.int().min(0),
  state: z.enum(['idle', 'downloading', 'installing', 'proving', 'trial', 'done', 'failed', 'rolled-back']),
  slot: z.string().nullable().describe('name of the folder that runs; null: the device has no slots'),
  error: z.string().optional().describe('why it failed or was taken back'),
  progress: z.number().min(0).max(1).optional().describe('of what is going on'),
});
export type ReportedRelease = z.infer<typeof ReportedRelease>;

export const ConfigDesiredMessage = z.object({
  schema: z.literal('seld/config-desired/1'),
  ...address,
  version: z.int().positive().describe('rises with each change: an older one is refused'),
  settings: z.record(z.string(), z.unknown()).describe('as in the configuration file; what is left out stays'),
  release: WishedRelease.nullable().optional().describe('null or absent: what runs stays'),
  time,
});

export const ConfigReportedMessage = z.object({
  schema: z.literal('seld/config-reported/1'),
  ...envelope,
  version: z.int().min(0).describe('of the settings in use; 0: those of the file alone'),
  state: z.enum(['applied', 'trial', 'refused', 'rolled-back']).describe('what became of the newest desired settings'),
  desiredVersion: z.int().positive().nullable().describe('which these were; null: none came'),
  errors: z.array(z.object({ key: z.string(), message: z.string() })),
  digest: z.string().optional().describe('SHA-256 of the settings in use'),
  settings: z.record(z.string(), z.unknown()).optional().describe('in use, without secrets'),
  release: ReportedRelease.optional(),
  time,
});

export const CommandMessage = z.object({
  schema: z.literal('seld/cmd/1'),
  ...address,
  id: Token.describe('of this request, never used again; names the topic of the answer'),
  name: Token,
  arguments: z.record(z.string(), z.unknown()),
  time,
  expiresAt: time.describe('later the device refuses it'),
});

export const ResponseMessage = z.object({
  schema: z.literal('seld/res/1'),
  ...envelope,
  id: Token.describe('of the request'),
  name: Token,
  status: z.enum(['ok', 'refused', 'failed']),
  error: z.string().nullable().describe('why not'),
  result: z.record(z.string(), z.unknown()).describe('what the command gives back'),
  time,
});
