// From ONNX bytes to a graph that can be edited; what cannot be edited safely is refused by name.
import { open } from 'node:fs/promises';
import { UserError } from '../../command.ts';
import { AttributeType, decodeModel, type ModelProto, type NodeProto } from '../onnx/codec.ts';
import { tensorFault } from './constants.ts';
import { ModelGraph } from './model-graph.ts';
import { sortTopologically } from './order.ts';

/** From 13 on, axes of Squeeze are inputs and BatchNormalization's training is an attribute; later than 21 is not checked. */
export const OPSETS = { oldest: 13, newest: 21 } as const;

/** A longer file is refused before it is read; our networks have 3 MiB. */
const LONGEST_FILE_BYTES = 512 * 2 ** 20;

/** A file that is no ONNX model, or one that cannot be edited without risk of changing what it computes. */
export class GraphError extends UserError {}

/**
 * Reads a model file.
 * @throws GraphError when it is missing, too long, or refused by parseGraph
 */
export async function readModelFile(file: string): Promise<Uint8Array> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new GraphError(`Cannot read ${file}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.code}.`, {
      cause,
    });
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new GraphError(`${file} is no file: give an .onnx file.`);
    if (stat.size > LONGEST_FILE_BYTES) {
      const mebibytes = Math.ceil(stat.size / 2 ** 20);
      throw new GraphError(
        `${file} has ${mebibytes} MiB, more than the ${LONGEST_FILE_BYTES / 2 ** 20} that are read: it is no model for a small device.`,
      );
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * @param bytes of an ONNX model
 * @param where what it is called in messages
 * @throws GraphError naming the first thing that makes editing unsafe
 */
export function parseGraph(bytes: Uint8Array, where: string): ModelGraph {
  const model = decode(bytes, where);
  const fault = modelFault(model) ?? structureFault(model);
  if (fault) throw new GraphError(`${where} cannot be edited: ${fault}.`);
  return new ModelGraph(model);
}

function decode(bytes: Uint8Array, where: string): ModelProto {
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch (cause) {
    throw new GraphError(`${where} is no ONNX model, or a damaged one: ${(cause as Error).message}.`, { cause });
  }
  if (model.graph && model.graph.node.length > 0) return model;
  throw new GraphError(`${where} is no ONNX model: it holds no graph with nodes.`);
}

function modelFault({ opsetImport, functions, trainingInfo, graph }: ModelProto): string | undefined {
  const standard = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  const { oldest, newest } = OPSETS;
  if (!standard) return 'it names no version of the standard operators (opset)';
  if (standard.version < oldest || standard.version > newest) {
    return `it uses opset ${standard.version}; opsets ${oldest} to ${newest} are known here: export it again with one of these`;
  }
  if (functions.length > 0)
    return `it defines functions of its own (${functions[0]!.name}): export it with them inlined`;
  if (trainingInfo.length > 0) return 'it holds training information: export it for inference';
  if (graph!.sparseInitializer.length > 0) return 'it holds sparse constants';
  if (graph!.quantizationAnnotation.length > 0) return 'it holds quantization annotations, which would get out of date';
  const external = graph!.initializer.find(({ dataLocation }) => dataLocation !== 0);
  if (external) return `the constant ${external.name} lies in another file: save the model with its data inside`;
  for (const tensor of graph!.initializer) {
    const fault = tensorFault(tensor);
    if (fault) return `the constant ${tensor.name} ${fault}`;
  }
  return graph!.node.map(nodeFault).find((fault) => fault !== undefined);
}

function nodeFault({ name, opType, attribute }: NodeProto): string | undefined {
  const nested = attribute.some(({ type }) => type === AttributeType.GRAPH || type === AttributeType.GRAPHS);
  if (nested) return `the node ${name} (${opType}) holds a graph of its own, which may use any tensor around it`;
  for (const { t } of attribute) {
    const fault = t && (t.dataLocation === 0 ? tensorFault(t) : 'lies in another file');
    if (fault) return `a constant of the node ${name} (${opType}) ${fault}`;
  }
  return undefined;
}

/** Every tensor is made once, before it is used. */
function structureFault({ graph }: ModelProto): string | undefined {
  const { node: nodes, initializer, input, output } = graph!;
  const known = new Set([...initializer, ...input].map(({ name }) => name));
  if (new Set(initializer.map(({ name }) => name)).size < initializer.length) return 'two constants have one name';
  const producers = new Map<string, NodeProto>();
  for (const node of nodes) {
    for (const name of node.output.filter((each) => each !== '')) {
      if (producers.has(name) || known.has(name)) return `the tensor ${name} is made twice`;
      producers.set(name, node);
    }
  }
  const missing = [...nodes.flatMap((node) => node.input), ...output.map(({ name }) => name)].find(
    (name) => name !== '' && !known.has(name) && !producers.has(name),
  );
  if (missing !== undefined) return `nothing makes the tensor ${missing}`;
  if (sortTopologically(nodes, (name) => producers.get(name)).length < nodes.length) return 'its nodes form a circle';
  return undefined;
}
