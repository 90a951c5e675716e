// ELUs that were put together from faster operators (rewrites/elu-from-exp.ts) as one node again, which emitters know.
import type { ModelGraph } from '../graph/model-graph.ts';
import type { NodeProto } from '../onnx/codec.ts';

/** Max(x, Exp(Min(x, 0)) - 1) -> Elu(x). @returns how many there were */
export function wholeElus(graph: ModelGraph): number {
  return graph.nodes.filter((node) => node.opType === 'Max' && graph.has(node) && join(graph, node)).length;
}

function join(graph: ModelGraph, max: NodeProto): boolean {
  for (const [x, bent] of [max.input, [...max.input].reverse()]) {
    const sub = maker(graph, bent, 'Sub', max);
    const exp = sub && scalar(graph, sub.input[1]) === 1 ? maker(graph, sub.input[0], 'Exp', sub) : undefined;
    const min = exp && maker(graph, exp.input[0], 'Min', exp);
    if (!min?.input.includes(x!) || !min.input.some((name) => scalar(graph, name) === 0)) continue;
    const elu = graph.add('Elu', max.name.replace(/\.max$/, ''), [x!], { alpha: { float: 1 } });
    graph.substitute(max, elu);
    for (const part of [sub!, exp!, min]) graph.remove(part);
    return true;
  }
  return false;
}

/** What makes a tensor that only one node reads, when it is of that kind. */
function maker(
  graph: ModelGraph,
  tensor: string | undefined,
  opType: string,
  reader: NodeProto,
): NodeProto | undefined {
  const found = tensor === undefined ? undefined : graph.producer(tensor);
  return found?.opType === opType && graph.onlyConsumer(tensor!) === reader ? found : undefined;
}

function scalar(graph: ModelGraph, name: string | undefined): number | undefined {
  const values = name === undefined ? undefined : graph.floats(name);
  return values?.length === 1 ? values[0] : undefined;
}
