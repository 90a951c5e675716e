// earshot model golden: windows of a recording and what PyTorch gives for them, kept with the model as the proof of engines.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { DEFAULT_VARIANT } from '../../models/manifest.ts';
import { PRESETS } from '../../models/presets.ts';
import { readGoldenWindows } from '../../runtime/golden-windows.ts';
import type { InferenceBackend, WindowScores } from '../../runtime/inference/engine.ts';
import { type Model, readModel } from '../../runtime/inference/model-files.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { bundledRecording } from '../bundled-recording.ts';
import { complaintOf } from '../child.ts';
import { printJson, UserError } from '../command.ts';
import { detect } from '../detect.ts';
import { writeWhole } from '../write-whole.ts';
import { sha256, writeManifest } from './model-folder.ts';
import { type OutputDifference, proveGolden } from './prove-golden.ts';
import { formatSafetensors } from './weights/safetensors.ts';

const GOLDEN = 'golden.safetensors';
const SCRIPT = join(PACKAGE_ROOT, 'models', 'train', 'golden.py');
/** Root mean square per output. float32 leaves room for TensorRT's TF32, int8 for the 24 dB that 8 bits keep at worst. */
const TOLERANCE = { float32: 1e-3, float16: 1e-2, int8: 6e-2 };
/** Windows chosen from: the first minute. */
const MOST_CANDIDATES = 64;

interface Options {
  readonly recording?: string;
  readonly windows: number;
  readonly python: string;
  readonly json?: boolean;
}

const EXAMPLES = `
The file golden.safetensors goes into the model folder and its sha256 into the manifest. "earshot model verify" proves model
files with it, a board its TensorRT engine. Make it again after training; "earshot train" does.

Examples:
  earshot model golden models/office-foa
  earshot model golden lab --recording yard.wav --windows 4
`;

export function goldenCommand(): Command {
  return new Command('golden')
    .summary('keep windows with what PyTorch gives for them, to prove engines')
    .description('Runs windows of a recording through the weights in PyTorch and keeps both with the model.')
    .argument('<folder>', 'model folder with network, weights, model.onnx and manifest')
    .option('--recording <file>', 'WAV or FLAC to take windows of (default: the bundled one, first-order ambisonics)')
    .option('--windows <number>', 'how many, spread over the first minute', count, 3)
    .option('--python <program>', 'Python with PyTorch', 'python3')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, options: Options) => {
      const result = await makeGolden(folder, options);
      if (options.json) printJson(result);
      else process.stdout.write(`${report(result)}\n`);
    });
}

function count(text: string): number {
  if (/^[1-9]$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 9.');
}

export interface GoldenResult {
  readonly file: string;
  readonly windows: number;
  readonly bytes: number;
  readonly differences: readonly OutputDifference[];
}

/** @throws UserError when the model is incomplete, the recording too short, or Python cannot run the network */
export async function makeGolden(
  folder: string,
  { recording, windows, python }: Omit<Options, 'json'>,
): Promise<GoldenResult> {
  const model = await readModel(folder, DEFAULT_VARIANT);
  const { manifest } = model;
  if (!recording && manifest.features.format !== 'foa') {
    throw new UserError(`${folder} hears ${manifest.features.format} recordings: give one with --recording.`);
  }
  const from = recording ?? bundledRecording();
  const features = await windowsOf(from, model, windows);
  const bytes = await runPython(folder, features, model, { python, source: basename(from) });
  const golden = readGoldenWindows(bytes, join(folder, GOLDEN));
  const differences = await proveGolden(await readFile(model.networkFile), model.networkFile, golden);
  await writeWhole(join(folder, GOLDEN), bytes);
  await writeManifest(folder, {
    ...manifest,
    golden: { file: GOLDEN, windows, tolerance: TOLERANCE },
    files: { ...manifest.files, [GOLDEN]: sha256(bytes) },
  });
  return { file: join(folder, GOLDEN), windows, bytes: bytes.length, differences };
}

/** Full windows of a recording as the device would give them to the network, spread evenly. */
async function windowsOf(recording: string, model: Model, windows: number): Promise<Float32Array[]> {
  const seen: Float32Array[] = [];
  const { labels, timePooling, window } = model.manifest;
  const backend: InferenceBackend = {
    ...{ description: 'none: it only looks on', concurrency: 1 },
    async start() {},
    async stop() {},
    async run(features, frames): Promise<WindowScores> {
      const size = (features.length / window.frames) * frames;
      if (frames === window.frames && seen.length < MOST_CANDIDATES) seen.push(features.slice(0, size));
      const scores = (frames / timePooling) * labels.length;
      const [activity, direction] = [new Float32Array(scores), new Float32Array(3 * scores)];
      return { activity, direction, features, latencyMs: 0 };
    },
  };
  await detect({ recording, model, backend, resample: true });
  if (seen.length < windows) {
    const seconds = (window.frames * model.frameSeconds) / timePooling;
    throw new UserError(
      `${recording} gives ${seen.length} windows of ${seconds} s, ${windows} are wanted: take a longer one.`,
    );
  }
  return Array.from({ length: windows }, (_, i) => seen[Math.floor(((i + 0.5) * seen.length) / windows)]!);
}

async function runPython(
  folder: string,
  windows: readonly Float32Array[],
  { manifest }: Model,
  { python, source }: { python: string; source: string },
): Promise<Uint8Array> {
  const { features, labels, window } = manifest;
  const shape = [windows.length, features.channels.length, window.frames, PRESETS[features.preset].melBands];
  const values = new Float32Array(shape.reduce((a, b) => a * b));
  windows.forEach((each, i) => {
    values.set(each, i * each.length);
  });
  const workplace = await mkdtemp(join(tmpdir(), 'earshot-golden-'));
  try {
    const [input, out] = [join(workplace, 'windows.safetensors'), join(workplace, GOLDEN)];
    await writeFile(input, formatSafetensors(new Map([['features', { shape, values }]])));
    const words = ['--model', folder, '--windows', input, '--classes', String(labels.length), '--out', out];
    const complaint = await complaintOf(python, [SCRIPT, ...words, '--source', source]);
    if (complaint === undefined) return await readFile(out);
    throw new UserError(
      `${python} cannot run the network (${complaint}): run "pip install -r models/train/requirements.txt", or name another Python with --python.`,
    );
  } finally {
    await rm(workplace, { recursive: true });
  }
}

function report({ file, windows, bytes, differences }: GoldenResult): string {
  const most = Math.max(...differences.map(({ largest }) => largest)).toPrecision(2);
  return `${file}: ${windows} windows, ${(bytes / 2 ** 20).toFixed(2)} MiB; model.onnx differs from PyTorch by ${most} at most.`;
}
