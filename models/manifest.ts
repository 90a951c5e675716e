// The manifest of a model: everything the runtime must know of the weights it runs. One JSON file per model, checked here.
import { z } from 'zod';
import { FORMATS, PRESET_NAMES } from './presets.ts';

const score = z.number().min(0).max(1);
const perBand = z.array(z.number());
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex');

const Golden = z
  .strictObject({
    file: z
      .string()
      .describe('safetensors: features in float16, as the network gets them, and the outputs PyTorch gave'),
    windows: z.int().positive(),
    tolerance: z
      .strictObject({ float32: z.number().positive(), float16: z.number().positive(), int8: z.number().positive() })
      .describe('largest root mean square difference of an output, by the precision an engine computes in'),
  })
  .describe('windows that prove an engine: it must give what PyTorch gave');

/** The network as ONNX that every model folder has, and the form of it that runs unless another is asked for. */
export const NETWORK_FILE = 'model.onnx';
export const DEFAULT_VARIANT = 'fp32';
/** The same numbers in cheaper nodes, rewritten for ONNX Runtime by "earshot model build": what it runs where nothing else is asked for. */
export const OPTIMISED_VARIANT = 'fp32-optimised';
const DEFAULT_VARIANTS = { [DEFAULT_VARIANT]: NETWORK_FILE };

export const Manifest = z
  .strictObject({
    format: z.literal('earshot-model'),
    version: z.literal(1),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    summary: z.string(),
    licence: z.string().describe('what the weights may be used for, and why'),
    labels: z.array(z.string()).min(1).describe('classes in output order'),
    features: z.strictObject({
      preset: z.enum(PRESET_NAMES),
      format: z.enum(FORMATS),
      channels: z.array(z.string()).describe('feature channels in tensor order'),
    }),
    input: z.strictObject({
      order: z.enum(['acn', 'capsules']),
      normalization: z.enum(['sn3d', 'n3d', 'any', 'none']).describe('of the ambisonic channels; any: trained on both'),
    }),
    scaler: z
      .strictObject({ mean: z.array(perBand), std: z.array(perBand) })
      .describe('(feature channel, band); the network sees (value - mean) / std'),
    output: z.enum(['sed+doa', 'accdoa']),
    window: z.strictObject({
      frames: z.int().positive().describe('feature frames the network sees at once'),
      hopFrames: z.int().positive().describe('feature frames between two windows'),
      lookaheadFrames: z.int().min(0).describe('feature frames of future a score waits for'),
    }),
    timePooling: z.int().positive().describe('feature frames per label frame'),
    thresholds: z
      .strictObject({ onset: z.array(score), offset: z.array(score) })
      .describe('per class, in label order; offset <= onset gives hysteresis'),
    data: z.strictObject({ recipe: z.string(), seed: z.int(), sha256 }).describe('what it was trained on'),
    training: z.record(z.string(), z.union([z.string(), z.number()])).describe('settings of the training run'),
    scores: z.array(
      z.strictObject({ on: z.string(), command: z.string(), values: z.record(z.string(), z.number().nullable()) }),
    ),
    golden: Golden.optional(),
    variants: z
      .record(z.string().regex(/^(fp32|fp16|int8)(-[a-z0-9]+)*$/, 'must begin with fp32, fp16 or int8'), z.string())
      .default(DEFAULT_VARIANTS)
      .describe('files of the same network in other forms, by precision and form, e.g. fp32, fp32-optimised, int8'),
    files: z.record(z.string(), sha256).describe('sha256 of each file beside the manifest'),
  })
  .refine((m) => m.thresholds.onset.length === m.labels.length && m.thresholds.offset.length === m.labels.length, {
    message: 'thresholds must have one value per label',
  })
  .refine(
    (m) =>
      m.scaler.mean.length === m.features.channels.length &&
      m.scaler.std.length === m.features.channels.length &&
      m.scaler.std.flat().every((s) => s > 0),
    { message: 'scaler must have one row per feature channel and positive deviations' },
  )
  .refine((m) => DEFAULT_VARIANT in m.variants, { path: ['variants'], message: `must have ${DEFAULT_VARIANT}` })
  .refine((m) => Object.values(m.variants).every((file) => file === NETWORK_FILE || file in m.files), {
    path: ['variants'],
    message: 'must name files whose sha256 stands in files',
  });

export type Manifest = z.infer<typeof Manifest>;

/** What a variant computes in: fp32-optimised is fp32. */
export function precisionOf(variant: string): 'fp32' | 'fp16' | 'int8' {
  return variant.split('-')[0] as 'fp32' | 'fp16' | 'int8';
}
