// Models of any shape in ONNX Runtime, in this thread: how the tools judge graphs. The device's own way is runtime/inference.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { UserError } from '../command.ts';

/** A float32 tensor on its way into or out of a model. */
export interface Values {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

export interface OnnxSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(inputs: Readonly<Record<string, Values>>): Promise<Record<string, Values>>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** 'disabled': every node as it stands; 'all' (default): as the runtime does it. */
  readonly optimisation?: 'disabled' | 'all';
}

/**
 * Loads a model on one thread.
 * @param where what it is called in messages
 * @throws UserError when ONNX Runtime refuses it
 */
export async function openSession(
  model: Uint8Array,
  where: string,
  { optimisation = 'all' }: SessionOptions = {},
): Promise<OnnxSession> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    graphOptimizationLevel: optimisation,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  };
  const refuse = (cause: unknown) =>
    new UserError(`${where} cannot be run by ONNX Runtime: ${(cause as Error).message}.`, { cause });
  const session = await InferenceSession.create(model, options).catch((cause: unknown) => {
    throw refuse(cause);
  });
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      const feeds = Object.entries(inputs).map(([name, { dims, values }]) => [
        name,
        new Tensor('float32', values, dims),
      ]);
      const outputs = await session.run(Object.fromEntries(feeds)).catch((cause: unknown) => {
        throw refuse(cause);
      });
      const results = Object.entries(outputs).map(([name, { type, data, dims }]) => {
        if (type !== 'float32') throw refuse(new Error(`its output ${name} is ${type}, only float32 is read here`));
        return [name, { dims, values: data as Float32Array }];
      });
      return Object.fromEntries(results);
    },
    close: () => session.release(),
  };
}

/**
 * The graph as ONNX Runtime really runs it on this machine: fused, laid out for its processor.
 * @returns bytes of an ONNX model with operators of the runtime's own
 * @throws UserError when ONNX Runtime refuses the model
 */
export async function optimisedByRuntime(model: Uint8Array, where: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-optimised-'));
  const optimizedModelFilePath = join(folder, 'model.onnx');
  try {
    const session = await InferenceSession.create(model, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
      optimizedModelFilePath,
    }).catch((cause: unknown) => {
      throw new UserError(`${where} cannot be run by ONNX Runtime: ${(cause as Error).message}.`, { cause });
    });
    await session.release();
    return await readFile(optimizedModelFilePath);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Time of one node in one run. */
export interface NodeTime {
  readonly operator: string;
  readonly node: string;
  readonly milliseconds: number;
}

/** Runs a model several times and tells what every node of the graph that really runs took each time. */
export async function profileNodes(
  model: Uint8Array,
  where: string,
  inputs: Readonly<Record<string, Values>>,
  runs: number,
): Promise<NodeTime[]> {
  const folder = await mkdtemp(join(tmpdir(), 'earshot-profile-'));
  try {
    const session = await InferenceSession.create(model, {
      ...{ executionProviders: ['cpu'], graphOptimizationLevel: 'all', intraOpNumThreads: 1, logSeverityLevel: 3 },
      ...{ enableProfiling: true, profileFilePrefix: join(folder, 'profile') },
    }).catch((cause: unknown) => {
      throw new UserError(`${where} cannot be run by ONNX Runtime: ${(cause as Error).message}.`, { cause });
    });
    const feeds = Object.entries(inputs).map(([name, { dims, values }]) => [name, new Tensor('float32', values, dims)]);
    for (let run = 0; run < runs; run += 1) await session.run(Object.fromEntries(feeds));
    session.endProfiling();
    await session.release();
    const [file] = await readdir(folder);
    return nodeTimes(JSON.parse(await readFile(join(folder, file!), 'utf8')) as ProfileEvent[]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An entry of ONNX Runtime's profile; `dur` in microseconds. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name: string;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

const KERNEL = '_kernel_time';

function nodeTimes(events: readonly ProfileEvent[]): NodeTime[] {
  const kernels = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith(KERNEL));
  return kernels.map(({ name, dur, args }) => {
    return { operator: args.op_name!, node: name.slice(0, -KERNEL.length), milliseconds: dur / 1000 };
  });
}
