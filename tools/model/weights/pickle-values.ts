// What a pickle of weights may hold: plain values, and inert stand-ins for what torch would build.
import type { NumberFormatName } from './number-formats.ts';

/** A name the pickle asks for; nothing is ever imported. */
export class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** The bytes of one or more tensors: entry data/KEY of the archive. */
export class Storage {
  readonly format: NumberFormatName;
  readonly key: string;
  /** Values it is said to hold. */
  readonly count: number;
  constructor(format: NumberFormatName, key: string, count: number) {
    this.format = format;
    this.key = key;
    this.count = count;
  }
}

/** A view into a storage; sizes and strides are checked when its values are read. */
export class TensorView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], stride: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

/** Tuples and lists are arrays, dicts are maps: a key like __proto__ is a key. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | Map<Value, Value>
  | Global
  | Storage
  | TensorView;
