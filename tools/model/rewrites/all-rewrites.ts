// The rewrites in the order that lets each see what the others prepared, and how they are run.
import type { ModelGraph } from '../graph/model-graph.ts';
import { eluFromExp } from './elu-from-exp.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { foldConstants } from './fold-constants.ts';
import { meanToPooling } from './mean-to-pooling.ts';
import { oneChannelProduct } from './one-channel-product.ts';
import { poolBeforeElu } from './pool-before-elu.ts';
import { removeDead } from './remove-dead.ts';
import { removeIdentities } from './remove-identities.ts';
import type { Rewrite } from './rewrite.ts';
import { shareAttentionMultiply } from './share-attention-multiply.ts';

export const REWRITES: readonly Rewrite[] = [
  removeIdentities,
  foldConstants,
  foldBatchNorm,
  meanToPooling,
  shareAttentionMultiply,
  poolBeforeElu,
  oneChannelProduct,
  eluFromExp,
  removeDead,
];

/** What the optimised graph is for: runtime and number format. */
export const TARGETS = ['ort-fp32', 'ort-int8', 'trt-fp16', 'trt-int8', 'trt8'] as const;
export type Target = (typeof TARGETS)[number];

export interface RewriteCount {
  readonly name: string;
  readonly summary: string;
  readonly exactness: Rewrite['exactness'];
  /** Places it changed. */
  readonly fired: number;
}

/**
 * Applies the rewrites that suit a target.
 * @param without names of rewrites that stay away
 * @returns what each that was allowed did
 */
export function rewriteGraph(graph: ModelGraph, target: Target, without: readonly string[] = []): RewriteCount[] {
  const runtime = target.startsWith('ort') ? 'onnxruntime' : 'tensorrt';
  const allowed = REWRITES.filter(
    (rewrite) => !without.includes(rewrite.name) && (rewrite.runtime ?? runtime) === runtime,
  );
  return allowed.map((rewrite) => ({
    name: rewrite.name,
    summary: rewrite.summary,
    exactness: rewrite.exactness,
    fired: rewrite.apply(graph),
  }));
}
