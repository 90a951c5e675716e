// Speed of feature extraction, beside librosa doing the same in the same run, both on one thread.
// In processor time, so that what else the machine does disturbs it little.
import { execFile } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { FORMATS, type Format, PRESET_NAMES, PRESETS, type PresetName } from '../../models/presets.ts';
import { FeatureExtractor } from '../../runtime/features/extractor.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';

const SECONDS = 60;
const RUNS = 7;
/** As capture hands out a recording. */
const BLOCK_SECONDS = 0.02;
const CHANNELS = 4;

export interface Measurement {
  readonly name: string;
  /** Times real time. */
  readonly measured: number;
  /** The same of librosa; missing where there is no Python with librosa. */
  readonly peer?: number;
  readonly ratio?: number;
  /** What the ratio should be at least. */
  readonly goal?: number;
}

/** Ratio to librosa that we set ourselves. */
const GOALS: Record<Format, number> = { foa: 4, mic: 12 };

/** Features of a minute of noise, every preset and format; medians of several runs. */
export async function benchFeatures(): Promise<Measurement[]> {
  const results: Measurement[] = [];
  for (const preset of PRESET_NAMES)
    for (const format of FORMATS) {
      const measured = SECONDS / median(await ourSeconds(preset, format));
      const peerSeconds = await librosaSeconds(preset, format);
      const name = `features ${preset} ${format}`;
      if (!peerSeconds) results.push({ name, measured });
      else {
        const peer = SECONDS / median(peerSeconds);
        results.push({ name, measured, peer, ratio: measured / peer, goal: GOALS[format] });
      }
    }
  return results;
}

async function ourSeconds(preset: PresetName, format: Format): Promise<number[]> {
  const { sampleRate } = PRESETS[preset];
  const blocks = noise(sampleRate);
  const seconds: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const extractor = await FeatureExtractor.create({ preset, format });
    const start = process.cpuUsage();
    for (const block of blocks) extractor.push(block, keep);
    extractor.end(keep);
    const { user, system } = process.cpuUsage(start);
    if (run > 0) seconds.push((user + system) / 1e6); // the first run is compiled while it goes
  }
  return seconds;
}

const keep = () => {};

function noise(sampleRate: number) {
  const length = Math.round(sampleRate * BLOCK_SECONDS);
  return Array.from({ length: SECONDS / BLOCK_SECONDS }, (_, i) => ({
    channels: Array.from({ length: CHANNELS }, () => Float32Array.from({ length }, () => Math.random() - 0.5)),
    sampleRate,
    sampleIndex: i * length,
    wallTimeMs: 1000 * BLOCK_SECONDS * i,
    discontinuity: 0,
  }));
}

/** @returns undefined where no Python with librosa is found */
async function librosaSeconds(preset: PresetName, format: Format): Promise<number[] | undefined> {
  const script = fileURLToPath(new URL('test/bench/features_peer.py', pathToFileURL(PACKAGE_ROOT)));
  try {
    const { stdout } = await promisify(execFile)('python3', [script, preset, format, `${SECONDS}`, `${RUNS}`]);
    return (JSON.parse(stdout) as { seconds: number[] }).seconds;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT' || stderr?.includes('No module named')) return undefined;
    throw error;
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await benchFeatures());
