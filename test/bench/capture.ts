// What it costs to hear: bytes of a sound card to blocks of ambisonics, beside the plain way of doing it, and the judging of the signal.
import { microphoneNamed } from '../../boards/microphones.ts';
import { BlockMaker, longestOutput } from '../../runtime/capture/block-maker.ts';
import { BlockQueue } from '../../runtime/capture/block-queue.ts';
import { channelMixer } from '../../runtime/capture/channel-mixer.ts';
import type { Filters } from '../../runtime/capture/filter-bank.ts';
import { MicrophoneHealth } from '../../runtime/capture/microphone-health.ts';

const RATE = 48000;
const FRAMES = 960;
const RUNS = 5;

export interface CaptureMeasurement {
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  readonly peer: number;
  readonly ratio: number;
  readonly goal: string;
}

const profile = microphoneNamed('tetrahedron-a-format');
const bytes = Buffer.from(Uint8Array.from({ length: FRAMES * 12 }, (_, i) => (i * 37 + (i >> 5)) % 256));

/** @param seconds of sound per run; medians of several, in processor time */
export function benchCapture(seconds: number): CaptureMeasurement[] {
  const plain = timesRealTime(seconds, plainWay());
  const rows: [name: string, work: () => void, goal: string][] = [
    ['capture S24_3LE, A to B by matrix', ourWay(), '2'],
    ['capture the same, judging the signal', ourWay({ health: true }), '-'],
    ['capture the same, A to B by filters of 512 taps', ourWay({ filters: someFilters(512) }), '-'],
    ['capture the same by matrix, brought to 24 kHz', ourWay({ outputRate: RATE / 2 }), '-'],
  ];
  return rows.map(([name, work, goal]) => {
    const measured = timesRealTime(seconds, work);
    return { name, unit: '× real time', measured, peer: plain, ratio: measured / plain, goal };
  });
}

function ourWay(options: { health?: boolean; filters?: Filters; outputRate?: number } = {}): () => void {
  const { filters, outputRate = RATE } = options;
  const mixer = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: FRAMES, filters });
  const shape = { rate: RATE, outputRate, blockFrames: FRAMES };
  const queue = new BlockQueue({ channels: 4, capacity: longestOutput(shape), sampleRate: outputRate, blocks: 4 });
  const nothing = () => undefined;
  queue.open(nothing, nothing);
  const health = new MicrophoneHealth({ profile, sampleRate: RATE, blockFrames: FRAMES });
  const onRaw = options.health ? health.push.bind(health) : undefined;
  const maker = new BlockMaker({ ...shape, channels: 4, mixer, queue, timeOf: Number, onDropped: nothing, onRaw });
  maker.begin('S24_3LE');
  return () => maker.push(bytes);
}

/** One sample after the other into new arrays, as it is written down first. */
function plainWay(): () => void {
  const { matrix } = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: FRAMES });
  return () => {
    const frames = Array.from({ length: FRAMES }, (_, i) =>
      [0, 1, 2, 3].map((c) => bytes.readIntLE(12 * i + 3 * c, 3) / 8388608),
    );
    matrix.map((row) => Float32Array.from(frames, (frame) => row.reduce((sum, gain, c) => sum + gain * frame[c]!, 0)));
  };
}

function someFilters(taps: number): Filters {
  return {
    inputs: 4,
    outputs: 4,
    taps,
    values: Float32Array.from({ length: 16 * taps }, (_, i) => Math.sin(i) / taps),
  };
}

function timesRealTime(seconds: number, work: () => void): number {
  const blocks = Math.round((seconds * RATE) / FRAMES);
  const results = Array.from({ length: RUNS + 1 }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < blocks; i += 1) work();
    const { user, system } = process.cpuUsage(before);
    return (1e6 * seconds) / (user + system);
  });
  return results.slice(1).sort((a, b) => a - b)[RUNS >> 1]!; // the first run warms up
}
