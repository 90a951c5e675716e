// Settings of what a device keeps of its sound: clips around detections, how much of the disk they may take, and what is never kept.
import { z } from 'zod';

const azimuth = z.number().min(-180).max(180);
const elevation = z.number().min(-90).max(90);

const Sector = z.strictObject({
  azimuth: z
    .strictObject({ from: azimuth, to: azimuth })
    .default({ from: -180, to: 180 })
    .describe('degrees, counter-clockwise from `from` to `to`; from 150 to -150 is the back'),
  elevation: z
    .strictObject({ from: elevation, to: elevation })
    .default({ from: -90, to: 90 })
    .refine(({ from, to }) => from <= to, 'from must not be above to'),
});

const Rule = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 lower-case letters, digits or hyphens')
    .optional()
    .describe('default rule-1, rule-2, ...'),
  classes: z.array(z.string()).min(1).optional().describe('any of them; default all'),
  minimumScore: z.number().min(0).max(1).default(0).describe('mean activity of the sound'),
  sector: Sector.prefault({}).describe('where it must come from'),
  dailyMinutes: z.number().positive().max(1440).optional().describe('sound kept by this rule in a day (UTC)'),
  dailyClips: z.int().positive().max(86_400).optional().describe('clips kept by this rule in a day (UTC)'),
});

export const ClipsConfig = z.strictObject({
  folder: z.string().min(1).describe('where clips are kept'),
  megabytes: z.number().min(1).max(10_000_000).default(2000).describe('all clips together; the oldest go first'),
  reserveMegabytes: z.number().min(0).max(10_000_000).default(500).describe('of the disk that clips leave free'),
  days: z.number().positive().max(3650).optional().describe('clips older than this go'),
  bits: z
    .union([z.literal(16), z.literal(24)])
    .default(16)
    .describe('of a sample'),
  preRollSeconds: z.number().min(0).max(60).default(3).describe('kept from before the sound'),
  postRollSeconds: z.number().min(0).max(60).default(2).describe('kept from after the sound'),
  maximumSeconds: z.number().min(1).max(86_400).default(60).describe('a clip is no longer'),
  rules: z
    .array(Rule)
    .max(64)
    .default([])
    .describe('a sound that fits one of them is kept; none: only what is asked for'),
});

export type ClipsConfig = z.infer<typeof ClipsConfig>;
export type ClipRule = ClipsConfig['rules'][number];

export const SpeechConfig = z.strictObject({
  classes: z.array(z.string()).min(1).default(['speech']).describe('classes of the model that count as speech'),
  threshold: z
    .number()
    .min(0.001)
    .max(1)
    .default(0.05)
    .describe('activity from which a label frame counts as speech: far below what makes a detection'),
  marginSeconds: z.number().min(0).max(10).default(1).describe('before and after speech that is not kept either'),
});

export type SpeechConfig = z.infer<typeof SpeechConfig>;

/** no-speech: nothing with speech in it is recorded, sent or shown as a spectrogram. */
export const Privacy = z.enum(['no-speech', 'none']);
export type Privacy = z.infer<typeof Privacy>;
