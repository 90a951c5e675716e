// As many inference engines as the machine has cores, for recordings that are heard faster than they sound.
import { availableParallelism } from 'node:os';
import { EnginePool } from '../runtime/inference/engine-pool.ts';
import type { Model } from '../runtime/inference/model-files.ts';
import { OnnxEngine } from '../runtime/inference/onnx-engine.ts';
import { UserError } from './command.ts';

/** Features are computed on one thread, at some hundred times real time: it feeds no more engines than these. */
const MOST_THREADS = 8;

/** The machine's cores, within reason. */
export function allThreads(): number {
  return Math.min(MOST_THREADS, availableParallelism());
}

/** Engines of one thread each behind one backend, not started. */
export function enginesFor(model: Model, threads: number): EnginePool {
  return new EnginePool(Array.from({ length: threads }, () => new OnnxEngine({ model })));
}

/** Reads a whole number from 1. @throws UserError for anything else */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UserError(`${option}=${text} must be a whole number from 1: leave it out for the default.`);
}
