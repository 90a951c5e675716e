// A graph of an older opset in opset 19, the first in which QuantizeLinear takes float16.
import { UserError } from '../../command.ts';
import { integers } from '../graph/attributes.ts';
import type { ModelGraph } from '../graph/model-graph.ts';

export const FLOAT16_QUANTISE_OPSET = 19;
/** The IR version that came with it. */
const IR_VERSION = 9;

/** Operators that mean the same in opsets 13 to 19 (ONNX Changelog.md); QuantizeLinear only gained types. */
const UNCHANGED =
  `Add AveragePool Cast Clip Concat Conv DequantizeLinear Div Elu Exp Flatten Gemm GlobalAveragePool GRU Gather
  Identity LSTM MatMul Max MaxPool Min Mul QuantizeLinear Relu Reshape Sigmoid Slice Softmax Sqrt Squeeze Sub Tanh Transpose
  Unsqueeze BatchNormalization LeakyRelu`.split(/\s+/);

/** Since 18 they take their axes as an input (ReduceSum since 13). */
const REDUCE = ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceProd'];

/** @throws UserError naming an operator whose changes are not known here */
export function raiseOpset(graph: ModelGraph): void {
  if (graph.opset >= FLOAT16_QUANTISE_OPSET) return;
  for (const node of graph.nodes) {
    const { opType, name } = node;
    if (opType === 'Split') {
      // Since 18 even parts must be asked for by number.
      if (!node.input[1]) graph.setAttribute(node, 'num_outputs', node.output.length);
    } else if (REDUCE.includes(opType) && graph.opset < 18) {
      const axes = integers(node, 'axes');
      graph.setAttribute(node, 'axes', undefined);
      if (axes)
        graph.rewire(node, [node.input[0]!, graph.addConstant(`${name}.axes`, { dims: [axes.length], values: axes })]);
    } else if (!UNCHANGED.includes(opType)) {
      throw new UserError(
        `The node ${name} (${opType}) may mean something else in opset ${FLOAT16_QUANTISE_OPSET}, which float16 with int8 needs: export the model with that opset.`,
      );
    }
  }
  graph.setOpset(FLOAT16_QUANTISE_OPSET, IR_VERSION);
}
