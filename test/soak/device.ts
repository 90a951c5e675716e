// The device of the soak: the service as it is, in a process of its own, on the bundled recording, with faults that its parent orders.
import { readFile } from 'node:fs/promises';
import { openLoopedRecording } from '../../runtime/capture/looped-recording.ts';
import { createLog } from '../../runtime/device/log.ts';
import type { InferenceBackend } from '../../runtime/inference/engine.ts';
import { OnnxEngine } from '../../runtime/inference/onnx-engine.ts';
import { Service } from '../../runtime/service.ts';
import { openOrderedSource, orders } from '../fakes/ordered-source.ts';

/** What the parent orders; what is left out stays. */
export interface Order {
  readonly stalled?: boolean;
  readonly broken?: string | null;
  /** Milliseconds that each window takes longer. */
  readonly slowMs?: number;
  /** Milliseconds that the wall clock is wrong from now on. */
  readonly clockMs?: number;
  readonly stop?: boolean;
}

export type Told = { readonly told: number } | { readonly stopped: true; readonly told: number };

const file = process.argv[2]!;
const settings = JSON.parse(await readFile(file, 'utf8'));
const faults = orders();
let [slowMs, clockMs, told] = [0, 0, 0];

/** The engine, slowed down on order. */
function slowable(backend: InferenceBackend): InferenceBackend {
  return {
    get description() {
      return backend.description;
    },
    get concurrency() {
      return backend.concurrency;
    },
    start: () => backend.start(),
    stop: () => backend.stop(),
    run: async (features, frames) => {
      const scores = await backend.run(features, frames);
      if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
      return { ...scores, latencyMs: scores.latencyMs + slowMs };
    },
  };
}

const service = new Service({
  ...{ settings, version: 'soak', wallClock: () => Date.now() + clockMs },
  log: createLog({ write: (line) => process.stdout.write(line), plain: false }),
  openSource: (config) => openOrderedSource(() => openLoopedRecording({ path: config.microphone!.recording! }), faults),
  createBackend: (config, model) => slowable(new OnnxEngine({ model, threads: config.threads })),
  onEvent: () => {
    told += 1;
    process.send!({ told } satisfies Told);
  },
});

process.on('message', (order: Order) => {
  if (order.stalled !== undefined) faults.stalled = order.stalled;
  if (order.broken !== undefined) faults.broken = order.broken ?? undefined;
  slowMs = order.slowMs ?? slowMs;
  clockMs = order.clockMs ?? clockMs;
  if (order.stop) {
    void service.stop('soak').then(() => {
      process.send!({ stopped: true, told } satisfies Told, () => process.exit(0));
    });
  }
});
await service.start();
