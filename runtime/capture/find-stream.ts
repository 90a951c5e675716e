// Which card, and which of its settings, a microphone is to be heard from now, or why from none.
import type { Microphone as Profile, SampleFormat } from '../../boards/microphones.ts';
import { type DeviceName, findDevice } from './device-name.ts';
import { type CaptureSetting, type SoundCard, soundCards } from './sound-cards.ts';

export interface StreamWanted {
  readonly device: DeviceName;
  readonly profile: Profile;
  /** Samples per second. */
  readonly rate: number;
  /** Where /proc, /sys and /dev are; default '/'. */
  readonly root?: string;
}

export interface FoundStream {
  /** Name for ALSA. */
  readonly pcm: string;
  /** Stable name for people. */
  readonly name: string;
  readonly card: SoundCard | undefined;
  readonly sampleFormat: SampleFormat;
}

/**
 * Looks at the cards there are now.
 * @param refusals times that a format was refused: a card that does not say what it has is asked for the next one
 */
export async function findStream(wanted: StreamWanted, refusals: number): Promise<FoundStream | { missing: string }> {
  const { device, profile, root } = wanted;
  const found = findDevice(device, await soundCards(root), profile.pcmDevice);
  if ('missing' in found) return found;
  const sampleFormat = formatFor(wanted, found.card, refusals);
  return sampleFormat ? { ...found, sampleFormat } : { missing: misfit(wanted, found.card!) };
}

function formatFor({ profile, rate }: StreamWanted, card: SoundCard | undefined, refusals: number) {
  const { sampleFormats, channels } = profile;
  if (!card || card.settings.length === 0) return sampleFormats[refusals % sampleFormats.length];
  const offered = card.settings.filter((setting) => setting.channels === channels && hasRate(setting, rate));
  return sampleFormats.find((format) => offered.some((setting) => setting.sampleFormat === format));
}

function hasRate({ rates, lowestRate, highestRate }: CaptureSetting, rate: number): boolean {
  return rates.length > 0 ? rates.includes(rate) : lowestRate <= rate && rate <= highestRate;
}

function misfit({ profile, rate }: StreamWanted, { title, settings }: SoundCard): string {
  const ratesOf = (s: CaptureSetting) => s.rates.join('/') || `${s.lowestRate}-${s.highestRate}`;
  const offers = settings.map((s) => `${s.channels} channels ${s.sampleFormat} at ${ratesOf(s)} Hz`);
  return (
    `${title} offers ${offers.join(', ')}; ${profile.name} needs ${profile.channels} channels ` +
    `${profile.sampleFormats.join(' or ')} at ${rate} Hz: choose another microphone.profile or switch its mode.`
  );
}
