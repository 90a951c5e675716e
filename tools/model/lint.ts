// Whether a model keeps the rules of what shall run it: each breach with its node, rule and source.
import { integer, text } from './graph/attributes.ts';
import { inferTypes } from './graph/infer-types.ts';
import type { ModelGraph } from './graph/model-graph.ts';
import { GraphError, parseGraph } from './graph/read-graph.ts';
import { type Finding, isConstant, type Judgement } from './judgement.ts';
import { lintOnnxruntimeInt8 } from './lint-onnxruntime.ts';
import { lintTensorrtQuantised } from './lint-quantised.ts';
import { lintFloatTypes } from './lint-types.ts';
import { AttributeType, decodeModel, type ModelProto, type NodeProto } from './onnx/codec.ts';
import type { Target } from './rewrites/all-rewrites.ts';
import {
  CONSTANT_INPUTS,
  isBefore,
  ORT_DOMAINS,
  ORT_NEWEST_IR,
  ORT_OPSETS,
  RULES,
  type RuleName,
  type TensorrtRelease,
  tensorrtHas,
  tensorrtOpsets,
  USUAL_RELEASE,
  WAYS_OUT,
} from './target-rules.ts';

/**
 * Judges a model for a target.
 * @param release of TensorRT; by default the usual one of the target
 * @returns errors first, then warnings, each in the order of the graph; none: the model keeps all rules
 */
export function lintModel(
  bytes: Uint8Array,
  where: string,
  target: Target,
  release: TensorrtRelease = target.startsWith('trt') ? USUAL_RELEASE[target as keyof typeof USUAL_RELEASE] : '10.3',
): Finding[] {
  const findings: Finding[] = [];
  const report = (rule: RuleName, node: NodeProto | undefined, message: string, source = RULES[rule].source) => {
    const name = node ? node.name || (node.output[0] ?? '') : '';
    findings.push({ level: RULES[rule].level, rule, node: name, operator: node?.opType ?? '', message, source });
  };
  const onTensorrt = target.startsWith('trt');
  const model = decoded(bytes);
  if (model?.graph) {
    if (onTensorrt) lintForTensorrt(model, release, report);
    else lintForOnnxruntime(model, report);
  }
  const graph = readable(bytes, where, (message) => report('readable', undefined, message));
  if (graph) judge({ graph, types: inferTypes(graph), release, report }, target);
  return findings.sort((a, b) => Number(a.level === 'warning') - Number(b.level === 'warning'));
}

function decoded(bytes: Uint8Array): ModelProto | undefined {
  try {
    return decodeModel(bytes);
  } catch {
    return undefined; // parseGraph says what is wrong with it
  }
}

function readable(bytes: Uint8Array, where: string, refuse: (message: string) => void): ModelGraph | undefined {
  try {
    return parseGraph(bytes, where);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    refuse(error.message);
    return undefined;
  }
}

type Report = (rule: RuleName, node: NodeProto | undefined, message: string, source?: string) => void;

const opsetOf = ({ opsetImport }: ModelProto) =>
  opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version;

function lintForOnnxruntime(model: ModelProto, report: Report): void {
  const { oldest, newest, source } = ORT_OPSETS;
  const opset = opsetOf(model);
  if (opset !== undefined && (opset < oldest || opset > newest)) {
    report('opset', undefined, `opset ${opset}; ONNX Runtime reads ${oldest} to ${newest}`, source);
  }
  if (model.irVersion > ORT_NEWEST_IR) report('ir-version', undefined, `IR version ${model.irVersion}`);
  for (const node of model.graph!.node) {
    if (!ORT_DOMAINS.includes(node.domain)) report('domain', node, `${node.domain}.${node.opType}`, ORT_OPSETS.source);
  }
}

function lintForTensorrt(model: ModelProto, release: TensorrtRelease, report: Report): void {
  const { oldest, newest, source } = tensorrtOpsets(release);
  const opset = opsetOf(model);
  if (opset !== undefined && (opset < oldest || opset > newest)) {
    report('opset', undefined, `opset ${opset}; TensorRT ${release} reads ${oldest} to ${newest}`, source);
  }
  for (const node of allNodes(model.graph!.node)) {
    const { domain, opType } = node;
    const wayOut = WAYS_OUT[opType] ? `: ${WAYS_OUT[opType]}` : '';
    if (domain !== '' && domain !== 'ai.onnx') report('domain', node, `${domain}.${opType}${wayOut}`);
    else if (!tensorrtHas(opType, release)) report('operator', node, `TensorRT ${release} has no ${opType}${wayOut}`);
  }
}

/** The nodes and those of graphs inside them (Loop, Scan, If). Decoding bounds how deep they nest. */
function allNodes(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => {
    const inner = node.attribute.filter(({ type }) => type === AttributeType.GRAPH).flatMap(({ g }) => g?.node ?? []);
    return [node, ...allNodes(inner)];
  });
}

function judge(judgement: Judgement, target: Target): void {
  const { graph, report } = judgement;
  const quantised = graph.nodes.some(({ opType }) => opType === 'QuantizeLinear' || opType === 'DequantizeLinear');
  if (target.endsWith('-int8') && !quantised) report('not-quantised', undefined, 'nothing in it is quantised');
  if (target === 'ort-int8') lintOnnxruntimeInt8(judgement);
  if (!target.startsWith('trt')) return;
  for (const node of graph.sorted()) lintNode(node, judgement);
  if (quantised) lintTensorrtQuantised(judgement);
  lintFloatTypes(judgement, target);
}

function lintNode(node: NodeProto, { graph, release, report }: Judgement): void {
  for (const place of CONSTANT_INPUTS[node.opType] ?? []) {
    const input = node.input[place];
    if (input && !isConstant(graph, input)) report('constant-input', node, `its input ${input} is computed`);
  }
  if (node.opType === 'MaxPool' && node.output.length > 1) report('pool-indices', node, `it gives ${node.output[1]}`);
  if (node.opType === 'Einsum' && isBefore(release, '10.0') && text(node, 'equation', '').includes('...')) {
    report('einsum', node, `its equation is ${text(node, 'equation', '')}`);
  }
  if (['GRU', 'LSTM', 'RNN'].includes(node.opType)) lintRecurrent(node, report);
}

function lintRecurrent(node: NodeProto, report: Judgement['report']): void {
  if (integer(node, 'layout', 0) !== 0) report('gru-layout', node, `its layout is ${integer(node, 'layout', 0)}`);
  const names = node.attribute
    .find(({ name }) => name === 'activations')
    ?.strings.map((s) => new TextDecoder().decode(s));
  const half = (names?.length ?? 0) / 2;
  if (text(node, 'direction', 'forward') !== 'bidirectional' || !names) return;
  if (names.slice(0, half).join() !== names.slice(half).join()) {
    report('gru-directions', node, `its activations are ${names.join(', ')}`);
  }
}
