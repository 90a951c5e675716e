// From the settings to a microphone that fits the model: which profile, which card, which conversion, and why not.
import { dirname, resolve } from 'node:path';
import { MIC_ARRAY, microphoneNamed, type Microphone as Profile, profileFile } from '../../boards/microphones.ts';
import type { Manifest } from '../../models/manifest.ts';
import { PRESETS } from '../../models/presets.ts';
import type { Normalization } from '../ambisonics.ts';
import type { Config } from '../config.ts';
import { angleBetween } from '../directions.ts';
import { type ChannelMixer, channelMixer } from './channel-mixer.ts';
import { type DeviceName, parseDeviceName } from './device-name.ts';
import { type Filters, readFilters } from './filter-bank.ts';
import { BLOCK_SECONDS, Microphone, type MicrophoneOptions } from './microphone.ts';
import { MicrophoneHealth } from './microphone-health.ts';

/** Capsules may stand so far from where a model learned them: what the array's own tolerance and its mounting add up to. */
const PLACE_TOLERANCE_DEGREES = 5;
const RADIUS_TOLERANCE = 0.1;

export type MicrophoneSettings = NonNullable<Config['microphone']>;

/** A microphone that the model cannot hear, or settings that name none. */
export class MicrophoneError extends Error {
  override name = 'UserError';
}

export interface OpenOptions
  extends Pick<MicrophoneOptions, 'onDiscontinuity' | 'onRaw' | 'program' | 'root' | 'times'> {
  /** Of the ambisonics handed out; default the model's, SN3D where it takes any. */
  readonly normalization?: Normalization;
}

/**
 * Makes the microphone that the settings name, ready to start(). It need not be plugged in yet.
 * @param settings with a profile
 * @param manifest of the model that will hear it
 * @throws an error named UserError when there is no such profile, the device's name is not stable, or the model cannot hear it
 */
export async function openMicrophone(
  settings: MicrophoneSettings,
  manifest: Manifest,
  options: OpenOptions = {},
): Promise<Microphone> {
  const { normalization, ...rest } = options;
  const opened = await prepareMicrophone(settings, manifest, normalization);
  const { profile, rate } = opened;
  const { channels: channelMap, gainsDb } = settings;
  const blockFrames = Math.round(rate * BLOCK_SECONDS);
  const health = new MicrophoneHealth({ profile, sampleRate: rate, blockFrames, channelMap, gainsDb });
  return new Microphone({ ...opened, health, ...rest });
}

/** All that is decided before a card is looked for. @throws as openMicrophone */
export async function prepareMicrophone(
  settings: MicrophoneSettings,
  manifest: Manifest,
  normalization?: Normalization,
) {
  const { profile, device } = readSettings(settings);
  const outputRate = PRESETS[manifest.features.preset].sampleRate;
  const rate = rateFor(profile, manifest, outputRate);
  const filters = await filtersOf(settings, profile, rate);
  checkFit(profile, manifest, filters !== undefined);
  const { input } = manifest;
  const native = input.normalization === 'n3d' ? 'n3d' : 'sn3d';
  const mixer: ChannelMixer = channelMixer({
    ...{ profile, format: manifest.features.format, normalization: normalization ?? native, filters },
    ...{ channelMap: settings.channels, gainsDb: settings.gainsDb, inverted: settings.inverted },
    longestBlock: Math.round(rate * BLOCK_SECONDS),
  });
  return { profile, device, rate, outputRate, mixer };
}

/** The profile and the card that settings name; without a device any card that the profile knows by its USB id. */
export function readSettings(settings: MicrophoneSettings): { profile: Profile; device: DeviceName } {
  if (settings.profile === undefined)
    throw new MicrophoneError('microphone.profile is not set: earshot field microphones lists what is plugged in.');
  const profile = microphoneNamed(settings.profile);
  if (settings.device !== undefined) return { profile, device: parseDeviceName(settings.device) };
  if (profile.usbIds.length === 0 && profile.cardName === undefined)
    throw new MicrophoneError(
      `microphone.device is not set, and ${profile.name} cannot be told from other sound cards: earshot field microphones shows the names to use.`,
    );
  return { profile, device: { kind: 'profile', profile } };
}

/** The model's own rate where the microphone has it, else the lowest above. */
function rateFor({ name, rates }: Profile, manifest: Manifest, outputRate: number): number {
  const higher = rates.filter((rate) => rate >= outputRate).sort((a, b) => a - b);
  if (higher.length === 0)
    throw new MicrophoneError(
      `${manifest.name} hears ${outputRate} Hz; ${name} gives at most ${Math.max(...rates)} Hz: choose another microphone or model.`,
    );
  return higher[0]!;
}

async function filtersOf(settings: MicrophoneSettings, profile: Profile, rate: number): Promise<Filters | undefined> {
  const own = profile.signal.kind === 'a-format' ? profile.signal.fir : undefined;
  const beside = own === undefined ? undefined : resolve(dirname(profileFile(settings.profile!)), own);
  const file = settings.filters ?? beside;
  return file === undefined ? undefined : readFilters(file, profile.channelMap.length, 4, rate);
}

function checkFit(profile: Profile, { name, features }: Manifest, hasFilters: boolean): void {
  const { kind } = profile.signal;
  const { format } = features;
  if (format === 'foa' && kind === 'capsules' && !hasFilters)
    throw new MicrophoneError(
      `${name} hears first-order ambisonics; ${profile.name} delivers ${profile.channelMap.length} capsules without a conversion: ` +
        'choose a microphone with one, give microphone.filters, or use a model of format mic.',
    );
  if (format === 'foa') return;
  if (kind === 'b-format')
    throw new MicrophoneError(
      `${name} hears four capsules on a sphere; ${profile.name} delivers ambisonics: use a model of format foa.`,
    );
  const misfit = misplaced(profile);
  if (misfit)
    throw new MicrophoneError(
      `${name} is trained for ${describeArray()}; ${profile.name} ${misfit}: use a model of format foa or train one for it.`,
    );
}

/** How an array differs from the one that models of format mic know; undefined: it does not. */
function misplaced({ capsules, channelMap }: Profile): string | undefined {
  if (!capsules) return 'has capsules in places that are not known';
  const { mounting, pattern, radiusMetres, directions } = capsules;
  if (channelMap.length !== 4) return `has ${channelMap.length} capsules`;
  if (mounting !== MIC_ARRAY.mounting || pattern !== 'omni') return `has ${pattern} capsules, mounting ${mounting}`;
  if (radiusMetres === null || Math.abs(radiusMetres / MIC_ARRAY.radiusMetres - 1) > RADIUS_TOLERANCE)
    return `has a radius of ${radiusMetres === null ? 'unknown length' : `${(100 * radiusMetres).toFixed(1)} cm`}`;
  const away = directions.findIndex((own, i) => {
    const there = MIC_ARRAY.directions[i]!;
    return angleBetween(own.azimuth, own.elevation, there.azimuth, there.elevation) > PLACE_TOLERANCE_DEGREES;
  });
  if (away < 0) return undefined;
  return `has capsule ${away + 1} at azimuth ${directions[away]!.azimuth}, elevation ${directions[away]!.elevation}`;
}

function describeArray(): string {
  const places = MIC_ARRAY.directions.map(({ azimuth, elevation }) => `${azimuth}/${elevation}`).join(', ');
  return `omnidirectional capsules on a rigid sphere of ${100 * MIC_ARRAY.radiusMetres} cm at ${places} degrees`;
}
