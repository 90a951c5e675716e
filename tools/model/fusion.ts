// Whether ONNX Runtime really computes in integers where the graph asks for it: read from the graph it runs, not from ours.
import { parseGraph } from './graph/read-graph.ts';
import { isConstant } from './judgement.ts';
import { decodeModel, type NodeProto } from './onnx/codec.ts';
import { optimisedByRuntime } from './onnx-session.ts';

export interface NamedNode {
  readonly node: string;
  readonly operator: string;
}

export interface Fusion {
  /** Convolutions and matrix products with quantised input and weights. */
  readonly expected: number;
  /** Those of them that still compute in float32. */
  readonly islands: readonly NamedNode[];
  /** Other float operators with a DequantizeLinear before and a QuantizeLinear behind them: they cost two conversions. */
  readonly conversions: readonly NamedNode[];
  /** Operators that run, and how many of each. */
  readonly kernels: Readonly<Record<string, number>>;
}

const HEAVY = ['Conv', 'ConvTranspose', 'MatMul', 'Gemm'];
/** What the runtime makes of float operators: still float. */
const FLOAT_KERNELS = [...HEAVY, 'FusedConv', 'FusedMatMul', 'FusedGemm', 'NhwcFusedConv'];

/** @throws UserError when the model cannot be read or run */
export async function checkFusion(model: Uint8Array, where: string): Promise<Fusion> {
  const graph = parseGraph(model, where);
  const dequantised = (tensor = '') => graph.producer(tensor)?.opType === 'DequantizeLinear';
  const expected = graph.nodes.filter(
    ({ opType, input }) =>
      HEAVY.includes(opType) && dequantised(input[0]) && !isConstant(graph, input[0]!) && dequantised(input[1]),
  );
  const names = new Set(expected.map(nameOf));
  const running = decodeModel(await optimisedByRuntime(model, where)).graph!.node;
  const islands = running.filter((node) => FLOAT_KERNELS.includes(node.opType) && names.has(nameOf(node)));
  const kernels: Record<string, number> = {};
  for (const { opType } of running) kernels[opType] = (kernels[opType] ?? 0) + 1;
  return {
    expected: expected.length,
    islands: islands.map(named),
    conversions: betweenConversions(running)
      .filter((node) => !islands.includes(node))
      .map(named),
    kernels,
  };
}

/** Fusion gives nodes a name like the original's with a token behind it. */
function nameOf({ name, output }: NodeProto): string {
  return (name || output[0]!).replace(/_token_\d+$/, '');
}

const named = (node: NodeProto): NamedNode => ({ node: nameOf(node), operator: node.opType });

function betweenConversions(nodes: readonly NodeProto[]): NodeProto[] {
  const makers = new Map(nodes.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const quantised = new Set(nodes.filter(({ opType }) => opType === 'QuantizeLinear').map(({ input }) => input[0]!));
  return nodes.filter(
    ({ opType, input, output }) =>
      opType !== 'QuantizeLinear' &&
      input.some((name) => makers.get(name)?.opType === 'DequantizeLinear') &&
      output.some((name) => quantised.has(name)),
  );
}
