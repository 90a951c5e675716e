// Microphone profiles: what a sound card delivers, where its capsules sit and how they become ambisonics. One JSON file per
// microphone in microphones/; a file of one's own is named by its path.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const FOLDER = new URL(
  import.meta.url.includes('/dist/boards/') ? '../../boards/microphones/' : './microphones/',
  import.meta.url,
);

/** Sample formats of ALSA that we read; all little-endian, as every USB microphone's. */
export const SAMPLE_FORMATS = ['S16_LE', 'S24_3LE', 'S24_LE', 'S32_LE', 'FLOAT_LE'] as const;
export type SampleFormat = (typeof SAMPLE_FORMATS)[number];

/** A channel of the sound card counted from 1; negative: its polarity is turned. */
const ChannelNumber = z.int().refine((n) => n !== 0 && Math.abs(n) <= 64, 'must be 1..64 or -64..-1');
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens');

const Capsules = z.strictObject({
  pattern: z.enum(['omni', 'cardioid', 'subcardioid']),
  mounting: z
    .enum(['open', 'rigid-sphere', 'plane'])
    .describe('plane: all on one flat board, which hears no up or down'),
  radiusMetres: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .describe('of the sphere or circle they sit on; null: not known'),
  directions: z
    .array(z.strictObject({ name: z.string(), azimuth: z.number(), elevation: z.number() }))
    .min(2)
    .describe('from the centre, degrees; azimuth counter-clockwise from the front'),
});

const Signal = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('b-format'),
      order: z.enum(['acn', 'fuma']).describe('acn: W Y Z X; fuma: W X Y Z'),
      normalization: z.enum(['sn3d', 'n3d', 'fuma']),
    })
    .describe('ambisonics of first order already'),
  z
    .strictObject({
      kind: z.literal('a-format'),
      matrix: z.array(z.array(z.number())).length(4).describe('rows W Y Z X (SN3D), one column per capsule'),
      fir: z
        .string()
        .optional()
        .describe('safetensors file beside the profile: filters (4, capsules, taps) in place of the matrix'),
    })
    .describe('capsules that a matrix turns into ambisonics'),
  z.strictObject({ kind: z.literal('capsules') }).describe('capsules heard as they are'),
]);

export const Microphone = z
  .strictObject({
    format: z.literal('earshot-microphone'),
    version: z.literal(1),
    name,
    title: z.string(),
    note: z.string().optional().describe('what one must know to use it'),
    verified: z.boolean().describe('whether somebody has run earshot with it and check-mic agreed'),
    usbIds: z
      .array(z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/))
      .describe('vendor:product; none: not known, or analogue'),
    cardName: z
      .string()
      .optional()
      .describe('part of the name in /proc/asound/cards that marks it where no USB id is known'),
    pcmDevice: z.int().min(0).default(0).describe('number of the PCM device on the card'),
    rates: z.array(z.int().positive()).min(1).describe('samples per second it offers, the best first'),
    sampleFormats: z.array(z.enum(SAMPLE_FORMATS)).min(1).describe('formats it may offer, the best first'),
    channels: z.int().min(1).max(64).describe('that the card delivers'),
    channelMap: z.array(ChannelNumber).min(1).describe('the card channel of each capsule or component, counted from 1'),
    signal: Signal,
    capsules: Capsules.optional(),
    usableToHz: z
      .number()
      .positive()
      .optional()
      .describe('above, directions go wrong as the capsules are not in one place'),
    orientation: z.strictObject({ front: z.string(), up: z.string() }).describe('how to stand it up'),
    sources: z
      .strictObject({
        ...{ usb: z.string(), stream: z.string(), channels: z.string(), signal: z.string(), orientation: z.string() },
        capsules: z.string().optional(),
      })
      .describe('where each fact is from; what nobody has seen says so'),
  })
  .superRefine((profile, context) => {
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    const { signal, capsules, channelMap, channels, sources } = profile;
    if (capsules && !sources.capsules) complain('sources', 'must say where the places of the capsules are from');
    if (channelMap.some((n) => Math.abs(n) > channels))
      complain('channelMap', `the card delivers ${channels} channels`);
    if (new Set(channelMap.map(Math.abs)).size !== channelMap.length) complain('channelMap', 'names a channel twice');
    if (signal.kind === 'b-format') {
      if (channelMap.length !== 4) complain('channelMap', 'first-order ambisonics has four channels');
    } else if (!capsules && signal.kind === 'a-format') complain('capsules', 'must say where the capsules are');
    else if (capsules && capsules.directions.length !== channelMap.length)
      complain('channelMap', 'must have one channel per capsule');
    if (signal.kind === 'a-format' && signal.matrix.some((row) => row.length !== channelMap.length))
      complain('signal', 'the matrix must have one column per capsule');
  });

export type Microphone = z.infer<typeof Microphone>;
export type MicrophoneSignal = Microphone['signal'];

/** The array that models of format mic are trained for: Eigenmike 6, 10, 26, 22 of TAU Spatial Sound Events 2019. */
export const MIC_ARRAY = {
  mounting: 'rigid-sphere',
  radiusMetres: 0.042,
  directions: [
    { azimuth: 45, elevation: 35 },
    { azimuth: -45, elevation: -35 },
    { azimuth: 135, elevation: -35 },
    { azimuth: -135, elevation: 35 },
  ],
} as const;

/** A profile that does not exist or breaks a rule. */
export class MicrophoneProfileError extends Error {
  override name = 'UserError';
}

/** Names of the profiles that come with the package, sorted. */
export function microphoneNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
    .sort();
}

/** All profiles that come with the package. */
export function microphones(): Microphone[] {
  return microphoneNames().map((known) => readProfile(profileFile(known)));
}

/**
 * Reads a profile.
 * @param wanted name of one that comes with the package, or path of a JSON file (it has a slash or ends in .json)
 * @throws MicrophoneProfileError naming the file and the first rule it breaks, or the names there are
 */
export function microphoneNamed(wanted: string): Microphone {
  return readProfile(profileFile(wanted));
}

/** Path of a profile, for the files it names. @throws MicrophoneProfileError */
export function profileFile(wanted: string): string {
  if (wanted.includes('/') || wanted.endsWith('.json')) return wanted;
  const file = fileURLToPath(new URL(`${wanted}.json`, FOLDER));
  if (!existsSync(file))
    throw new MicrophoneProfileError(
      `There is no microphone profile ${wanted}: choose one of ${microphoneNames().join(', ')}, or give the path of a profile of your own.`,
    );
  return file;
}

function readProfile(file: string): Microphone {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new MicrophoneProfileError(`${file} cannot be read as JSON: ${(cause as Error).message}.`, { cause });
  }
  const result = Microphone.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new MicrophoneProfileError(`${file}: ${issue!.path.join('.') || 'profile'}: ${issue!.message}.`);
}
