// What each target reads and runs well: opsets, operators and rules as data, each with the document it stands in.

/** Releases of TensorRT that Jetsons run, by their first two numbers; trtexec's flags differ between them. */
export const TENSORRT_RELEASES = [
  '8.0',
  '8.2',
  '8.5',
  '8.6',
  '10.0',
  '10.3',
  '10.13',
  '10.16',
  '11.1',
  '11.4',
] as const;
export type TensorrtRelease = (typeof TENSORRT_RELEASES)[number];

/** The release a target is judged for when none is named: what most boards of its kind run (JetPack 5.1, JetPack 6.2). */
export const USUAL_RELEASE = { trt8: '8.5', 'trt-fp16': '10.3', 'trt-int8': '10.3' } as const;

const IMPORTER = 'onnx/onnx-tensorrt onnxOpImporters.cpp @10.1';
const TABLE = 'onnx/onnx-tensorrt docs/operators.md';
const GUIDE = 'NVIDIA TensorRT developer guide, working with quantized types';
const MIGRATION = 'NVIDIA TensorRT 11 migration guide, strong typing';
const ORT_QDQ = 'microsoft/onnxruntime 1.30 qdq_transformer/selectors_actions/qdq_selector_action_transformer.cc';
const ORT_S8 = 'microsoft/onnxruntime 1.30 qdq_transformer/qdq_s8_to_u8.cc; measured: 12.7 ms beside 7.5 ms with uint8';

/** error: the target refuses the file or computes something else; warning: it runs, slower or less exactly than it could. */
export interface Rule {
  readonly level: 'error' | 'warning';
  readonly rule: string;
  readonly source: string;
}

const error = (rule: string, source: string): Rule => ({ level: 'error', rule, source });
const warning = (rule: string, source: string): Rule => ({ level: 'warning', rule, source });

export const RULES = {
  readable: error('the model can be read and its graph has no graphs inside', 'tools/model/graph/read-graph.ts'),
  opset: error('the opset must be one the target reads', 'opset table of the target'),
  'ir-version': error('ONNX Runtime 1.30 reads models up to IR version 13', 'microsoft/onnxruntime 1.30, measured'),
  operator: error('the target must have the operator', TABLE),
  domain: error('only operators of the ONNX standard are known to the target', TABLE),
  'constant-input': error('this input must be a constant', TABLE),
  'pool-indices': error('the second output of MaxPool, its indices, is not supported', TABLE),
  'gru-directions': error('both directions of a recurrent layer must have the same activations', TABLE),
  'gru-layout': error('recurrent layers must have layout 0 (time first)', IMPORTER),
  'gru-state': warning(
    'a float16 GRU should be given its initial state: without it the importer adds a float32 one, which strong typing may refuse',
    IMPORTER,
  ),
  einsum: error('before TensorRT 10 Einsum knows no ellipsis', TABLE),
  'q-zero-point': error('zero points must be constants, int8 and 0, and written out', `${IMPORTER} 1345-1650`),
  'q-scale': error('scales must be constant, positive and finite', `${IMPORTER} 1345-1650`),
  'q-activation': error('activations have one scale for the whole tensor', `${IMPORTER} 1345-1650`),
  'q-weight-axis': error(
    'weights have one scale, or one per output channel: axis 0 of Conv, 1 of ConvTranspose and of MatMul',
    GUIDE,
  ),
  'q-int8-constant': error(
    'before TensorRT 8.6 weights must be float with QuantizeLinear and DequantizeLinear, not int8 constants',
    'Sparsebit #16, onnx-tensorrt release notes 8.6',
  ),
  'q-bias': error(
    'a bias must stay float: int32 with DequantizeLinear is not parsed',
    'microsoft/onnxruntime #14229, NVIDIA/TensorRT #3360',
  ),
  'q-before-add': warning('QuantizeLinear between a convolution and an Add keeps the two from being fused', GUIDE),
  'q-no-int8': warning(
    'this operator has no int8 path on the target: quantising its input only costs exactness',
    GUIDE,
  ),
  'q-weights': warning('an operator computes in int8 only when its weights are quantised as well', GUIDE),
  'not-quantised': error('an int8 model has QuantizeLinear and DequantizeLinear nodes', 'definition of the target'),
  'not-float16': error(
    'under strong typing precision is what the file says: a float16 model has float16 weights',
    MIGRATION,
  ),
  'float16-finite': error('float16 constants must be finite', 'IEEE 754-2019'),
  'float16-scale': error(
    'float16 scales must be 6.1e-5 or more: smaller ones are subnormal',
    'IEEE 754; docs of ModelOpt AutoCast',
  ),
  'float32-left': warning('under strong typing this operator computes in float32, as its constants do', MIGRATION),
  'mixed-types': error(
    'all inputs of an operator must have one float type',
    'ONNX operators; strong typing adds no casts',
  ),
  'float16-in-weak': warning('a weakly typed model keeps float32 constants: the builder chooses float16 itself', GUIDE),
  'u8-activations': warning('on x86 int8 activations with several readers stay float: use uint8', ORT_S8),
  's8-weights': warning('on x86 the fast kernels take uint8 activations and int8 weights', ORT_S8),
  'needs-output-q': warning(
    'ONNX Runtime fuses DequantizeLinear -> operator -> QuantizeLinear: without the last the operator stays float',
    ORT_QDQ,
  ),
  'float-island': warning(
    'ONNX Runtime has no integer kernel for this operator: it stays float between its Q and DQ',
    ORT_QDQ,
  ),
  '16-bit': warning('convolutions are not fused with 16-bit activations', ORT_QDQ),
} as const satisfies Record<string, Rule>;
export type RuleName = keyof typeof RULES;

export interface OpsetRange {
  readonly oldest: number;
  readonly newest: number;
  readonly source: string;
}

/** ONNX Runtime runs every standard operator; its opsets were tried one by one. */
export const ORT_OPSETS: OpsetRange = { oldest: 7, newest: 26, source: 'onnxruntime-node 1.30, measured' };
export const ORT_NEWEST_IR = 13;
/** Domains of operators that come with ONNX Runtime. */
export const ORT_DOMAINS = ['', 'ai.onnx', 'com.microsoft', 'com.microsoft.nchwc', 'com.ms.internal.nhwc'];

export function tensorrtOpsets(release: TensorrtRelease): OpsetRange {
  if (isBefore(release, '8.4')) return { oldest: 7, newest: 13, source: `${TABLE} @8.2: "up to Opset 13"` };
  if (isBefore(release, '10.0')) return { oldest: 7, newest: 17, source: `${TABLE} @8.5: "up to Opset 17"` };
  return { oldest: 9, newest: 20, source: `${TABLE} @10.1: opsets 9 to 20` };
}

export function isBefore(release: string, other: string): boolean {
  const [a, b] = [release, other].map((text) => text.split('.').map(Number)) as [number[], number[]];
  return a[0] !== b[0] ? a[0]! < b[0]! : a[1]! < b[1]!;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/** The operator table of 8.4 (commit 009d6541), the oldest one kept; then what later tables add (8.5: commit 6d0ab7be). */
const TENSORRT_OPERATORS: readonly { readonly since: string; readonly operators: readonly string[] }[] = [
  {
    since: '8.0',
    operators:
      words(`Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Celu Clip
      Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal
      Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
      GreaterOrEqual GRU HardSigmoid Identity If ImageScaler InstanceNormalization IsNaN LeakyRelu Less LessOrEqual Log LogSoftmax
      Loop LRN LSTM LpNormalization LpPool MatMul Max MaxPool Mean Min Mul Neg NonMaxSuppression Not Or Pad ParametricSoftplus Pow
      PRelu QuantizeLinear RandomUniform RandomUniformLike Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
      ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RNN Round ScaledTanh Scan Scatter
      ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze
      Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where Xor`),
  },
  {
    since: '8.5',
    operators:
      words(`GridSample HardSwish MeanVarianceNormalization Mod NonZero OneHot RandomNormal RandomNormalLike Reciprocal
      RoiAlign Shrink Trilu`),
  },
  { since: '8.6', operators: words('GroupNormalization LayerNormalization') },
  { since: '10.0', operators: words('Gelu Mish') },
];

export function tensorrtHas(operator: string, release: TensorrtRelease): boolean {
  return TENSORRT_OPERATORS.some(({ since, operators }) => !isBefore(release, since) && operators.includes(operator));
}

/** Inputs that must be constants, by operator and place. */
export const CONSTANT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  ...{
    Squeeze: [1],
    Unsqueeze: [1],
    Slice: [3],
    CumSum: [1],
    TopK: [1],
    GRU: [1, 2, 3],
    LSTM: [1, 2, 3],
    RNN: [1, 2, 3],
  },
  ...{ ReduceMean: [1], ReduceMax: [1], ReduceMin: [1], ReduceSum: [1], ReduceProd: [1], ReduceL1: [1], ReduceL2: [1] },
};

/** What to do instead, where we know it. */
export const WAYS_OUT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    words('QLinearConv QLinearMatMul ConvInteger MatMulInteger DynamicQuantizeLinear').map((name) => [
      name,
      'write QuantizeLinear and DequantizeLinear around the float operator instead (earshot model quantise --target trt-int8)',
    ]),
  ),
  ...Object.fromEntries(
    words('STFT DFT MelWeightMatrix HannWindow HammingWindow BlackmanWindow').map((name) => [
      name,
      'compute features outside the network, as the runtime does',
    ]),
  ),
};

/** Operators with weights in their second input, and the axis of output channels there. */
export const WEIGHTED: Readonly<Record<string, number>> = { Conv: 0, ConvTranspose: 1, MatMul: 1 };

/** No int8 kernels in TensorRT: the developer guide's list of quantisable layers leaves them out. */
export const TENSORRT_FLOAT_ONLY = words(
  'Elu Sigmoid Tanh Softmax ReduceMean GlobalAveragePool GRU LSTM RNN Scan Loop',
);

/** No integer form in ONNX Runtime's CPU provider (its QDQ selectors leave them out). */
export const ORT_FLOAT_ONLY = words('Elu Tanh ReduceMean GRU LSTM Exp Max Min Sub Div BatchNormalization Erf Pow Sqrt');
/** Become one integer kernel with the Q and DQ around them, and are slow when they do not. */
export const ORT_FUSED = words('Conv MatMul Gemm ConvTranspose');
