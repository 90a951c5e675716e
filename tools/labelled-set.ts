// Networks judged on labelled recordings: the scores of the task, and how far their outputs are from a reference's.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { InferenceBackend, WindowScores } from '../runtime/inference/engine.ts';
import { EnginePool } from '../runtime/inference/engine-pool.ts';
import type { Model } from '../runtime/inference/model-files.ts';
import { OnnxEngine } from '../runtime/inference/onnx-engine.ts';
import { UserError } from './command.ts';
import { detect } from './detect.ts';
import { type CountedRecording, countScenes, scoreParts } from './field/breakdown.ts';
import type { AllScores } from './field/metrics/scores.ts';
import { readScene } from './scene-csv.ts';

const RECORDING = /\.(wav|flac)$/i;

export interface LabelledRecording {
  readonly recording: string;
  /** CSV of what sounded. */
  readonly labels: string;
}

/**
 * Recordings with their labels: a data folder (FORMAT_dev and metadata_dev), or recordings with a CSV of the same name beside them.
 * @throws UserError when there is none, or a recording has no labels
 */
export async function findLabelled(
  folder: string,
  { manifest }: Pick<Model, 'manifest'>,
): Promise<LabelledRecording[]> {
  const [sounds, metadata] = [join(folder, `${manifest.features.format}_dev`), join(folder, 'metadata_dev')];
  const isData = existsSync(sounds) && existsSync(metadata);
  const from = isData ? sounds : folder;
  const names = existsSync(from) ? (await readdir(from)).filter((name) => RECORDING.test(name)).sort() : [];
  if (names.length === 0) {
    throw new UserError(
      `${folder} holds no labelled recordings: give ${manifest.features.format}_dev and metadata_dev, or recordings with a CSV beside each.`,
    );
  }
  return names.map((name) => {
    const labels = join(isData ? metadata : folder, `${basename(name, extname(name))}.csv`);
    if (!existsSync(labels)) throw new UserError(`${join(from, name)} has no labels: add ${labels} or remove it.`);
    return { recording: join(from, name), labels };
  });
}

/** One network's part of the judgement. */
export interface Judged {
  /** Path of the ONNX file. */
  readonly network: string;
  readonly scores: AllScores;
  /** Power of the first network's outputs over power of the difference, in decibels; infinite for the first itself. */
  readonly sqnrDb: { readonly activity: number; readonly direction: number };
}

export interface JudgeOptions {
  /** Windows computed at the same time. */
  readonly threads?: number;
  readonly onRecording?: (done: number) => void;
}

/**
 * Hears every recording with every network as the device would and scores what was heard.
 * @param networks ONNX files with the model's inputs and outputs; the first is the reference
 */
export async function judgeOnLabelled(
  model: Model,
  networks: readonly string[],
  set: readonly LabelledRecording[],
  { threads = 1, onRecording }: JudgeOptions = {},
): Promise<Judged[]> {
  const listeners: Listener[] = [];
  try {
    for (const network of networks) listeners.push(await Listener.start({ ...model, networkFile: network }, threads));
    for (const [i, { recording, labels }] of set.entries()) {
      const reference = await readScene(labels, model.manifest.labels);
      for (const listener of listeners) await listener.hear(recording, reference, listeners[0]!);
      onRecording?.(i + 1);
    }
  } finally {
    for (const listener of listeners) await listener.stop();
  }
  return listeners.map((listener) => listener.judged());
}

/** A network with what it heard so far; keeps its outputs of the latest recording, so that others can be compared. */
class Listener {
  readonly #model: Model;
  readonly #backend: InferenceBackend;
  readonly #counted: CountedRecording[] = [];
  readonly #power = { activity: { signal: 0, noise: 0 }, direction: { signal: 0, noise: 0 } };
  #outputs: Promise<WindowScores>[] = [];

  private constructor(model: Model, backend: InferenceBackend) {
    this.#model = model;
    this.#backend = backend;
  }

  static async start(model: Model, threads: number): Promise<Listener> {
    const backend = new EnginePool(Array.from({ length: threads }, () => new OnnxEngine({ model })));
    await backend.start();
    return new Listener(model, backend);
  }

  async hear(recording: string, reference: Awaited<ReturnType<typeof readScene>>, first: Listener): Promise<void> {
    this.#outputs = [];
    const { labels } = this.#model.manifest;
    const { events } = await detect({ recording, model: this.#model, backend: this.#watched(), resample: true });
    const name = basename(recording, extname(recording));
    const prediction = { kind: 'events' as const, events };
    this.#counted.push(countScenes({ name, reference, prediction }, labels.length, {}));
    for (const [i, own] of this.#outputs.entries()) {
      const [expected, found] = [await first.#outputs[i]!, await own];
      for (const output of ['activity', 'direction'] as const)
        addPower(this.#power[output], expected[output], found[output]);
    }
  }

  judged(): Judged {
    const { activity, direction } = this.#power;
    const [all] = scoreParts(this.#counted, [], this.#model.manifest.labels);
    const decibels = ({ signal, noise }: { signal: number; noise: number }) => 10 * Math.log10(signal / noise);
    return {
      network: this.#model.networkFile,
      scores: all!.scores,
      sqnrDb: { activity: decibels(activity), direction: decibels(direction) },
    };
  }

  stop(): Promise<void> {
    return this.#backend.stop();
  }

  /** The backend, its outputs kept in the order of the windows. */
  #watched(): InferenceBackend {
    const backend = this.#backend;
    return {
      description: backend.description,
      concurrency: backend.concurrency,
      start: async () => {},
      stop: async () => {},
      run: (features, frames) => {
        const result = backend.run(features, frames);
        // Its features are handed out again for the next window: only what the network said is kept.
        this.#outputs.push(
          result.then(({ activity, direction, latencyMs }) => ({ activity, direction, latencyMs, features: NONE })),
        );
        return result;
      },
    };
  }
}

const NONE = new Float32Array(0);

function addPower(power: { signal: number; noise: number }, expected: Float32Array, found: Float32Array): void {
  for (let i = 0; i < expected.length; i += 1) {
    power.signal += expected[i]! ** 2;
    power.noise += (expected[i]! - found[i]!) ** 2;
  }
}

/** What a faster network may cost, in the task's own measures. */
export interface Budget {
  /** Points of F1 (hundredths) it may lose. */
  readonly f1Points: number;
  /** Degrees its direction error (DE_unsnapped) may grow. */
  readonly degrees: number;
}

export const DEFAULT_BUDGET: Budget = { f1Points: 0.5, degrees: 0.3 };

/** Whether the scores of a network stay within the budget beside those of its reference. */
export function isWithin({ f1Points, degrees }: Budget, reference: AllScores, scores: AllScores): boolean {
  const lost = 100 * (reference.F1 - scores.F1);
  const grown = (scores.DE_unsnapped ?? 180) - (reference.DE_unsnapped ?? 180);
  return lost <= f1Points + 1e-9 && grown <= degrees + 1e-9;
}
