// A graph under judgement by a target's rules, and the faults that were found in it.
import type { ModelGraph } from './graph/model-graph.ts';
import type { NodeProto } from './onnx/codec.ts';
import type { RuleName, TensorrtRelease } from './target-rules.ts';

export interface Finding {
  readonly level: 'error' | 'warning';
  readonly rule: RuleName;
  /** Name of the node, '' where it is the model as a whole. */
  readonly node: string;
  readonly operator: string;
  /** What was found, in one sentence. */
  readonly message: string;
  readonly source: string;
}

/** A graph under judgement, and where its faults go. */
export interface Judgement {
  readonly graph: ModelGraph;
  readonly types: ReadonlyMap<string, string>;
  readonly release: TensorrtRelease;
  readonly report: (rule: RuleName, node: NodeProto | undefined, message: string) => void;
}

/** An initializer, a Constant node, or a constant behind nodes that only change its form. */
export function isConstant(graph: ModelGraph, tensor: string): boolean {
  if (graph.initializer(tensor)) return true;
  const maker = graph.producer(tensor);
  if (maker?.opType === 'Constant') return true;
  const passes = ['Cast', 'DequantizeLinear', 'QuantizeLinear', 'Identity', 'Transpose', 'Reshape'];
  return maker !== undefined && passes.includes(maker.opType) && isConstant(graph, maker.input[0]!);
}
