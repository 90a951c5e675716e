// What is known of a clip, in a JSON file beside it: where, when and with what it was heard, and what was heard in it.
import { z } from 'zod';
import { Position } from '../config.ts';

const ClipDetection = z.strictObject({
  track: z.int().positive(),
  class: z.string(),
  score: z.number().min(0).max(1),
  azimuth: z.number(),
  elevation: z.number(),
  startSeconds: z.number().describe('since the stream began'),
  endSeconds: z.number(),
});
export type ClipDetection = z.infer<typeof ClipDetection>;

/** What stays the same while a device runs. */
const Origin = z.strictObject({
  site: z.string(),
  device: z.string(),
  bootId: z.string(),
  version: z.string(),
  model: z.strictObject({ name: z.string(), sha256: z.string() }),
  microphone: z.string().describe('name of its profile, or what else the sound came from'),
  format: z.enum(['foa', 'mic']),
  normalization: z.enum(['sn3d', 'n3d']).nullable(),
  headingDegrees: z.number().nullable(),
  position: Position.nullable(),
});
export type ClipOrigin = z.infer<typeof Origin>;

export const Sidecar = z.strictObject({
  format: z.literal('earshot-clip'),
  version: z.literal(1),
  file: z.string(),
  reason: z.enum(['rule', 'mark', 'continuous']),
  rule: z.string().nullable(),
  note: z.string().nullable(),
  origin: Origin,
  privacy: z.enum(['no-speech', 'none']),
  channels: z.int().positive(),
  sampleRate: z.int().positive(),
  bits: z.union([z.literal(16), z.literal(24)]),
  startSample: z.int().describe('index in the stream of the first sample'),
  startTime: z.iso.datetime(),
  samples: z.int().min(0).describe('per channel, in the file'),
  discontinuities: z
    .array(z.strictObject({ atSample: z.int(), lostSamples: z.int() }))
    .describe('atSample counts in the file; lostSamples in the stream, negative where sound was repeated'),
  detections: z.array(ClipDetection),
  complete: z.boolean().describe('false: cut short by the end of the service or a full disk'),
  recovered: z.boolean().describe('true: completed after a crash; its detections are not known'),
});
export type Sidecar = z.infer<typeof Sidecar>;

/** Reads a sidecar; undefined for what is none. */
export function parseSidecar(text: string): Sidecar | undefined {
  try {
    return Sidecar.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
