// Float types: what strong typing makes of a file, where precision is what the constants say and nothing is cast.
import { typeName } from './graph/constants.ts';
import type { Judgement } from './judgement.ts';
import type { NodeProto } from './onnx/codec.ts';
import type { Target } from './rewrites/all-rewrites.ts';
import { tensorNumbers } from './tensor-numbers.ts';

/** 2^-14, rounded: below it a float16 loses digits. */
const SMALLEST_NORMAL_HALF = 6.1e-5;

const HEAVY = ['Conv', 'ConvTranspose', 'MatMul', 'Gemm'];
/** Recurrent layers may stay float32: a few per cent of the work, and the importer's float16 form is not proved. */
const RECURRENT = ['GRU', 'LSTM', 'RNN'];
const FLOATS = ['float', 'float16', 'bfloat16', 'double'];

/** What the file says of types: TensorRT 10 and later take it as it is, 8 chooses types itself. */
export function lintFloatTypes(judgement: Judgement, target: Target): void {
  const { graph, report } = judgement;
  const halves = graph.initializers.filter(({ dataType }) => typeName(dataType) === 'float16');
  if (target === 'trt8') {
    const first = halves[0] && graph.consumers(halves[0].name)[0];
    if (halves.length > 0)
      report('float16-in-weak', first, `${halves.length} constants are float16, as ${halves[0]!.name}`);
    return;
  }
  if (halves.length === 0 && target === 'trt-fp16') report('not-float16', undefined, 'all its constants are float32');
  for (const half of halves) {
    const wrong = tensorNumbers(half)?.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) report('float16-finite', graph.consumers(half.name)[0], `${half.name} holds ${wrong}`);
  }
  for (const node of graph.sorted()) lintNode(node, judgement);
}

function lintNode(node: NodeProto, { graph, types, report }: Judgement): void {
  const { opType, input } = node;
  if (opType === 'QuantizeLinear' || opType === 'DequantizeLinear') {
    const scale = graph.initializer(input[1]!);
    const small =
      scale && typeName(scale.dataType) === 'float16' && tensorNumbers(scale)?.find((s) => s < SMALLEST_NORMAL_HALF);
    if (typeof small === 'number') report('float16-scale', node, `a scale of ${input[1]} is ${small}`);
  }
  if (opType === 'DequantizeLinear' || opType === 'Cast') return;
  const floats = [...new Set(input.map((name) => types.get(name)).filter((type) => type && FLOATS.includes(type)))];
  if (floats.length > 1) report('mixed-types', node, `its inputs are ${floats.join(' and ')}`);
  if (RECURRENT.includes(opType) && floats[0] === 'float16' && !input[5]) report('gru-state', node, 'it is given none');
  const isQuantised = graph.producer(input[0] ?? '')?.opType === 'DequantizeLinear';
  if (HEAVY.includes(opType) && floats.length === 1 && floats[0] === 'float' && !isQuantised) {
    report('float32-left', node, 'its inputs are float32');
  }
}
