// Names of sound cards in the settings, and how the card they mean is found: always by what it is, never by its number.
import type { Microphone } from '../../boards/microphones.ts';
import { type SoundCard, stableName } from './sound-cards.ts';

/** A name that could mean another card tomorrow, or that is none. */
export class DeviceNameError extends Error {
  override name = 'UserError';
}

export type DeviceName =
  | { readonly kind: 'by-id'; readonly name: string }
  | { readonly kind: 'usb'; readonly usbId: string; readonly serial: string | undefined }
  | { readonly kind: 'port'; readonly port: string }
  | { readonly kind: 'card'; readonly id: string }
  | { readonly kind: 'pcm'; readonly pcm: string }
  | { readonly kind: 'profile'; readonly profile: Microphone };

const UNSTABLE = /^(default|sysdefault|pulse|pipewire|dmix|dsnoop|hw|plughw)\b/;
const FORMS =
  'usb-MAKER_PRODUCT_SERIAL-00 (a name in /dev/snd/by-id), 2886:0018 or 2886:0018:SERIAL (USB), port:1-2.3 (USB socket), card:ID, or pcm:NAME of your own asound.conf';

/**
 * Reads a device name of the settings.
 * @throws DeviceNameError for default, hw:0 and the like: they mean another card after a reboot
 */
export function parseDeviceName(text: string): DeviceName {
  const [, usbId, serial] = /^([0-9a-f]{4}:[0-9a-f]{4})(?::(.+))?$/i.exec(text) ?? [];
  if (usbId) return { kind: 'usb', usbId: usbId.toLowerCase(), serial };
  if (/^usb-\S+$/.test(text)) return { kind: 'by-id', name: text };
  const [, kind, rest] = /^(port|card|pcm):(\S+)$/.exec(text) ?? [];
  if (kind === 'port') return { kind, port: rest! };
  if (kind === 'card') return { kind, id: rest! };
  if (kind === 'pcm' && !UNSTABLE.test(rest!)) return { kind, pcm: rest! };
  const why = UNSTABLE.test(rest ?? text) ? 'may mean another card after a reboot' : 'is no name of a sound card';
  throw new DeviceNameError(
    `microphone.device=${text} ${why}: use ${FORMS}. earshot field microphones shows the name to use.`,
  );
}

/** Where a stream is to be opened, or why it cannot be now. */
export type Found =
  | { readonly pcm: string; readonly card: SoundCard | undefined; readonly name: string }
  | { readonly missing: string };

/** Finds the card that a name means among those plugged in. @param pcmDevice number of the PCM device on it */
export function findDevice(name: DeviceName, cards: readonly SoundCard[], pcmDevice: number): Found {
  if (name.kind === 'pcm') return { pcm: name.pcm, card: undefined, name: `pcm:${name.pcm}` };
  const fitting = cards.filter((card) => fits(name, card));
  const there = cards.map((card) => `${stableName(card, cards)} (${card.title})`).join(', ') || 'none';
  if (fitting.length === 0)
    return { missing: `${described(name)} is not plugged in; sound cards that record: ${there}.` };
  if (fitting.length > 1) {
    const choices = fitting.map((card) => stableName(card, cards)).join(' or ');
    return {
      missing: `${described(name)} is plugged in ${fitting.length} times: set microphone.device to ${choices}.`,
    };
  }
  const card = fitting[0]!;
  return { pcm: `hw:CARD=${card.id},DEV=${pcmDevice}`, card, name: stableName(card, cards) };
}

/** Whether a card is one of the microphones that a profile describes. */
export function matchesProfile({ usbIds, cardName }: Microphone, { usbId, title }: SoundCard): boolean {
  if (usbId && usbIds.includes(usbId)) return true;
  return cardName !== undefined && title.toLowerCase().includes(cardName.toLowerCase());
}

function fits(name: DeviceName, card: SoundCard): boolean {
  switch (name.kind) {
    case 'by-id':
      return card.byId === name.name;
    case 'usb':
      return card.usbId === name.usbId && (name.serial === undefined || card.serial === name.serial);
    case 'port':
      return card.usbPort === name.port;
    case 'card':
      return card.id === name.id;
    case 'profile':
      return matchesProfile(name.profile, card);
    case 'pcm':
      return false;
  }
}

function described(name: DeviceName): string {
  switch (name.kind) {
    case 'by-id':
      return name.name;
    case 'usb':
      return `The USB device ${name.usbId}${name.serial ? ` with serial number ${name.serial}` : ''}`;
    case 'port':
      return `A sound card at USB port ${name.port}`;
    case 'card':
      return `Sound card ${name.id}`;
    case 'profile':
      return `A ${name.profile.title}`;
    case 'pcm':
      return `PCM ${name.pcm}`;
  }
}
