// Sound cards as the kernel lists them, and names for them that hold over reboots and other ports: card numbers do not.
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What a card offers for recording in one of its settings; see /proc/asound/cardN/stream0. */
export interface CaptureSetting {
  readonly sampleFormat: string;
  readonly channels: number;
  readonly lowestRate: number;
  readonly highestRate: number;
  /** The rates it has; empty: any between the lowest and the highest. */
  readonly rates: readonly number[];
}

export interface SoundCard {
  /** Changes when cards are plugged in in another order. */
  readonly number: number;
  /** Short name for hw:CARD=; two of the same kind exchange it when they are plugged in in another order. */
  readonly id: string;
  /** As the driver calls it. */
  readonly title: string;
  /** vendor:product in hex; null: not on USB. */
  readonly usbId: string | null;
  readonly serial: string | null;
  /** Bus and chain of ports, e.g. 1-2.3. */
  readonly usbPort: string | null;
  /** Name of its link in /dev/snd/by-id. */
  readonly byId: string | null;
  /** PCM devices that record. */
  readonly captureDevices: readonly number[];
  /** Empty where the driver does not tell. */
  readonly settings: readonly CaptureSetting[];
}

/**
 * Lists the sound cards there are now.
 * @param root '/' on a device; a folder with /proc, /sys and /dev below it in tests
 */
export async function soundCards(root = '/'): Promise<SoundCard[]> {
  const folder = join(root, 'proc/asound');
  const numbers = (await entries(folder)).flatMap((name) => /^card(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const [titles, links] = await Promise.all([titlesOf(folder), byIdLinks(join(root, 'dev/snd/by-id'))]);
  const cards = numbers.sort((a, b) => a - b).map((number) => cardOf(root, number, titles, links));
  return (await Promise.all(cards)).filter(({ captureDevices }) => captureDevices.length > 0);
}

async function cardOf(
  root: string,
  number: number,
  titles: ReadonlyMap<number, string>,
  links: ReadonlyMap<number, string>,
): Promise<SoundCard> {
  const folder = join(root, `proc/asound/card${number}`);
  const [id, usbId, stream, names] = await Promise.all([
    line(join(folder, 'id')),
    line(join(folder, 'usbid')),
    text(join(folder, 'stream0')),
    entries(folder),
  ]);
  const usb = usbId ? await usbDeviceOf(root, number) : undefined;
  return {
    ...{ number, id: id ?? String(number), title: titles.get(number) ?? id ?? `card ${number}`, usbId: usbId ?? null },
    ...{ serial: usb?.serial ?? null, usbPort: usb?.port ?? null, byId: links.get(number) ?? null },
    captureDevices: names.flatMap((name) => /^pcm(\d+)c$/.exec(name)?.[1] ?? []).map(Number),
    settings: captureSettings(stream ?? ''),
  };
}

/** The interface that the card hangs on, e.g. .../1-2/1-2.3/1-2.3:1.0, and the device it belongs to. */
async function usbDeviceOf(root: string, number: number) {
  const found = await realpath(join(root, `sys/class/sound/card${number}/device`)).catch(() => undefined); // unplugged now
  if (!found) return undefined;
  const device = basename(found).includes(':') ? dirname(found) : found;
  return { port: basename(device), serial: (await line(join(device, 'serial'))) || null };
}

/** " 1 [H3VR   ]: USB-Audio - H3-VR", and a second line that names maker and port. */
async function titlesOf(folder: string): Promise<Map<number, string>> {
  const cards = (await text(join(folder, 'cards'))) ?? '';
  return new Map(
    [...cards.matchAll(/^ *(\d+) \[.*?\]: \S+ - (.*)$/gm)].map(([, n, title]) => [Number(n), title!.trim()]),
  );
}

/** /dev/snd/by-id/usb-MAKER_PRODUCT_SERIAL-00 -> ../controlC1, as udev makes them. */
async function byIdLinks(folder: string): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const name of (await entries(folder)).sort()) {
    const target = await readlink(join(folder, name)).catch(() => ''); // gone since it was listed
    const number = /controlC(\d+)$/.exec(target)?.[1];
    if (number !== undefined) found.set(Number(number), name);
  }
  return found;
}

/** Reads the capture half of stream0. */
export function captureSettings(stream: string): CaptureSetting[] {
  const capture = stream.slice(Math.max(0, stream.indexOf('\nCapture:')));
  if (!capture.startsWith('\nCapture:')) return [];
  return capture.split(/^ *Altset /m).flatMap((altset) => {
    const value = (key: string) => new RegExp(`^ *${key}: *(.+?) *$`, 'm').exec(altset)?.[1];
    const [sampleFormat, channels, rates] = [value('Format'), Number(value('Channels')), value('Rates') ?? ''];
    const numbers = (rates.match(/\d+/g) ?? []).map(Number);
    if (!sampleFormat || !channels || numbers.length === 0) return [];
    const [lowestRate, highestRate] = [Math.min(...numbers), Math.max(...numbers)];
    return [{ sampleFormat, channels, lowestRate, highestRate, rates: rates.includes('continuous') ? [] : numbers }];
  });
}

/** The name that stands for a card in the settings: its link by id, unless another one of the same kind makes that doubtful. */
export function stableName(card: SoundCard, all: readonly SoundCard[]): string {
  if (!card.usbId) return `card:${card.id}`;
  const twin = all.some((other) => other !== card && other.usbId === card.usbId && other.serial === card.serial);
  if (twin && card.usbPort) return `port:${card.usbPort}`;
  if (card.byId) return card.byId;
  return card.serial ? `${card.usbId}:${card.serial}` : card.usbId;
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []); // a machine without sound, or a card that was unplugged meanwhile
}

async function text(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined); // not every card has every file
}

async function line(file: string): Promise<string | undefined> {
  return (await text(file))?.trim();
}
