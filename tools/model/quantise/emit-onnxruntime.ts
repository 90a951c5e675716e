// ort-int8: uint8 activations and int8 weights between QuantizeLinear and DequantizeLinear, placed so that ONNX Runtime fuses them.
import type { ModelGraph } from '../graph/model-graph.ts';
import { parseGraph } from '../graph/read-graph.ts';
import { type NodeProto, narrowTensor } from '../onnx/codec.ts';
import { eluFromExp } from '../rewrites/elu-from-exp.ts';
import { removeDead } from '../rewrites/remove-dead.ts';
import type { CalibratedGraph } from './calibrate.ts';
import type { EluLookup } from './elu-lookup.ts';
import type { Grid } from './grid.ts';
import { type IntegerPlan, resultOf } from './integer-plan.ts';
import { storeNarrow } from './store-narrow.ts';
import { addInt8Weights, int8Weights } from './weights.ts';

/**
 * The model with the planned nodes in integers. What stays float is stored in fewer bits where that is exact enough.
 * @param narrow whether the weights of float nodes are stored narrow
 */
export function emitOnnxruntimeInt8(calibrated: CalibratedGraph, plan: IntegerPlan, narrow = true): Uint8Array {
  const graph = parseGraph(calibrated.bytes, calibrated.where);
  const emitter = new Emitter(graph, plan);
  emitter.run();
  removeDead.apply(graph);
  eluFromExp.apply(graph);
  if (narrow) storeNarrow(graph);
  return graph.encode();
}

class Emitter {
  readonly #graph: ModelGraph;
  readonly #plan: IntegerPlan;
  /** Names of the constants that hold a scale or zero point, by value. */
  readonly #scalars = new Map<string, string>();
  /** Integer and real side of tensors on a grid. */
  readonly #sides = new Map<string, { readonly integer: string; readonly real: string }>();

  constructor(graph: ModelGraph, plan: IntegerPlan) {
    this.#graph = graph;
    this.#plan = plan;
  }

  run(): void {
    const { nodes, grids } = this.#plan;
    const order = this.#graph.sorted();
    // Asked before anything is rewired: afterwards readers are no longer the same.
    const integers = order.filter(({ output }) => nodes.has(output[0]!));
    const made = new Set(integers.map((node) => resultOf(this.#graph, node)));
    const readers = new Map([...grids.keys()].map((tensor) => [tensor, this.#graph.consumers(tensor)]));
    for (const tensor of grids.keys()) {
      if (!this.#plan.lookups.has(tensor)) this.#quantise(tensor);
    }
    for (const node of integers) if (this.#plan.lookups.has(node.output[0]!)) this.#look(node);
    for (const [tensor, { real }] of this.#sides) {
      for (const reader of readers.get(tensor)!) {
        if (made.has(tensor) || nodes.has(reader.output[0]!)) this.#redirect(reader, tensor, real);
      }
    }
    for (const node of integers) if (node.opType === 'Conv') this.#narrowWeights(node);
  }

  #quantise(tensor: string): void {
    const grid = this.#plan.grids.get(tensor)!;
    const integer = this.#graph.add('QuantizeLinear', `${tensor}.integer`, [tensor, ...this.#parameters(grid)]);
    this.#sides.set(tensor, { integer, real: this.#real(tensor, integer, grid) });
  }

  #real(tensor: string, integer: string, grid: Grid): string {
    return this.#graph.add('DequantizeLinear', `${tensor}.real`, [integer, ...this.#parameters(grid)]);
  }

  /** Elu as the smaller of a table and of what lies above 0 (elu-lookup.ts). */
  #look(elu: NodeProto): void {
    const [tensor] = elu.output as [string];
    const { grid, shiftedZeroPoint, output }: EluLookup = this.#plan.lookups.get(tensor)!;
    const { integer } = this.#sides.get(elu.input[0]!)!;
    const [scale, zero] = this.#parameters(grid);
    const shifted = [scale, this.#parameters({ ...grid, zeroPoint: shiftedZeroPoint })[1]];
    const x = this.#graph.add('DequantizeLinear', `${tensor}.shifted`, [integer, ...shifted]);
    const sigmoid = this.#graph.add('Sigmoid', `${tensor}.sigmoid`, [x]);
    const bent = this.#graph.add('QuantizeLinear', `${tensor}.bent`, [sigmoid, ...this.#parameters(output)]);
    const straight = this.#graph.add('Max', `${tensor}.straight`, [integer, zero]);
    const result = this.#graph.add('Min', `${tensor}.integer`, [bent, straight]);
    this.#sides.set(tensor, { integer: result, real: this.#real(tensor, result, grid) });
  }

  #narrowWeights(conv: NodeProto): void {
    const [x, weight, ...bias] = conv.input;
    const values = this.#graph.constant(weight!)!;
    const narrow = addInt8Weights(this.#graph, weight!, int8Weights(values, 0));
    this.#graph.rewire(conv, [x!, narrow, ...bias]);
  }

  #redirect(reader: NodeProto, from: string, to: string): void {
    this.#graph.rewire(
      reader,
      reader.input.map((name) => (name === from ? to : name)),
    );
  }

  /** Names of the scale and zero point. */
  #parameters({ scale, zeroPoint }: Grid): [string, string] {
    const scaleName = this.#scalar(`scale ${scale}`, () =>
      this.#graph.addConstant('grid.scale', { dims: [], values: Float32Array.of(scale) }),
    );
    const zeroName = this.#scalar(`zero ${zeroPoint}`, () =>
      this.#graph.addInitializer('grid.zero', narrowTensor('', [], Uint8Array.of(zeroPoint))),
    );
    return [scaleName, zeroName];
  }

  #scalar(key: string, make: () => string): string {
    const name = this.#scalars.get(key) ?? make();
    this.#scalars.set(key, name);
    return name;
  }
}
