// What TensorRT, its builder and its loader say when something fails, told apart, each with the way out. One table for all callers.

export const PROBLEMS = [
  'version',
  'library',
  'memory',
  'disk',
  'no-gpu',
  'precision',
  'option',
  'network',
  'other',
] as const;
export type Problem = (typeof PROBLEMS)[number];

export interface TensorrtProblem {
  readonly problem: Problem;
  /** The line that gave it away. */
  readonly line: string;
  /** What helps, as the end of a sentence. */
  readonly wayOut: string;
}

interface Sign {
  readonly problem: Problem;
  readonly pattern: RegExp;
  readonly wayOut: string;
}

/** Told by TensorRT 8 to 11, trtexec and the dynamic loader; the first that fits counts. */
const SIGNS: readonly Sign[] = [
  {
    problem: 'version',
    // 8.x: stdVersionRead == serializationVersion; 10.x: stdVersionRead == kSERIALIZATION_VERSION
    pattern: /stdVersionRead == \w+ failed|Version tag does not match|built with a different version of TensorRT/i,
    wayOut: 'the engine was built by another TensorRT and is built again',
  },
  {
    problem: 'version',
    pattern: /magicTagRead|not a valid engine|engine plan file is (generated|not compatible)|incompatible device/i,
    wayOut: 'the engine is of another GPU or damaged and is built again',
  },
  {
    problem: 'library',
    pattern: /error while loading shared libraries|libnvinfer.*(not found|cannot open)|libcudart.*cannot open/i,
    wayOut: "install JetPack's components with sudo apt install nvidia-jetpack, and build trt-runner again",
  },
  {
    problem: 'disk',
    pattern:
      /no space left on device|ENOSPC|could not write|failed to write.*(engine|file)|Saving engine to file failed/i,
    wayOut: 'make room on the disk: an engine needs about four times the size of its network while it is built',
  },
  {
    problem: 'memory',
    pattern:
      /out of memory|OutOfMemory|requested amount of GPU memory|failed to allocate|bad_alloc|cudaErrorMemoryAllocation/i,
    wayOut:
      'stop other programs, leave the desktop (sudo systemctl isolate multi-user.target) or give the builder less workspace',
  },
  {
    problem: 'no-gpu',
    pattern: /no CUDA-capable device|CUDA driver version is insufficient|cudaErrorNoDevice|no GPU/i,
    wayOut: 'run it on the Jetson itself as a user of the groups video and render',
  },
  {
    problem: 'precision',
    pattern: /platform (doesn't|does not) (have|support).*(int8|fp16)|fast native int8/i,
    wayOut: 'this GPU does not compute in this precision: choose fp16',
  },
  {
    problem: 'option',
    pattern: /Unknown option: (.*)/,
    wayOut: 'this trtexec does not know an option that its release should have: report its version',
  },
  {
    problem: 'network',
    pattern:
      /could not find any implementation for node|failed to parse onnx|UNSUPPORTED_NODE|No importer registered for op/i,
    wayOut: 'judge the network with earshot model lint --target for this TensorRT',
  },
];

/** Lines that look like failures and are none. */
const HARMLESS = /Unknown embedded device detected|Skipping tactic .*insufficient memory/i;

/** What a program that failed has said; undefined when no line is known. The last line that fits counts: it comes nearest the end. */
export function recogniseProblem(lines: readonly string[]): TensorrtProblem | undefined {
  for (const line of [...lines].reverse()) {
    if (HARMLESS.test(line)) continue;
    const sign = SIGNS.find(({ pattern }) => pattern.test(line));
    if (sign) return { problem: sign.problem, line: line.trim(), wayOut: sign.wayOut };
  }
  return undefined;
}
