// Reads the pickle of a state dict without executing anything: the opcodes torch writes, on inert values. The list is that of
// torch/_weights_only_unpickler.py; protocol 2.
import { PickleMachine } from './pickle-machine.ts';
import { Global, type Value } from './pickle-values.ts';
import { WeightsError } from './tensor.ts';
import { allowedGlobal, call, storageOf } from './torch-globals.ts';

const MOST_STEPS = 1_000_000;
const STOP = 0x2e;

type Step = (machine: PickleMachine) => void;

const STEPS: ReadonlyMap<number, Step> = new Map<number, Step>([
  [0x80, protocol],
  [0x63, (m) => m.push(allowedGlobal(m.line(), m.line()))], // GLOBAL
  [0x51, (m) => m.push(storageOf(m.pop()))], // BINPERSID
  [0x52, (m) => applyTo(m, m.pop())], // REDUCE
  [0x81, (m) => applyTo(m, m.pop())], // NEWOBJ: for the names we know the same as a call
  [0x62, build], // BUILD
  [0x71, (m) => m.remember(m.uint8())], // BINPUT
  [0x72, (m) => m.remember(m.uint32())], // LONG_BINPUT
  [0x68, (m) => m.recall(m.uint8())], // BINGET
  [0x6a, (m) => m.recall(m.uint32())], // LONG_BINGET
  [0x28, (m) => m.mark()], // MARK
  [0x29, (m) => m.push([])], // EMPTY_TUPLE
  [0x74, (m) => pushTuple(m, m.popToMark())], // TUPLE
  [0x85, (m) => tuple(m, 1)], // TUPLE1
  [0x86, (m) => tuple(m, 2)], // TUPLE2
  [0x87, (m) => tuple(m, 3)], // TUPLE3
  [0x5d, (m) => m.push([])], // EMPTY_LIST
  [0x8f, (m) => m.push([])], // EMPTY_SET
  [0x61, (m) => append(m, [m.pop()])], // APPEND
  [0x65, (m) => append(m, m.popToMark())], // APPENDS
  [0x7d, (m) => m.push(new Map())], // EMPTY_DICT
  [0x73, (m) => setItems(m, [m.pop(), m.pop()].reverse())], // SETITEM
  [0x75, (m) => setItems(m, m.popToMark())], // SETITEMS
  [0x4e, (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [0x4a, (m) => m.push(m.int32())], // BININT
  [0x4b, (m) => m.push(m.uint8())], // BININT1
  [0x4d, (m) => m.push(m.uint16())], // BININT2
  [0x8a, (m) => m.push(longInteger(m.bytes(m.uint8())))], // LONG1
  [0x47, (m) => m.push(m.float64())], // BINFLOAT
  [0x58, (m) => m.push(m.text(m.uint32()))], // BINUNICODE
  [0x55, (m) => m.push(m.text(m.uint8()))], // SHORT_BINSTRING
]);

/**
 * The value of a pickle.
 * @throws WeightsError for any other opcode, name or form, and past the limits of pickle-machine.ts
 */
export function unpickle(bytes: Uint8Array): Value {
  const machine = new PickleMachine(bytes);
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const opcode = machine.uint8();
    if (opcode === STOP) return machine.result();
    const step = STEPS.get(opcode);
    if (!step) {
      throw new WeightsError(
        `the pickle uses opcode 0x${opcode.toString(16).padStart(2, '0')}, which torch never writes for weights`,
      );
    }
    step(machine);
  }
  throw new WeightsError(`the pickle takes more than ${MOST_STEPS} steps`);
}

function protocol(machine: PickleMachine): void {
  const version = machine.uint8();
  if (version !== 2)
    throw new WeightsError(`the pickle has protocol ${version}; torch.save writes 2, and that is read`);
}

function applyTo(machine: PickleMachine, args: Value): void {
  machine.push(call(machine.pop(), args));
}

/** torch hangs `_metadata` on the state dict this way: dropped, the dict stays. */
function build(machine: PickleMachine): void {
  machine.pop();
  if (!(machine.top() instanceof Map)) throw new WeightsError('the pickle sets the state of something that is no dict');
}

function tuple(machine: PickleMachine, length: number): void {
  pushTuple(machine, Array.from({ length }, () => machine.pop()).reverse());
}

function pushTuple(machine: PickleMachine, values: Value[]): void {
  machine.push(machine.contain(values, values));
}

function append(machine: PickleMachine, values: readonly Value[]): void {
  const list = machine.top();
  if (!Array.isArray(list)) throw new WeightsError('the pickle appends to something that is no list');
  machine.contain(list, values);
  for (const value of values) list.push(value);
}

function setItems(machine: PickleMachine, items: readonly Value[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map) || items.length % 2 !== 0) {
    throw new WeightsError('the pickle sets items of something that is no dict');
  }
  machine.contain(dict, items);
  for (let i = 0; i < items.length; i += 2) {
    if (items[i] instanceof Global) throw new WeightsError('the pickle has a key that is no plain value');
    dict.set(items[i]!, items[i + 1]!);
  }
}

/** Two's complement, little-endian. Beyond 2^53 rounded: no size or key of ours gets there. */
function longInteger(bytes: Uint8Array): number {
  const hex = Buffer.from(bytes).reverse().toString('hex');
  return hex === '' ? 0 : Number(BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex}`)));
}
