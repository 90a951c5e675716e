// State dicts of torch.save (.pt, .pth since torch 1.6) as weights; nothing in the file is executed.
import { NUMBER_FORMATS } from './number-formats.ts';
import { unpickle } from './pickle.ts';
import { TensorView, type Value } from './pickle-values.ts';
import { countOf, MOST_VALUES, type Tensor, type Weights, WeightsError } from './tensor.ts';
import { readStoredZip } from './zip.ts';

/** Under which a checkpoint keeps the weights, first found first taken. */
const STATE_KEYS = ['state_dict', 'model_state_dict', 'model', 'network'];

const LITTLE_ENDIAN = 'little';

/**
 * Weights of a file of torch.save: a state dict, or a checkpoint that holds one; the `module.` of data-parallel training goes.
 * @throws WeightsError for anything that is not, or that contradicts itself
 */
export function parsePytorch(bytes: Uint8Array): Weights {
  const files = readStoredZip(bytes);
  const root = [...files.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name)).map((name) => name.split('/')[0]!);
  if (root.length !== 1) throw new WeightsError('the archive holds no data.pkl: it is not of torch.save');
  const isProgram = [...files.keys()].some((name) => /^[^/]+\/(constants\.pkl|code\/)/.test(name));
  if (isProgram) throw new WeightsError('the archive is a TorchScript program; save only model.state_dict()');
  checkByteOrder(files.get(`${root[0]}/byteorder`));
  const state = stateDict(unpickle(files.get(`${root[0]}/data.pkl`)!));
  return readTensors(state, (key) => files.get(`${root[0]}/data/${key}`));
}

function checkByteOrder(file: Uint8Array | undefined): void {
  const order = file ? new TextDecoder().decode(file).trim() : LITTLE_ENDIAN;
  if (order !== LITTLE_ENDIAN) {
    throw new WeightsError(`the byte order is ${JSON.stringify(order.slice(0, 20))}; only little is read`);
  }
}

/** The dict of tensors in what was pickled, names without `module.`. */
function stateDict(value: Value): Map<string, TensorView> {
  const keys = value instanceof Map ? STATE_KEYS.filter((key) => value.get(key) instanceof Map) : [];
  const dict = keys.length > 0 ? (value as Map<Value, Value>).get(keys[0]!)! : value;
  const entries = dict instanceof Map ? [...dict].filter(isTensorEntry) : [];
  if (entries.length === 0) {
    const found = value instanceof Map ? ` (its keys: ${[...value.keys()].slice(0, 8).map(String).join(', ')})` : '';
    throw new WeightsError(`the file holds no state dict${found}; save with torch.save(model.state_dict(), FILE)`);
  }
  const wrapped = entries.every(([name]) => name.startsWith('module.'));
  return new Map(entries.map(([name, tensor]) => [wrapped ? name.slice('module.'.length) : name, tensor]));
}

function isTensorEntry(entry: [Value, Value]): entry is [string, TensorView] {
  return typeof entry[0] === 'string' && entry[1] instanceof TensorView;
}

function readTensors(
  state: ReadonlyMap<string, TensorView>,
  storage: (key: string) => Uint8Array | undefined,
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  let total = 0;
  for (const [name, view] of state) {
    total += countOf(view.shape, name);
    if (total > MOST_VALUES) throw new WeightsError(`the tensors hold more than ${MOST_VALUES} values`);
    const bytes = storage(view.storage.key);
    if (!bytes) throw new WeightsError(`the storage ${view.storage.key} of tensor ${name} is missing`);
    tensors.set(name, { shape: view.shape, values: gather(name, view, bytes) });
  }
  return tensors;
}

/** The values in row-major order, whatever the strides. */
function gather(
  name: string,
  { storage, offset, shape, stride }: TensorView,
  bytes: Uint8Array,
): Float32Array<ArrayBuffer> {
  const format = NUMBER_FORMATS[storage.format];
  if (storage.count * format.bytes > bytes.length) {
    throw new WeightsError(`tensor ${name} wants ${storage.count} values of a storage of ${bytes.length} bytes`);
  }
  const values = new Float32Array(countOf(shape, name));
  if (values.length === 0) return values;
  // Sizes fit in a file and strides are safe integers, but their product needs not be one.
  const last = shape.reduce((sum, size, i) => sum + BigInt(size - 1) * BigInt(stride[i]!), BigInt(offset));
  if (last >= BigInt(storage.count)) throw new WeightsError(`tensor ${name} reaches beyond its storage`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let to = 0; to < values.length; to += 1) {
    values[to] = format.read(view, from * format.bytes);
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      from += stride[axis]!;
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      from -= stride[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return values;
}
