// What a rewrite is: a change of the graph that leaves its results as they are.
import type { ModelGraph } from '../graph/model-graph.ts';

export interface Rewrite {
  /** As --without takes it. */
  readonly name: string;
  /** What becomes what. */
  readonly summary: string;
  /** equal: the same bits. rounding: the same real number, rounded at other places. */
  readonly exactness: 'equal' | 'rounding';
  /** Only good on these runtimes; everywhere when absent. */
  readonly runtime?: 'onnxruntime' | 'tensorrt';
  /** Changes the graph wherever it can. @returns how often it did */
  apply(graph: ModelGraph): number;
}
