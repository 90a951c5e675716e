// Which backend runs: TensorRT where the board has it, else ONNX Runtime, and never silently the second where the first was wanted.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { InferenceConfig } from '../config.ts';
import { PACKAGE_ROOT } from '../worker-file.ts';
import { BoardEngine, type BoardEngineOptions } from './board-engine.ts';
import type { InferenceBackend } from './engine.ts';
import { FallbackBackend } from './fallback-backend.ts';
import type { Model } from './model-files.ts';
import { OnnxEngine } from './onnx-engine.ts';
import { liveTiming } from './timing.ts';

/** Where trt-runner/README.md builds it. */
const RUNNER = join(PACKAGE_ROOT, 'runtime/inference/trt-runner/build/trt-runner');
/** Only a Jetson has it. */
const JETSON_FILE = 'etc/nv_tegra_release';

export interface ChooseOptions {
  readonly inference: InferenceConfig;
  readonly model: Model;
  /** Of ONNX Runtime. */
  readonly threads: number;
  /** What must outlive a restart; engines lie in it. */
  readonly stateFolder: string;
  /** Default '/'. */
  readonly root?: string;
  readonly log?: BoardEngineOptions['log'];
  readonly onProgress?: BoardEngineOptions['onProgress'];
}

/** A backend by the settings, not started. */
export function chooseBackend(options: ChooseOptions): InferenceBackend {
  const { inference, model, threads, root = '/' } = options;
  const onnx = () => new OnnxEngine({ model, threads });
  if (inference.backend === 'onnx') return onnx();
  const runner = inference.runner ?? RUNNER;
  if (inference.backend === 'tensorrt') return boardEngine(options, runner);
  if (existsSync(runner)) return new FallbackBackend(boardEngine(options, runner), onnx());
  if (!existsSync(join(root, JETSON_FILE))) return onnx();
  const reason = `${runner} is missing: the GPU of this board is not used; build it as runtime/inference/trt-runner/README.md says.`;
  return new FallbackBackend(undefined, onnx(), reason);
}

function boardEngine({ inference, model, stateFolder, log, onProgress }: ChooseOptions, runner: string): BoardEngine {
  return new BoardEngine({
    ...{ model, runner: [runner], trtexec: [inference.trtexec], folder: join(stateFolder, 'engines') },
    ...{ usualFrames: liveTiming(model.manifest, inference).frames, log, onProgress },
  });
}
