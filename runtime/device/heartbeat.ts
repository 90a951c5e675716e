// What the device says of itself in its health message, and the same figures under the names of Prometheus.
import { residentBytes } from '../memory.ts';
import type { BoardIdentity } from './board-identity.ts';
import type { Fault } from './faults.ts';
import type { LastExit } from './last-exit.ts';
import type { Figure } from './metrics.ts';
import type { SelfReading } from './self-look.ts';

/** What the pipeline says, in the words of the health message. */
export interface ListeningFigures {
  readonly uptimeSeconds: number;
  readonly streamSeconds: number;
  readonly levelsDbfs: readonly number[];
  readonly lostSamples: number;
  readonly discontinuities: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly inference: {
    readonly backend: string;
    readonly medianMs: number | null;
    readonly p95Ms: number | null;
    readonly droppedWindows?: number;
  };
}

export interface HeartbeatInput {
  readonly listening: ListeningFigures;
  /** Times the stream of sound was begun again. */
  readonly streamRestarts: number;
  readonly outbox: { readonly queued: number; readonly acknowledged: number; readonly dropped: number };
  readonly model: string;
  readonly version: string;
  readonly identity: BoardIdentity;
  readonly lastExit: LastExit;
  readonly self: SelfReading;
  readonly faults: readonly Fault[];
  /** Processor time per time of sound since the last heartbeat; null before there was one. */
  readonly recentFactor: number | null;
}

export type Heartbeat = ReturnType<typeof heartbeat>;

/** Figures of the moment; null is unknown, and is never told as 0. */
export function heartbeat({ listening, self, identity, ...input }: HeartbeatInput) {
  const { board, clock, disk, memoryController, hangingSensors } = self;
  const shares = Object.values(listening.stages);
  return {
    ...listening,
    levelsDbfs: [...listening.levelsDbfs],
    stages: { ...listening.stages },
    /** Processor time per time of sound, lately; above 1 the device cannot keep up. */
    realTimeFactor: input.recentFactor ?? (shares.length === 0 ? null : shares.reduce((sum, share) => sum + share, 0)),
    streamRestarts: input.streamRestarts,
    memoryBytes: residentBytes(),
    heapBytes: process.memoryUsage().heapUsed,
    version: input.version,
    model: input.model,
    lastExit: { ...input.lastExit },
    clock: { ...clock },
    board: { model: identity.model, serial: identity.serial, l4t: identity.l4t, kernel: identity.kernel },
    celsius: board?.celsius ?? {},
    power: { totalWatts: board?.totalWatts ?? null, watts: board?.watts ?? {} },
    gpu: board?.gpu ?? { load: null, hertz: null },
    cpu: { load: board?.cpu.load ?? null, hertz: [...(board?.cpu.hertz ?? [])] },
    memoryController,
    systemMemory: board?.memory ?? { totalBytes: null, availableBytes: null },
    disk,
    fan: board?.fan ?? { share: null, rpm: null },
    throttling: { active: board?.throttling.active ?? null, reasons: [...(board?.throttling.reasons ?? [])] },
    hangingSensors: [...hangingSensors],
    faults: [...input.faults],
    outbox: input.outbox,
  };
}

/** The heartbeat for Prometheus. */
export function figuresOf(beat: Heartbeat, faultCounts: Readonly<Record<string, number>>): Figure[] {
  const { inference, outbox, clock, gpu, cpu, systemMemory, disk, power, throttling, lastExit } = beat;
  const one = (name: string, help: string, value: number | null): Figure => ({ name: `earshot_${name}`, help, value });
  const each = (name: string, help: string, label: string, values: Readonly<Record<string, number | null>>): Figure[] =>
    Object.entries(values).map(([key, value]) => ({ name: `earshot_${name}`, help, value, labels: { [label]: key } }));
  const flag = (value: boolean | null) => (value === null ? null : Number(value));
  const inSeconds = (milliseconds: number | null) => (milliseconds === null ? null : milliseconds / 1000);
  return [
    {
      ...one('info', 'what runs here', 1),
      labels: { version: beat.version, model: beat.model, backend: inference.backend },
    },
    one('uptime_seconds', 'time since the runtime began', beat.uptimeSeconds),
    one('stream_seconds_total', 'sound heard', beat.streamSeconds),
    one('stream_restarts_total', 'times the stream of sound was begun again', beat.streamRestarts),
    one('lost_samples_total', 'samples per channel that were lost', beat.lostSamples),
    one('discontinuities_total', 'breaks of the stream of sound', beat.discontinuities),
    one('real_time_factor_ratio', 'processor time per time of sound', beat.realTimeFactor),
    ...each('stage_load_ratio', 'processor time per time of sound of a stage', 'stage', beat.stages),
    ...each('inference_latency_seconds', 'time of the network per window', 'quantile', {
      ...{ '0.5': inSeconds(inference.medianMs), '0.95': inSeconds(inference.p95Ms) },
    }),
    ...each('channel_level_decibels', 'level per channel, full scale is 0', 'channel', {
      ...Object.fromEntries(beat.levelsDbfs.map((level, channel) => [String(channel), level])),
    }),
    one('inference_dropped_windows_total', 'windows left out by a slow network', inference.droppedWindows ?? null),
    one('outbox_messages', 'messages that the broker has not acknowledged', outbox.queued),
    one('outbox_acknowledged_total', 'messages that the broker has acknowledged', outbox.acknowledged),
    one('outbox_dropped_total', 'messages given up', outbox.dropped),
    one('process_resident_memory_bytes', 'memory of the runtime', beat.memoryBytes),
    one('process_heap_bytes', 'memory of its JavaScript objects', beat.heapBytes),
    one('starts_last_hour', 'starts of the runtime within an hour', lastExit.startsLastHour),
    one('clock_synchronized', '1: the system clock is right', flag(clock.synced)),
    one('clock_offset_seconds', 'system clock minus reference', inSeconds(clock.offsetMs)),
    ...each('temperature_celsius', 'of a thermal zone', 'zone', beat.celsius),
    one('power_watts', 'of the whole board', power.totalWatts),
    ...each('rail_power_watts', 'of a power rail', 'rail', power.watts),
    one('gpu_load_ratio', 'share of time that the GPU computes', gpu.load),
    one('gpu_frequency_hertz', 'clock of the GPU', gpu.hertz),
    one('cpu_load_ratio', 'share of time that the cores compute', cpu.load),
    one('memory_available_bytes', 'memory that a program could still have', systemMemory.availableBytes),
    one('disk_free_bytes', 'free on the disk of the state folder', disk.freeBytes),
    one('fan_speed_ratio', 'of the fan', beat.fan.share),
    one('throttled', '1: clocks are held down', flag(throttling.active)),
    ...each('fault', '1 while a fault lasts', 'code', {
      ...Object.fromEntries(Object.keys(faultCounts).map((code) => [code, 0])),
      ...Object.fromEntries(beat.faults.map(({ code }) => [code, 1])),
    }),
    ...each('faults_total', 'times a fault began', 'code', faultCounts),
  ];
}
