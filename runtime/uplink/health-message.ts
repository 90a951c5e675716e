// What the health message says: ears, computing, delivery and the board itself. A figure that is not known is null or absent, never 0.
import { z } from 'zod';
import { Clock, envelope, seconds, time } from './message-fields.ts';

const known = z.number().nullable();
const share = z.number().min(0).nullable();
const count = z.int().min(0);

const Fault = z.object({
  code: z.string().describe('the same for the same kind of fault, e.g. microphone-lost'),
  message: z.string(),
  since: time,
  count: z.int().positive().describe('times it was raised since the runtime began'),
});

const Outbox = z.object({
  queued: count.describe('messages the broker has not acknowledged'),
  acknowledged: count,
  dropped: count.describe('messages that a bound threw out'),
  bytes: count.optional().describe('on disk'),
  oldestSeconds: known.optional().describe('age of the oldest message queued'),
  lost: count.optional().describe('messages that damage on the disk took'),
  refused: count.optional().describe('messages the disk did not take'),
  denied: count.optional().describe('times the broker did not take a message'),
  fault: z.string().nullable().optional().describe('why the newest write failed, e.g. ENOSPC'),
  denial: z
    .object({ reasonCode: z.int(), reason: z.string(), topic: z.string() })
    .nullable()
    .optional()
    .describe('the newest refusal of the broker; null after it took a message'),
});

const Inference = z.object({
  backend: z.string(),
  medianMs: known,
  p95Ms: known,
  precision: z.string().optional().describe('fp32, fp16 or int8'),
  droppedWindows: count.optional().describe('windows left out because the network was too slow'),
  hopFrames: z.int().positive().optional().describe('feature frames between two windows now'),
  fallback: z.string().nullable().optional().describe('why not the wanted backend runs; null: it does'),
});

const Microphone = z.object({
  state: z.string().describe('ok, or what is wrong'),
  device: z.string().nullable().describe('stable identity of the sound card'),
  restarts: count,
  driftPpm: known.describe('sample clock against wall time'),
  channels: z.array(z.looseObject({ faults: z.array(z.string()) })).describe('per channel: dead, stuck, clipped ...'),
});

/** What the board says; each part is absent where nobody can say it. */
const board = {
  board: z.looseObject({ model: z.string().nullable() }).optional(),
  lastExit: z
    .looseObject({ reason: z.string().nullable(), time: time.nullable(), startsLastHour: count })
    .optional()
    .describe('why the runtime ended the last time'),
  clock: Clock.partial().loose().optional(),
  celsius: z.record(z.string(), known).optional().describe('thermal zones'),
  power: z.object({ totalWatts: known, watts: z.record(z.string(), known) }).optional(),
  gpu: z.object({ load: share, hertz: known }).optional(),
  cpu: z.object({ load: share, hertz: z.array(known) }).optional(),
  memoryController: z.object({ load: share, hertz: known }).optional(),
  systemMemory: z.object({ totalBytes: known, availableBytes: known }).optional(),
  disk: z.object({ totalBytes: known, freeBytes: known }).optional(),
  fan: z.object({ share, rpm: known }).optional(),
  throttling: z.object({ active: z.boolean().nullable(), reasons: z.array(z.string()) }).optional(),
  hangingSensors: z.array(z.string()).optional(),
};

export const HealthMessage = z.object({
  schema: z.literal('seld/health/1'),
  ...envelope,
  uptimeSeconds: seconds,
  streamSeconds: seconds.describe('sound heard so far'),
  levelsDbfs: z.array(z.number()).describe('root mean square per channel since the last health message'),
  lostSamples: count,
  discontinuities: count,
  streamRestarts: count.optional(),
  stages: z.record(z.string(), z.number().min(0)).describe('share of real time each stage computes'),
  realTimeFactor: share.optional().describe('above 1 the device cannot keep up'),
  inference: Inference,
  outbox: Outbox,
  microphone: Microphone.nullable().optional(),
  faults: z.array(Fault).optional().describe('what is wrong now, oldest first'),
  memoryBytes: z.int().positive(),
  heapBytes: z.int().positive().optional(),
  version: z.string().optional(),
  model: z.string().optional(),
  ...board,
  time,
});
