// The few names a state dict may ask for, and what we make of them. Everything else is refused by name.
import type { NumberFormatName } from './number-formats.ts';
import { Global, Storage, TensorView, type Value } from './pickle-values.ts';
import { WeightsError } from './tensor.ts';

const STORAGE_FORMATS: Readonly<Record<string, NumberFormatName>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

/** What calling a name gives; the functions are ours and only arrange their arguments. */
const CALLS: Readonly<Record<string, (args: readonly Value[]) => Value>> = {
  'collections.OrderedDict': (args) => {
    if (args.length > 0) throw new WeightsError('the pickle fills an OrderedDict in a way torch never does');
    return new Map();
  },
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_parameter': tensorArgument,
  'torch.nn.parameter.Parameter': tensorArgument,
  'torch.Size': ([sizes]) => sizes ?? [],
  'torch.device': ([name]) => name ?? null,
};

/** @throws WeightsError for a name outside the list */
export function allowedGlobal(module: string, name: string): Global {
  const full = `${module}.${name}`;
  if (Object.hasOwn(STORAGE_FORMATS, full) || Object.hasOwn(CALLS, full)) return new Global(full);
  throw new WeightsError(
    `the pickle asks for ${full.slice(0, 100)}, which weights have no use for: it may be hostile; save only model.state_dict()`,
  );
}

/** @throws WeightsError when the value is no function of the list */
export function call(callee: Value, args: Value): Value {
  const known = callee instanceof Global && Object.hasOwn(CALLS, callee.name) ? CALLS[callee.name] : undefined;
  if (!known || !Array.isArray(args)) throw new WeightsError('the pickle calls something that is no function');
  return known(args);
}

/** The persistent id ('storage', type, key, location, count). */
export function storageOf(id: Value): Storage {
  const [tag, type, key, , count] = Array.isArray(id) && id.length === 5 ? (id as Value[]) : [];
  const format = type instanceof Global ? STORAGE_FORMATS[type.name] : undefined;
  if (tag !== 'storage' || !format || typeof key !== 'string' || !/^\d+$/.test(key) || !isCount(count)) {
    throw new WeightsError('the pickle names a storage in a way torch never does');
  }
  return new Storage(format, key, count);
}

function rebuildTensor(args: readonly Value[]): TensorView {
  const [storage, offset, shape, stride] = args;
  if (storage instanceof Storage && isCount(offset) && isCounts(shape) && isCounts(stride)) {
    // Copies: the pickle could still append to the lists.
    if (shape.length === stride.length) return new TensorView(storage, offset, [...shape], [...stride]);
  }
  throw new WeightsError('the pickle describes a tensor whose offset, shape or strides are no whole numbers from 0');
}

function tensorArgument([tensor]: readonly Value[]): TensorView {
  if (tensor instanceof TensorView) return tensor;
  throw new WeightsError('the pickle wraps something that is no tensor as a parameter');
}

function isCount(value: Value | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: Value | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}
