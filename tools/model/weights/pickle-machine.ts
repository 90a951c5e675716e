// The stack, memo and byte reader of the unpickler, with the limits that keep a hostile file from filling the memory.
import type { Value } from './pickle-values.ts';
import { WeightsError } from './tensor.ts';

const MOST_MEMOS = 1_000_000;
const LONGEST_STRING_BYTES = 65_536;
const DEEPEST = 100;

export class PickleMachine {
  readonly memo = new Map<number, Value>();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Value[] = [];
  /** Stack heights at which marks were set. */
  readonly #marks: number[] = [];
  readonly #depths = new WeakMap<object, number>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  push(value: Value): void {
    this.#stack.push(value);
  }

  pop(): Value {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0))
      throw new WeightsError('the pickle takes more than it has put');
    return this.#stack.pop()!;
  }

  top(): Value {
    const value = this.pop();
    this.push(value);
    return value;
  }

  mark(): void {
    if (this.#marks.length >= DEEPEST) throw new WeightsError(`the pickle nests deeper than ${DEEPEST}`);
    this.#marks.push(this.#stack.length);
  }

  /** All values above the latest mark, which goes. */
  popToMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new WeightsError('the pickle takes a mark it has not set');
    return this.#stack.splice(mark);
  }

  /** The only value left, at the end. */
  result(): Value {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0)
      throw new WeightsError('the pickle ends with values left over');
    return value;
  }

  /** Notes that a container holds values. @throws WeightsError when it is nested deeper than anything torch writes */
  contain<T extends object>(container: T, values: readonly Value[]): T {
    let depth = this.#depths.get(container) ?? 1;
    for (const value of values) {
      if (typeof value === 'object' && value !== null) depth = Math.max(depth, 1 + (this.#depths.get(value) ?? 0));
    }
    if (depth > DEEPEST) throw new WeightsError(`the pickle nests deeper than ${DEEPEST}`);
    this.#depths.set(container, depth);
    return container;
  }

  remember(index: number): void {
    if (index >= MOST_MEMOS) throw new WeightsError(`the pickle remembers value ${index}, beyond ${MOST_MEMOS}`);
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw new WeightsError(`the pickle recalls value ${index}, which it never remembered`);
    this.push(value);
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** Big-endian, as pickles have it. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(length: number): string {
    if (length > LONGEST_STRING_BYTES) throw new WeightsError(`the pickle has a text of ${length} bytes`);
    return new TextDecoder().decode(this.bytes(length));
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) throw new WeightsError('the pickle is cut off');
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  #advance(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new WeightsError('the pickle is cut off');
    this.#at += length;
    return start;
  }
}
