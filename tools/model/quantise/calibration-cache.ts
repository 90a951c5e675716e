// Calibration cache of TensorRT's implicit int8 (7 to 10.x): one scale per tensor, as text.
import { UserError } from '../../command.ts';
import type { CalibratedGraph } from './calibrate.ts';
import { tensorrtGraph } from './emit-tensorrt.ts';
import { int8GridFor, type Method } from './ranges.ts';

/** Releases whose caches are known; TensorRT 11 has no implicit int8 any more. */
const RELEASE = /^(7|8|10)\.(\d{1,2})\.(\d{1,2})$/;

/** The number that stands in the header: 8.5.2 is 8502, 10.3.0 is 100300. */
export function cacheVersion(release: string): number {
  const match = RELEASE.exec(release);
  if (!match)
    throw new UserError(
      `--tensorrt=${release} must be a release with three numbers from 7 to 10, such as 8.5.2 (dpkg -l libnvinfer8): TensorRT 11 reads no calibration cache.`,
    );
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
  return major >= 10 ? major * 10000 + minor * 100 + patch : major * 1000 + minor * 100 + patch;
}

/**
 * The cache for the float model that tensorrtGraph() gives, whose tensor names it carries. Each value is the big-endian hex of
 * the float32 scale: the largest covered value / 127.
 */
export function calibrationCache(calibrated: CalibratedGraph, method: Method, release: string): string {
  const graph = tensorrtGraph(calibrated);
  const tensors = [...graph.inputs.map(({ name }) => name), ...graph.sorted().flatMap(({ output }) => output)];
  const lines = tensors
    .filter((tensor) => calibrated.knows(tensor))
    .map((tensor) => `${tensor}: ${hex(int8GridFor(calibrated.distribution(tensor), { method }).scale)}`);
  // The builder compares this name with the calibrator it was given; EntropyCalibration2 is the usual one.
  return `TRT-${cacheVersion(release)}-EntropyCalibration2\n${lines.join('\n')}\n`;
}

function hex(scale: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, scale);
  return view.getUint32(0).toString(16).padStart(8, '0');
}
