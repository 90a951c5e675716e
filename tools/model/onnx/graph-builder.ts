// Grows an ONNX graph node by node; the wires are strings.
import type { Weights } from '../weights/tensor.ts';
import { type AttributeValue, encodeModel, floatValue, node, tensor } from './codec.ts';

type Attributes = Readonly<Record<string, AttributeValue>>;
type Dims = readonly (number | string)[];

export class GraphBuilder {
  readonly #nodes: ReturnType<typeof node>[] = [];
  readonly #initializers: ReturnType<typeof tensor>[] = [];
  readonly #inputs: ReturnType<typeof floatValue>[] = [];
  readonly #outputs: ReturnType<typeof floatValue>[] = [];
  readonly #weights: Weights;

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  input(name: string, dims: Dims): string {
    this.#inputs.push(floatValue(name, dims));
    return name;
  }

  output(name: string, dims: Dims): void {
    this.#outputs.push(floatValue(name, dims));
  }

  /** Adds a node with one output, the wire named like the node. */
  node(opType: string, name: string, inputs: readonly string[], attributes?: Attributes): string {
    this.#nodes.push(node(opType, name, inputs, [name], attributes));
    return name;
  }

  /** Adds a node with several outputs. */
  nodeWithOutputs(
    opType: string,
    name: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes?: Attributes,
  ): void {
    this.#nodes.push(node(opType, name, inputs, outputs, attributes));
  }

  /** Adds a constant: float32 values, or whole numbers as int64. */
  constant(name: string, dims: readonly number[], values: Float32Array | readonly number[]): string {
    this.#initializers.push(tensor(name, dims, values));
    return name;
  }

  /** Adds a tensor of the weights as it is. */
  weight(name: string, dims?: readonly number[]): string {
    const { shape, values } = this.tensor(name);
    return this.constant(name, dims ?? shape, values);
  }

  /** A tensor of the weights, to be rearranged. */
  tensor(name: string) {
    const found = this.#weights.get(name);
    if (!found) throw new Error(`the weights have no ${name}`);
    return found;
  }

  finish(name: string): Uint8Array {
    return encodeModel({
      name,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }
}
