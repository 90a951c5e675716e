// Whether a microphone is whole, judged from what it delivers: each channel for itself and all against each other.
import type { Microphone as Profile } from '../../boards/microphones.ts';
import { ArrayHealth } from './array-health.ts';
import { ChannelHealth } from './channel-health.ts';
import { channelMixer } from './channel-mixer.ts';
import type { FaultCode } from './health-rules.ts';
import { LevelHistory, type LevelMinute } from './level-history.ts';

const METRES_PER_SECOND = 343;
/** Sound goes round a sphere: at low frequencies 1.5 times the straight way (Kuhn 1977), and a sample for the filters. */
const ROUND_THE_ARRAY = 1.5;
/** Radius assumed where the maker gives none: the largest array of four that is held in a hand. */
const UNKNOWN_RADIUS = 0.05;

export interface ChannelReport {
  /** Capsule or component. */
  readonly name: string;
  /** Channel of the card, from 1. */
  readonly channel: number;
  readonly levelDbfs: number;
  readonly peak: number;
  readonly offset: number;
  readonly humHz: number;
  readonly faults: readonly FaultCode[];
}

export interface MicrophoneFault {
  readonly code: FaultCode;
  /** Names of the channels. */
  readonly channels: readonly string[];
  readonly message: string;
}

export interface MicrophoneHealthOptions {
  readonly profile: Profile;
  readonly sampleRate: number;
  /** Samples per channel of the longest block. */
  readonly blockFrames: number;
  /** Card channels in place of the profile's. */
  readonly channelMap?: readonly number[];
  readonly gainsDb?: readonly number[];
}

/** Takes the channels as the card delivers them, in the order of the profile; bounded memory, none taken per block. */
export class MicrophoneHealth {
  readonly #names: readonly string[];
  readonly #map: readonly number[];
  readonly #channels: readonly ChannelHealth[];
  readonly #array: ArrayHealth;
  readonly #history: LevelHistory;
  readonly #comparable: boolean;
  readonly #secondFrames: number;
  readonly #silent: boolean[];
  #frames = 0;

  constructor(options: MicrophoneHealthOptions) {
    const { profile, sampleRate, blockFrames } = options;
    const { signal, channelMap } = profile;
    this.#map = options.channelMap ?? channelMap;
    const count = this.#map.length;
    this.#names = namesOf(profile);
    this.#channels = Array.from({ length: count }, () => new ChannelHealth(sampleRate));
    this.#history = new LevelHistory(count);
    this.#comparable = signal.kind !== 'b-format';
    this.#secondFrames = sampleRate;
    this.#silent = new Array<boolean>(count).fill(false);
    const { matrix } = channelMixer({
      ...{ profile, channelMap: options.channelMap, gainsDb: options.gainsDb, longestBlock: blockFrames },
      ...{ format: signal.kind === 'capsules' ? 'mic' : 'foa', normalization: 'sn3d' },
    });
    const layout = {
      ...{ channels: count, sampleRate, components: signal.kind === 'b-format' },
      toAmbisonics: signal.kind === 'capsules' ? undefined : matrix,
      gains: this.#map.map((n, i) => Math.sign(n) * 10 ** ((options.gainsDb?.[i] ?? 0) / 20)),
      longestDelay: longestDelay(profile, sampleRate),
    };
    this.#array = new ArrayHealth(layout, blockFrames);
  }

  push(channels: readonly Float32Array[], frames: number): void {
    for (let c = 0; c < this.#channels.length; c += 1) this.#channels[c]!.push(channels[c]!, frames);
    this.#array.push(channels, frames);
    this.#frames += frames;
    if (this.#frames >= this.#secondFrames) this.#endSecond();
  }

  /** One line per fault; none: nothing speaks against the microphone. */
  get faults(): MicrophoneFault[] {
    const byCode = new Map<FaultCode, string[]>();
    this.channels.forEach(({ name, faults }) => {
      for (const code of faults) byCode.set(code, [...(byCode.get(code) ?? []), name]);
    });
    return [...byCode].map(([code, channels]) => ({ code, channels, message: MESSAGES[code](channels.join(', ')) }));
  }

  get channels(): ChannelReport[] {
    return this.#channels.map((channel, c) => {
      const { levelDbfs, peak, offset, humHz } = channel.second;
      const faults = [...channel.faults, ...(this.#silent[c] ? [] : this.#array.faults(c))];
      return { name: this.#names[c]!, channel: Math.abs(this.#map[c]!), levelDbfs, peak, offset, humHz, faults };
    });
  }

  /** Whole minutes of a channel, oldest first. */
  history(channel: number): LevelMinute[] {
    return this.#history.minutes(channel);
  }

  #endSecond(): void {
    this.#frames = 0;
    for (const channel of this.#channels) channel.measure();
    for (let c = 0; c < this.#channels.length; c += 1) {
      const channel = this.#channels[c]!;
      this.#history.add(c, channel.second.levelDbfs);
      channel.judge(this.#comparable ? this.#othersDbfs(c) : undefined);
      const { faults } = channel;
      this.#silent[c] = faults.includes('dead') || faults.includes('stuck');
    }
    this.#history.endSecond();
    this.#array.measure(this.#silent);
  }

  /** The middle one of the others' levels. */
  #othersDbfs(c: number): number {
    const levels = this.#channels.flatMap((channel, i) => (i === c ? [] : [channel.second.levelDbfs]));
    return levels.sort((a, b) => a - b)[levels.length >> 1]!;
  }
}

const MESSAGES: Record<FaultCode, (channels: string) => string> = {
  dead: (c) => `${c} gives no sound: a capsule, its wire or its supply is broken.`,
  stuck: (c) => `${c} stands still at one value: the converter hangs; unplug the microphone and plug it in again.`,
  clipped: (c) => `${c} is clipped again and again: lower the gain of the card.`,
  dc: (c) => `${c} has a constant offset: the converter or its coupling is at fault.`,
  hum: (c) => `${c} hums with the mains: check the cable and its shield, or a machine stands near.`,
  imbalance: (c) => `${c} is louder or softer than an array lets it be: make all gains the same.`,
  energy: (c) =>
    `${c}: pressure and velocity do not agree; the order, the normalisation or the conversion is another one.`,
  swapped: (c) => `${c} are exchanged: check the channel order with earshot field check-mic.`,
  flipped: (c) => `${c} has its polarity turned: set microphone.channels, as earshot field check-mic shows.`,
  incoherent: (c) => `${c} hears something else than the others: strong wind, a broken capsule or another microphone.`,
  duplicated: (c) => `${c} are the same signal: the card has fewer inputs than it says.`,
  delayed: (c) => `${c} comes later than the size of the array allows: the channels are not of one converter.`,
};

function namesOf({ signal, capsules, channelMap }: Profile): string[] {
  if (signal.kind === 'b-format') return signal.order === 'acn' ? ['W', 'Y', 'Z', 'X'] : ['W', 'X', 'Y', 'Z'];
  return channelMap.map((n, i) => capsules?.directions[i]?.name ?? String(n));
}

function longestDelay({ capsules }: Profile, sampleRate: number): number {
  const radius = capsules?.radiusMetres ?? UNKNOWN_RADIUS;
  return Math.ceil((2 * radius * ROUND_THE_ARRAY * sampleRate) / METRES_PER_SECOND) + 1;
}
