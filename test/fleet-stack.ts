// A whole fleet for tests and pictures of the page: earshot fleet serve as its users run it, and simulated devices that publish to it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { encode } from '../runtime/uplink/topics.ts';
import { SimulatedDevice, soundOn } from './fakes/fleet/device.ts';
import { eventMessage, healthMessage, infoMessage, stateMessage } from './fakes/fleet/messages.ts';
import { POSTS, type Post, randomOf, SOUNDS } from './fakes/fleet/site.ts';
import { buildPage, startHub } from './fleet-hub.ts';

export interface FleetStack {
  /** Of the page, as the browser's origin. */
  readonly url: string;
  readonly mqttUrl: string;
  /** All devices near enough hear it now. */
  sound(label: string): void;
  /** A device that calls everything by this text, and one message of it that breaks the contract. */
  hostile(text: string): Promise<void>;
  /** So many more devices, each with state, info and health. */
  crowd(count: number): Promise<void>;
  /** Sounds again and again. @returns how to end it */
  soundOn(everyMs: number): () => void;
  /** The hub goes, and comes back after what is done meanwhile. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** How far back the devices' words go. */
export interface History {
  readonly healthMinutes: number;
  readonly eventMinutes: number;
}

const SHORT: History = { healthMinutes: 60, eventMinutes: 12 };
export const LONG: History = { healthMinutes: 360, eventMinutes: 55 };

/** Builds the page and starts the hub with accounts and the made-up sites. */
export async function startFleetStack(history = SHORT): Promise<FleetStack> {
  await buildPage();
  const folder = await mkdtemp(join(tmpdir(), 'earshot-fleet-'));
  const hub = await startHub(join(folder, 'database'));
  const devices = await startDevices(hub.mqttUrl, history);
  return {
    ...{ url: hub.url, mqttUrl: hub.mqttUrl },
    sound(label) {
      const found = SOUNDS.find((sound) => sound.label === label)!;
      for (const device of devices) device.live(found);
    },
    hostile: (text) => sayHostile(hub.mqttUrl, text),
    crowd: (count) => sayCrowd(hub.mqttUrl, count),
    soundOn: (everyMs) => soundOn(devices, everyMs),
    restart: (meanwhile) => hub.restart(meanwhile),
    async stop() {
      await Promise.all(devices.map((device) => device.stop()));
      await hub.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function startDevices(url: string, history: History): Promise<SimulatedDevice[]> {
  const now = Date.now();
  const since = new Date(now - 3_600_000).toISOString();
  const dead = [{ code: 'channel-dead', message: 'channel 3 has been silent for 10 minutes', since, count: 1 }];
  const devices = POSTS.map((post, i) => {
    const celsius = post.site === 'forest' ? 46 + i : 57 + (i % 3);
    const isQueued = post.device === 'north-ridge';
    const habits = { celsius, queued: isQueued ? 214 : 0, missing: post.device === 'east-gate' ? [5, 6, 7] : [] };
    const faults = post.device === 'hide' ? { faults: dead } : {};
    return new SimulatedDevice(post, i + 1, now - 3 * 86_400_000, { ...habits, ...faults });
  });
  for (const device of devices) await device.start(url);
  for (let minutes = history.healthMinutes; minutes >= 0; minutes -= 5) {
    await Promise.all(devices.map((device) => device.sayHealth(new Date(now - 60_000 * minutes))));
  }
  for (let minutes = history.eventMinutes; minutes > 0; minutes -= 1) {
    const sounds = SOUNDS.map((sound, i) => ({ sound, startMs: now - 60_000 * minutes + 3700 * i }));
    for (const { sound, startMs } of sounds.filter((_, i) => (minutes * 7 + i * 5) % 9 < 3)) {
      await Promise.all(devices.map((device) => device.sayHeard(sound, startMs)));
    }
  }
  await devices.find(({ post }) => post.device === 'sawmill-road')!.sayState('lost');
  await devices.find(({ post }) => post.device === 'open-plan-2')!.sayState('alert');
  return devices;
}

async function sayHostile(url: string, text: string): Promise<void> {
  const client = await connectAsync(url);
  const now = new Date();
  const post: Post = { ...POSTS[0]!, device: 'hostile', labels: [text], model: text, backend: text, board: text };
  const heard = { label: text, azimuth: 10, elevation: 5, score: 0.9, spreadDegrees: 3, metres: 20 };
  const moment = {
    seq: 1,
    track: 1,
    phase: 'end',
    startMs: now.getTime() - 2000,
    endMs: now.getTime(),
    bootMs: 0,
  } as const;
  const faults = [{ code: text, message: text, since: now.toISOString(), count: 1 }];
  const messages = [
    encode('info', infoMessage(post, now)),
    encode('state', stateMessage(post, 'ready', now)),
    encode(
      'health',
      healthMessage(post, { celsius: 40, queued: 0, faults, bootMs: now.getTime() - 60_000 }, now, randomOf(1)),
    ),
    encode('event', eventMessage(post, heard, moment)),
  ];
  for (const { topic, payload, qos, retain } of messages) await client.publishAsync(topic, payload, { qos, retain });
  await client.publishAsync('seld/v1/forest/hostile/event/other', JSON.stringify({ [text]: text }), { qos: 1 });
  await client.endAsync();
}

async function sayCrowd(url: string, count: number): Promise<void> {
  const client = await connectAsync(url);
  const now = new Date();
  const random = randomOf(7);
  for (let i = 0; i < count; i++) {
    const base = POSTS[i % POSTS.length]!;
    const device = `ear-${String(i + 1).padStart(4, '0')}`;
    const post: Post = { ...base, site: `region-${1 + (i % 12)}`, device, east: 0, north: 0 };
    const place = { ...base, device, east: 20_000 * (random() - 0.5), north: 20_000 * (random() - 0.5) };
    const info = { ...infoMessage(place, now), site: post.site };
    const figures = { celsius: 40 + 30 * random(), queued: i % 17 === 0 ? 12 : 0, bootMs: now.getTime() - 86_400_000 };
    const messages = [
      encode('info', info),
      encode('state', stateMessage(post, i % 29 === 0 ? 'lost' : 'ready', now)),
      encode('health', healthMessage(post, figures, now, random)),
    ];
    await Promise.all(
      messages.map(({ topic, payload, qos, retain }) => client.publishAsync(topic, payload, { qos, retain })),
    );
  }
  await client.endAsync();
}
