// What depends on nothing but constants and stated sizes is computed once, here.
import { tensorAttribute } from '../graph/attributes.ts';
import { evaluate } from '../graph/evaluate.ts';
import { inferShapes } from '../graph/infer-shapes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';
import type { Rewrite } from './rewrite.ts';

export const foldConstants: Rewrite = {
  name: 'constants',
  summary: 'nodes that depend on constants only become constants',
  exactness: 'rounding',
  apply(graph) {
    const shapes = inferShapes(graph);
    let count = 0;
    for (const node of graph.sorted()) {
      const [output] = node.output;
      // An Identity of a constant is the business of another rewrite, which may be switched off.
      if (node.opType === 'Identity' || node.output.length !== 1 || graph.isOutput(output!)) continue;
      const name = constantOf(graph, node) ?? addValue(graph, output!, shapes.values(output!) ?? computed(graph, node));
      if (name === undefined) continue;
      graph.substitute(node, name);
      count += 1;
    }
    return count;
  },
};

/** A Constant node holds a tensor of any type. */
function constantOf(graph: ModelGraph, node: NodeProto): string | undefined {
  const tensor = node.opType === 'Constant' ? tensorAttribute(node, 'value') : undefined;
  return tensor && graph.addInitializer(node.output[0]!, tensor);
}

function computed(graph: ModelGraph, node: NodeProto) {
  return evaluate(
    node,
    node.input.map((name) => graph.constant(name)),
  );
}

function addValue(graph: ModelGraph, base: string, value: ReturnType<typeof evaluate>): string | undefined {
  if (!value) return undefined;
  const exact = value.values instanceof Float32Array || value.values.every(Number.isSafeInteger);
  return exact ? graph.addConstant(base, value) : undefined;
}
