// What each release of TensorRT on a Jetson is: its JetPacks, the flags its trtexec takes, and what each GPU computes in. Data.

/** Releases whose trtexec was read: samples/common/sampleOptions.cpp of the release branches of NVIDIA/TensorRT. Oldest first. */
export const TRTEXEC_RELEASES = ['8.2', '8.5', '8.6', '10.0', '10.3', '10.13', '10.16', '11.1'] as const;
export type TrtexecRelease = (typeof TRTEXEC_RELEASES)[number];

/** NVIDIA's JetPack archive and OE4T/meta-tegra: which JetPack (by L4T release) brings which TensorRT. */
export const JETPACKS = [
  { jetpack: '4.6', l4t: ['32.6'], cuda: '10.2', tensorrt: '8.0' },
  { jetpack: '4.6.1', l4t: ['32.7'], cuda: '10.2', tensorrt: '8.2' },
  { jetpack: '5.1', l4t: ['35.2', '35.3', '35.4', '35.5', '35.6'], cuda: '11.4', tensorrt: '8.5' },
  { jetpack: '6.0', l4t: ['36.2', '36.3'], cuda: '12.2', tensorrt: '8.6' },
  { jetpack: '6.1', l4t: ['36.4', '36.5'], cuda: '12.6', tensorrt: '10.3' },
  { jetpack: '7.0', l4t: ['38.2', '38.4'], cuda: '13.0', tensorrt: '10.13' },
  { jetpack: '7.2', l4t: ['39.0', '39.2'], cuda: '13.2', tensorrt: '10.16' },
] as const;

export const PRECISIONS = ['fp32', 'fp16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** By compute capability without the dot; NVIDIA's module data sheets and TensorRT's hardware support matrix. */
export const GPUS: readonly {
  readonly sm: number;
  readonly chip: string;
  readonly precisions: readonly Precision[];
}[] = [
  { sm: 53, chip: 'T210 (Nano, TX1)', precisions: ['fp32', 'fp16'] },
  { sm: 62, chip: 'T186 (TX2)', precisions: ['fp32', 'fp16'] },
  { sm: 72, chip: 'T194 (Xavier)', precisions: ['fp32', 'fp16', 'int8'] },
  { sm: 87, chip: 'T234 (Orin)', precisions: ['fp32', 'fp16', 'int8'] },
  { sm: 110, chip: 'T264 (Thor)', precisions: ['fp32', 'fp16', 'int8'] },
];

/** From the release `since` to the release `until`, both included; open where absent. `deprecated`: from that release on. */
interface Acceptance {
  readonly since?: TrtexecRelease;
  readonly until?: TrtexecRelease;
  readonly deprecated?: TrtexecRelease;
}

/** Flags that earshot uses, and flags that people try and that not every release takes. */
export const TRTEXEC_FLAGS = {
  '--onnx': {},
  '--saveEngine': {},
  '--loadEngine': {},
  '--minShapes': {},
  '--optShapes': {},
  '--maxShapes': {},
  '--timingCacheFile': {},
  '--useDLACore': {},
  '--allowGPUFallback': {},
  '--noTF32': {},
  '--verbose': {},
  '--iterations': {},
  '--useCudaGraph': {},
  '--exportLayerInfo': {},
  '--exportProfile': {},
  '--exportTimes': {},
  '--separateProfileRun': {},
  '--profilingVerbosity': {},
  '--workspace': { until: '8.6', deprecated: '8.5' },
  '--memPoolSize': { since: '8.5' },
  '--buildOnly': { until: '8.6' },
  '--skipInference': { since: '8.6' },
  '--builderOptimizationLevel': { since: '8.6' },
  '--versionCompatible': { since: '8.6' },
  '--hardwareCompatibilityLevel': { since: '8.6' },
  '--fp16': { until: '10.16', deprecated: '10.16' },
  '--best': { until: '10.16', deprecated: '10.16' },
  '--int8': { until: '10.16', deprecated: '10.16' },
  '--calib': { until: '10.16', deprecated: '10.16' },
  '--bf16': { since: '10.0', until: '10.16', deprecated: '10.16' },
  '--fp8': { since: '8.6', until: '10.16', deprecated: '10.16' },
  '--int4': { since: '10.3', until: '10.16', deprecated: '10.16' },
  '--stronglyTyped': { since: '10.0' },
  '--layerPrecisions': { since: '8.5', until: '10.16' },
  '--precisionConstraints': { until: '10.16' },
  '--heuristic': { since: '8.5', until: '8.6' },
  '--explicitBatch': { until: '8.6' },
  '--getPlanVersionOnly': { since: '10.0' },
  '--runtimePlatform': { since: '10.3' },
  '--stripAllWeights': { since: '10.3' },
  '--monitorMemory': { since: '10.13' },
  '--maxTactics': { since: '10.13' },
  '--reportCapabilityDLA': { since: '10.16' },
  '--cpuOnly': { since: '10.16' },
  '--dryRun': { since: '11.1' },
} as const satisfies Record<`--${string}`, Acceptance>;
export type TrtexecFlag = keyof typeof TRTEXEC_FLAGS;
export const FLAG_ACCEPTANCE: Readonly<Record<TrtexecFlag, Acceptance>> = TRTEXEC_FLAGS;
