// Simulated devices for the storm: each is the device's own uplink with its own connection, sounds at random times, and the
// reconnecting that real devices do. Told by one JSON argument, then by lines on standard input; answers in JSON lines.
import { createInterface } from 'node:readline';
import type { SoundEvent } from '../../runtime/signals.ts';
import { Uplink } from '../../runtime/uplink/uplink.ts';

interface Order {
  readonly url: string;
  readonly devices: number;
  readonly first: number;
  /** Sounds of one device in an hour; each is told twice, at its onset and its end. */
  readonly soundsPerHour: number;
  readonly healthSeconds: number;
}

/** What a process of devices says of them. */
export interface StormFigures {
  readonly online: number;
  readonly published: number;
  readonly queued: number;
  readonly dropped: number;
}

const CONNECTING_AT_ONCE = 25;
const INFO = {
  model: { name: 'office-foa', sha256: '0'.repeat(64), labels: ['keyboard', 'phone', 'speech'] },
  backend: 'bench',
  microphone: { format: 'foa' as const, sampleRate: 48_000, channels: 4 },
};

const order: Order = JSON.parse(process.argv[2]!);
const uplinks = Array.from({ length: order.devices }, (_, i) => deviceOf(order.first + i));
let published = 0;
let isOver = false;

for (let i = 0; i < uplinks.length; i += CONNECTING_AT_ONCE) {
  await Promise.all(uplinks.slice(i, i + CONNECTING_AT_ONCE).map((uplink) => uplink.start(INFO)));
}
say({ connected: uplinks.length });

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'go') uplinks.forEach(begin);
  if (line === 'hush') isOver = true;
  if (line === 'figures') say(figures());
  if (line === 'end') break;
}
await Promise.all(uplinks.map((uplink) => uplink.stop()));
process.exit(0);

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function deviceOf(number: number): Uplink {
  const [bootMs, started] = [Date.now(), performance.now()];
  return new Uplink({
    ...{ url: order.url, site: 'bench', device: `d${number}`, bootId: 'b1', version: '0.1.0' },
    ...{ headingDegrees: 60, position: { latitude: 48.85, longitude: 2.35 } },
    clock: { source: 'system', synced: true, offsetMs: 0.5 },
    wallTimeMs: (seconds) => bootMs + performance.now() - started - 1000 * (seconds % 1),
  });
}

/** Sounds come as they do: at times that know nothing of each other. */
function begin(uplink: Uplink): void {
  const meanMs = 3_600_000 / order.soundsPerHour;
  let track = 0;
  const next = () => setTimeout(sound, -meanMs * Math.log(1 - Math.random()));
  const sound = () => {
    if (isOver) return;
    track += 1;
    for (const phase of ['onset', 'offset'] as const) {
      uplink.publish(event(track, phase));
      published += 1;
    }
    next();
  };
  next();
  const beat = () => {
    if (isOver) return;
    void uplink.publishHealth(health());
    setTimeout(beat, 1000 * order.healthSeconds);
  };
  setTimeout(beat, 1000 * order.healthSeconds * Math.random());
}

function event(trackId: number, phase: 'onset' | 'offset'): SoundEvent {
  return {
    ...{ phase, trackId, label: 'keyboard', classIndex: 0, azimuth: 12.5, elevation: -3, score: 0.875 },
    ...{ direction: [0.975, 0.216, -0.052], spreadDegrees: 2.5, startSeconds: trackId, endSeconds: trackId + 0.5 },
  };
}

function health(): Parameters<Uplink['publishHealth']>[0] {
  return {
    ...{ uptimeSeconds: 60, streamSeconds: 60, lostSamples: 0, discontinuities: 0 },
    ...{ levelsDbfs: [-40, -41, -42, -43], stages: { features: 0.002, inference: 0.02 } },
    inference: { backend: 'bench', medianMs: 12, p95Ms: 15, droppedWindows: 0 },
    memoryBytes: 2e8,
  };
}

function figures(): StormFigures {
  const sum = (of: (uplink: Uplink) => number) => uplinks.reduce((total, uplink) => total + of(uplink), 0);
  return {
    online: sum((uplink) => Number(uplink.isOnline)),
    published,
    queued: sum((uplink) => uplink.figures.queued),
    dropped: sum((uplink) => uplink.figures.dropped),
  };
}
