// The intermediate graph: a decoded ONNX model whose nodes can be found by the tensors they make and use, and edited.
import {
  type AttributeValue,
  encodeDecoded,
  floatValue,
  type ModelProto,
  type NodeProto,
  node,
  type TensorProto,
  type ValueInfoProto,
} from '../onnx/codec.ts';
import { type Constant, readConstant, writeConstant } from './constants.ts';
import { sortTopologically } from './order.ts';

type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * Tensors are named by strings, as in ONNX. Every tensor has one producer: a node, a constant, or the caller of the model.
 * A name is never used twice, not even after its tensor is gone, so that what was known of a tensor stays true.
 */
export class ModelGraph {
  readonly #model: ModelProto;
  readonly #nodes: Set<NodeProto>;
  readonly #constants: Map<string, TensorProto>;
  readonly #producers = new Map<string, NodeProto>();
  readonly #consumers = new Map<string, Set<NodeProto>>();
  readonly #inputs: ReadonlySet<string>;
  readonly #outputs: ReadonlySet<string>;
  readonly #taken: Set<string>;

  /** @param model checked by readGraph; belongs to the graph from now on */
  constructor(model: ModelProto) {
    const { node: nodes, initializer, input, output } = model.graph!;
    this.#model = model;
    this.#nodes = new Set(nodes);
    this.#constants = new Map(initializer.map((tensor) => [tensor.name, tensor]));
    this.#inputs = new Set(input.map(({ name }) => name));
    this.#outputs = new Set(output.map(({ name }) => name));
    this.#taken = new Set([...this.#constants.keys(), ...this.#inputs, ...nodes.flatMap((each) => each.output)]);
    for (const each of nodes) this.#index(each);
  }

  /** Version of the standard operators. */
  get opset(): number {
    return Number(this.#model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')!.version);
  }

  get name(): string {
    return this.#model.graph!.name;
  }

  /** All nodes; a copy, so that a loop may edit the graph. */
  get nodes(): NodeProto[] {
    return [...this.#nodes];
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** What the caller gives; initializers that are also listed as inputs are defaults, not inputs. */
  get inputs(): ValueInfoProto[] {
    return this.#model.graph!.input.filter(({ name }) => !this.#constants.has(name));
  }

  get outputs(): readonly ValueInfoProto[] {
    return this.#model.graph!.output;
  }

  get initializers(): TensorProto[] {
    return [...this.#constants.values()];
  }

  has(each: NodeProto): boolean {
    return this.#nodes.has(each);
  }

  isOutput(tensor: string): boolean {
    return this.#outputs.has(tensor);
  }

  producer(tensor: string): NodeProto | undefined {
    return this.#producers.get(tensor);
  }

  /** Nodes that read a tensor, each once. */
  consumers(tensor: string): NodeProto[] {
    return [...(this.#consumers.get(tensor) ?? [])];
  }

  /** The one node that reads a tensor, when nobody else sees it, not even the model's caller. */
  onlyConsumer(tensor: string): NodeProto | undefined {
    const [first, ...others] = this.consumers(tensor);
    return others.length > 0 || this.isOutput(tensor) ? undefined : first;
  }

  /** The initializer of that name, unless the caller of the model may replace it. */
  initializer(name: string): TensorProto | undefined {
    return this.#inputs.has(name) ? undefined : this.#constants.get(name);
  }

  /** Values of a constant, where we can read its type. */
  constant(name: string): Constant | undefined {
    const found = this.initializer(name);
    return found && readConstant(found);
  }

  /** Values of a float32 constant. */
  floats(name: string): Float32Array | undefined {
    const values = this.constant(name)?.values;
    return values instanceof Float32Array ? values : undefined;
  }

  /** Adds a constant under a name like `base`. @returns its name */
  addConstant(base: string, constant: Constant): string {
    const name = this.freshName(base);
    const proto = writeConstant(name, constant);
    if (!proto) throw new Error(`${base} holds integers past 2^53`);
    this.#constants.set(name, proto);
    return name;
  }

  /** Adds a tensor of any type as a constant under a name like `base`. @returns its name */
  addInitializer(base: string, proto: TensorProto): string {
    const name = this.freshName(base);
    this.#constants.set(name, { ...proto, name });
    return name;
  }

  /** Adds a node with one output, both named like `base`. @returns the output's name */
  add(opType: string, base: string, inputs: readonly string[], attributes?: Attributes): string {
    const name = this.freshName(base);
    const added = node(opType, name, inputs, [name], attributes);
    this.#nodes.add(added);
    this.#index(added);
    return name;
  }

  /** Gives a node other inputs and outputs; its attributes and name stay. */
  rewire(each: NodeProto, inputs: readonly string[], outputs: readonly string[] = each.output): void {
    this.#unindex(each);
    each.input = [...inputs];
    each.output = [...outputs];
    for (const name of outputs) this.#taken.add(name);
    this.#index(each);
  }

  /** Sets an attribute, or takes it away. */
  setAttribute(each: NodeProto, name: string, value: AttributeValue | undefined): void {
    const others = each.attribute.filter((attribute) => attribute.name !== name);
    each.attribute = value === undefined ? others : [...others, ...node('', '', [], [], { [name]: value }).attribute];
  }

  /** States that the standard operators are those of another version; the caller has seen to it that they are. */
  setOpset(version: number, irVersion: number): void {
    this.#model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')!.version = BigInt(version);
    if (this.#model.irVersion < irVersion) this.#model.irVersion = BigInt(irVersion);
  }

  remove(each: NodeProto): void {
    this.#unindex(each);
    this.#nodes.delete(each);
  }

  removeInitializer(name: string): void {
    this.#constants.delete(name);
  }

  /** Whether substitute() can be done: the model's outputs keep their names, so another output or an input cannot take one over. */
  canSubstitute(tensor: string, by: string): boolean {
    return !this.isOutput(tensor) || (this.#producers.has(by) && !this.isOutput(by));
  }

  /** Removes a node with one output; the tensor `by` takes that output's place and, where the caller sees it, its name. */
  substitute(each: NodeProto, by: string): void {
    const tensor = each.output[0]!;
    this.remove(each);
    if (this.isOutput(tensor)) {
      const maker = this.#producers.get(by)!;
      const outputs = maker.output.map((name) => (name === by ? tensor : name));
      this.rewire(maker, maker.input, outputs);
      this.#redirect(by, tensor);
    } else this.#redirect(tensor, by);
  }

  #redirect(from: string, to: string): void {
    for (const user of this.consumers(from)) {
      this.rewire(
        user,
        user.input.map((name) => (name === from ? to : name)),
      );
    }
  }

  /** A tensor name like `base` that was never used. */
  freshName(base: string): string {
    let name = base;
    for (let i = 1; this.#taken.has(name); i += 1) name = `${base}.${i}`;
    this.#taken.add(name);
    return name;
  }

  /** Nodes in an order in which each finds its inputs made. */
  sorted(): NodeProto[] {
    return sortTopologically(this.nodes, (tensor) => this.#producers.get(tensor));
  }

  /**
   * Bytes of the model; what is known about tensors that are gone is left out.
   * @param moreOutputs float32 tensors inside that these bytes shall also give out
   */
  encode(moreOutputs: readonly string[] = []): Uint8Array {
    const graph = this.#model.graph!;
    graph.node = this.sorted();
    graph.initializer = this.initializers;
    graph.valueInfo = graph.valueInfo.filter(({ name }) => this.#producers.has(name));
    const own = graph.output;
    const more = moreOutputs.filter((name) => !this.isOutput(name)).map((name) => floatValue(name));
    graph.output = [...own, ...more];
    const bytes = encodeDecoded(this.#model);
    graph.output = own;
    return bytes;
  }

  #index(each: NodeProto): void {
    for (const name of each.output) if (name !== '') this.#producers.set(name, each);
    for (const name of each.input) {
      const users = this.#consumers.get(name);
      if (users) users.add(each);
      else this.#consumers.set(name, new Set([each]));
    }
  }

  #unindex(each: NodeProto): void {
    for (const name of each.output) if (this.#producers.get(name) === each) this.#producers.delete(name);
    for (const name of each.input) this.#consumers.get(name)?.delete(each);
  }
}
