// Settings of the runtime: the only place of their names, defaults and ranges. A JSON file; unknown keys are refused.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ClipsConfig, Privacy, SpeechConfig } from './clip-settings.ts';
import { nearestName } from './nearest-name.ts';

/** Site and device ids: lower case, digits, inner hyphens (as Homie): no MQTT wildcard or access rule can be tricked by one. */
export const Id = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?$/,
    'must be 1 to 36 lower-case letters, digits or inner hyphens, e.g. mill-3',
  );

/** A place on earth, WGS 84. */
export const Position = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  altitudeMetres: z.number().optional(),
});

const TrackingConfig = z.strictObject({
  minimumSeconds: z
    .number()
    .positive()
    .max(10)
    .default(0.2)
    .describe('a sound must last this long before it is told; the shortest event of TAU 2019 lasts 0.21 s'),
  gapSeconds: z.number().min(0).max(10).default(0.2).describe('silence up to this long does not end an event'),
  updateSeconds: z.number().positive().max(3600).default(1).describe('a going event is told again this often'),
  jumpDegrees: z.number().positive().max(180).default(35).describe('a direction further away is another source'),
  jumpSeconds: z.number().positive().max(10).default(0.3).describe('... when it stays there this long'),
  fadeSeconds: z.number().positive().max(3600).default(3).describe('directions older than this count 1/e'),
  sureness: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('an onset is told early from this far between its threshold and 1; 1: never early'),
});

export type TrackingSettings = z.infer<typeof TrackingConfig>;
export const DEFAULT_TRACKING: TrackingSettings = TrackingConfig.parse({});

const frames = z.int().min(1).max(10_000).optional();
const InferenceConfig = z.strictObject({
  backend: z
    .enum(['auto', 'onnx', 'tensorrt'])
    .default('auto')
    .describe('auto: TensorRT where trt-runner is, else onnxruntime; tensorrt: nothing else will do'),
  variant: z.string().optional().describe("form of the network, one of the model's variants, e.g. int8; default fp32"),
  runner: z.string().optional().describe('path of trt-runner; default the one built in this package'),
  trtexec: z.string().default('/usr/src/tensorrt/bin/trtexec').describe("path of JetPack's engine builder"),
  windowFrames: frames.describe('feature frames in a window, of 20 ms each; default 100'),
  hopFrames: frames.describe('feature frames between two windows; default 10'),
  lookaheadFrames: z.int().min(0).max(10_000).optional().describe('future that scores wait for; default 15'),
  earlyFrames: z
    .int()
    .min(0)
    .max(10_000)
    .nullable()
    .optional()
    .describe('future that a sure onset waits for; null: onsets wait like all scores; default 0'),
});

export type InferenceConfig = z.infer<typeof InferenceConfig>;
export const DEFAULT_INFERENCE: InferenceConfig = InferenceConfig.parse({});

const TlsConfig = z.strictObject({
  ca: z
    .string()
    .optional()
    .describe('PEM file; only certificates it signed are trusted. Default: those the system trusts'),
  certificate: z.string().optional().describe("PEM file: the device's own certificate"),
  key: z.string().optional().describe('PEM file with its key, readable by its owner alone'),
  serverName: z.string().optional().describe("name in the broker's certificate, where it is not that of the URL"),
});

const CredentialsConfig = z.strictObject({
  username: z.string().min(1),
  passwordFile: z.string().describe('file with the password, readable by its owner alone'),
});

const OutboxConfig = z.strictObject({
  folder: z.string().describe('messages are kept here until the broker has acknowledged them'),
  megabytes: z.number().min(1).max(65_536).default(64).describe('most that it takes on the disk; the oldest go first'),
  hours: z.number().positive().max(87_600).default(168).describe('messages older than this go'),
});

const HomeAssistantConfig = z.strictObject({
  prefix: z
    .string()
    .regex(/^[^+#\s]+[^+#/\s]$/, 'must be a topic without + # and spaces')
    .default('homeassistant')
    .describe('discovery prefix'),
});

const MicrophoneConfig = z.strictObject({
  recording: z.string().optional().describe('a WAV or FLAC file heard in place of a microphone, at real speed'),
  loop: z.boolean().default(true).describe('of the recording: again and again, as a microphone never ends'),
  profile: z.string().optional().describe('what it is: a name of boards/microphones, or a JSON file of your own'),
  device: z
    .string()
    .optional()
    .describe('which sound card, by a name that lasts (earshot field microphones). Default: the one the profile knows'),
  channels: z
    .array(z.int())
    .optional()
    .describe(
      "card channels from 1 in place of the profile's, negative with turned polarity (earshot field check-mic)",
    ),
  gainsDb: z.array(z.number().min(-60).max(60)).optional().describe('gain of each channel'),
  inverted: z.boolean().default(false).describe('hangs upside down, turned about its front'),
  filters: z
    .string()
    .optional()
    .describe("WAV file of filters from the capsules to W Y Z X, in place of the profile's matrix"),
});

const RemoteConfig = z.strictObject({
  enabled: z.boolean().default(true).describe('take settings from config/desired of the broker'),
  trialSeconds: z
    .number()
    .min(1)
    .max(3600)
    .default(60)
    .describe('a remote setting must leave the service healthy for so long, or the old one comes back'),
});

const MetricsConfig = z.strictObject({
  port: z.int().min(0).max(65_535).describe('port of http://127.0.0.1:PORT/metrics; 0: any free one'),
});

const UpdateConfig = z.strictObject({
  healthyMinutes: z
    .number()
    .min(0.01)
    .max(1440)
    .default(5)
    .describe('a new release must be healthy so long on end before it is kept'),
  limitMinutes: z
    .number()
    .min(0.02)
    .max(2880)
    .default(30)
    .describe('and must have been before so much time has passed since its start, or the one before it comes back'),
  kilobytesPerSecond: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('most that a download takes; null: no limit'),
  ca: z
    .string()
    .optional()
    .describe(
      'PEM file; the server that gives releases must be signed by it. Default: tls.ca, else those the system trusts',
    ),
  board: z.string().optional().describe('what this board is, a name of boards/. Default: as its device tree says'),
});
export type UpdateConfig = z.infer<typeof UpdateConfig>;

export const Config = z.strictObject({
  site: Id.default('bench').describe('where the device belongs: second level of its topics'),
  device: Id.default('earshot').describe('its name in the site: third level of its topics'),
  broker: z.string().optional().describe('URL of the MQTT broker, e.g. mqtt://192.168.1.2:1883'),
  tls: TlsConfig.nullable().default(null).describe('certificates for an mqtts:// broker'),
  credentials: CredentialsConfig.nullable().default(null).describe('user name and password for the broker'),
  outbox: OutboxConfig.nullable().default(null).describe('keeps messages over restarts; null: in memory only'),
  homeAssistant: HomeAssistantConfig.nullable().default(null).describe('introduces the device to Home Assistant'),
  cloudEvents: z.boolean().default(false).describe('put what happened into CloudEvents 1.0'),
  model: z.string().optional().describe('name of a shipped model or a folder; default the first for the format'),
  format: z.enum(['foa', 'mic']).default('foa').describe('what the four channels are'),
  normalization: z.enum(['sn3d', 'n3d']).optional().describe("of the ambisonic channels; default the model's"),
  threads: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('threads of the inference engine; one leaves the other cores to the other stages'),
  headingDegrees: z
    .number()
    .min(0)
    .lt(360)
    .nullable()
    .default(null)
    .describe('bearing of the microphone front, clockwise from north'),
  position: Position.nullable().default(null).describe('where the microphone stands'),
  healthSeconds: z.number().min(1).max(3600).default(30).describe('between two health messages'),
  inference: InferenceConfig.prefault({}).describe('what computes, and how soon'),
  tracking: TrackingConfig.prefault({}).describe('how scores become events'),
  stateFolder: z
    .string()
    .default('/var/lib/earshot')
    .describe('what must outlive a restart: last exit, settings taken from remote'),
  microphone: MicrophoneConfig.nullable()
    .default(null)
    .describe('what the service listens to; null: run plays a recording'),
  remote: RemoteConfig.prefault({}).describe('settings from far away'),
  metrics: MetricsConfig.nullable().default(null).describe('figures for Prometheus; null: not offered'),
  update: UpdateConfig.prefault({}).describe('new releases'),
  clips: ClipsConfig.nullable().default(null).describe('sound that is kept; null: none'),
  privacy: Privacy.default('no-speech').describe('no-speech: nothing with speech in it is recorded, sent or shown'),
  speech: SpeechConfig.prefault({}).describe('what counts as speech'),
});

export type Config = z.infer<typeof Config>;

/** A setting that does not exist or is out of range. */
export class ConfigError extends Error {
  override name = 'UserError';
}

/**
 * Reads settings; what the file leaves out has its default.
 * @throws ConfigError naming the file, the key, the rule and, for an unknown key, the nearest known one
 */
export async function readConfig(file: string): Promise<Config> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
  return parseConfig(json, file);
}

/** Checks settings. @param origin where they come from, for the error. @throws ConfigError */
export function parseConfig(json: unknown, origin: string): Config {
  const result = Config.safeParse(json);
  if (result.success) return result.data;
  const { issues } = result.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!; // a mistyped key looks missing too
  const key = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') throw new ConfigError(`${origin}: ${key || 'settings'}: ${issue.message}.`);
  const unknown = issue.keys[0]!;
  const known = Object.keys(schemaAt(key).shape);
  const path = key ? `${key}.` : '';
  throw new ConfigError(
    `${origin}: there is no setting ${path}${unknown}; the nearest is ${path}${nearestName(unknown, known)} (all: ${known.join(', ')}).`,
  );
}

/** The object of settings at a key such as 'tracking', whatever default or null stands around it. */
function schemaAt(key: string): z.ZodObject {
  let schema: z.ZodType = Config;
  for (const name of key ? key.split('.') : []) {
    const object = unwrapped(schema);
    schema = object instanceof z.ZodArray ? (object.element as z.ZodType) : (object as z.ZodObject).shape[name]!;
  }
  return unwrapped(schema) as z.ZodObject;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable;
  if (!wrapped && !(schema instanceof z.ZodDefault) && !(schema instanceof z.ZodPrefault)) return schema;
  return unwrapped(schema.unwrap() as z.ZodType);
}
