// The description of a network: one JSON file that the ONNX builder (tools/model/onnx) and PyTorch (models/train/network.py) read.
import { z } from 'zod';

export const ATTENTIONS = ['none', 'sSE', 'cSE', 'scSE'] as const;
export const RATIOS = [1, 2, 4, 8, 16] as const;

const count = (most: number) => z.int().min(1).max(most);

const ResidualBlock = z
  .strictObject({
    kind: z.literal('residual').describe('Conv-StandardPOST (Naranjo-Alcazar et al. 2020): two shortcuts'),
    attention: z
      .enum(ATTENTIONS)
      .describe('squeeze and excitation: sSE over places, cSE over channels, scSE their sum'),
    ratio: z.literal(RATIOS).optional().describe('channels per squeezed channel in cSE'),
  })
  .refine(({ attention, ratio }) => (ratio !== undefined) === (attention === 'cSE' || attention === 'scSE'), {
    path: ['ratio'],
    message: 'belongs to the attentions cSE and scSE, and only to them',
  });

const Block = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('conv').describe('conv 3x3, batch norm, ReLU (DCASE 2019 baseline)') }),
  ResidualBlock,
  z.strictObject({
    kind: z.literal('multi-kernel').describe('parallel branches 1x1 and 1x1, 1xn, nx1 (M-CRNN, Lan et al. 2022)'),
    kernels: z
      .array(z.int().min(3).max(31))
      .min(1)
      .max(8)
      .refine((kernels) => kernels.every((n) => n % 2 === 1), 'must be odd, so that "same" padding is symmetric'),
  }),
]);

const Stage = z.strictObject({
  filters: count(1024),
  timePool: count(64).describe('frames that max pooling joins'),
  bandPool: count(64).describe('bands that max pooling joins'),
});

export const NetworkDescription = z
  .strictObject({
    format: z.literal('earshot-network'),
    version: z.literal(1),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens'),
    summary: z.string(),
    channels: count(64).optional().describe('feature channels; left open until the format is known'),
    classes: count(1024).optional().describe('left open until the labels are known'),
    bands: count(1024).describe('mel bands'),
    output: z.enum(['sed+doa', 'accdoa']),
    block: Block,
    stages: z.array(Stage).min(1).max(16),
    gru: z
      .strictObject({ units: count(2048), layers: count(8), merge: z.enum(['mul', 'concat']) })
      .nullable()
      .describe('bidirectional; mul: product of tanh of both directions after each layer; concat: side by side'),
    headUnits: count(4096).describe('units of the dense layer before each output'),
    norm: z.strictObject({
      epsilon: z.number().positive().max(0.1).describe('added to the variance in batch norms'),
      momentum: z.number().positive().max(1).describe("share of a new batch in the running statistics (torch's sense)"),
    }),
    dropout: z.number().min(0).max(0.9).describe('in training, after each stage, GRU layer and hidden dense layer'),
  })
  .superRefine((network, context) => {
    const rule = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    let bands = network.bands;
    network.stages.forEach(({ filters, bandPool }, i) => {
      if (bands % bandPool !== 0)
        rule(['stages', i, 'bandPool'], `=${bandPool} must divide the ${bands} bands that reach it`);
      bands /= bandPool;
      const divisor = widthDivisor(network.block);
      if (filters % divisor !== 0) rule(['stages', i, 'filters'], `=${filters} must be a multiple of ${divisor}`);
    });
  });

export type NetworkDescription = z.infer<typeof NetworkDescription>;
/** A description with nothing left open: what a model folder holds as network.json. */
export type Network = NetworkDescription & { readonly channels: number; readonly classes: number };
export type Block = NetworkDescription['block'];

/** Filters must be a multiple of it: squeezed channels and branches are whole. */
function widthDivisor(block: Block): number {
  if (block.kind === 'residual') return block.ratio ?? 1;
  return block.kind === 'multi-kernel' ? block.kernels.length + 1 : 1;
}

/** A network description that breaks a rule or leaves open what is needed. */
export class NetworkError extends Error {
  override name = 'UserError';
}

/**
 * Checks a description.
 * @param where the file it comes from, for the message
 * @throws NetworkError naming the first broken rule
 */
export function parseNetwork(json: unknown, where: string): NetworkDescription {
  const result = NetworkDescription.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new NetworkError(
    `${where} breaks a rule of network descriptions: ${issue?.path.join('.') || 'network'}: ${issue?.message}.`,
  );
}

/**
 * Fills in what a description leaves open.
 * @throws NetworkError when the description already says otherwise, or a number stays open
 */
export function completeNetwork(
  description: NetworkDescription,
  known: { channels?: number; classes?: number },
): Network {
  const fill = (key: 'channels' | 'classes') => {
    const [stated, given] = [description[key], known[key]];
    const value = stated ?? given;
    if (value === undefined) throw new NetworkError(`The network ${description.name} leaves ${key} open.`);
    if (given !== undefined && value !== given) {
      throw new NetworkError(`The network ${description.name} is made for ${key}=${value}, not ${given}.`);
    }
    return value;
  };
  const numbers = { channels: fill('channels'), classes: fill('classes') };
  return { ...parseNetwork({ ...description, ...numbers }, `The network ${description.name}`), ...numbers };
}

/** Feature frames per label frame. */
export function timePooling({ stages }: Pick<NetworkDescription, 'stages'>): number {
  return stages.reduce((frames, stage) => frames * stage.timePool, 1);
}
