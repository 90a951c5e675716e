// Orders for the arecord that stands in for the real one, and sound cards as the kernel would list them.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FAKE_ARECORD = fileURLToPath(new URL('./arecord.mjs', import.meta.url));

/** One thing that a run does; see arecord.mjs. */
export type Order =
  | { play: number; speed?: number }
  | { complain: string }
  | { garble: number }
  | { stall: number }
  | { tear: number }
  | { skip: number }
  | { exit: number };

/** Puts orders where the stand-in reads them, run by run. @param folder empty, of this test alone */
export function orderArecord(folder: string, runs: readonly (readonly Order[])[]): void {
  rmSync(join(folder, 'runs.jsonl'), { force: true });
  writeFileSync(join(folder, 'orders.json'), JSON.stringify(runs));
  process.env.FAKE_ARECORD = folder;
}

/** Arguments of each run so far. */
export function arecordRuns(folder: string): Record<string, string>[] {
  const lines = readFileSync(join(folder, 'runs.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

export interface PluggedCard {
  readonly number: number;
  readonly id: string;
  readonly title: string;
  readonly usbId?: string;
  readonly serial?: string;
  readonly port?: string;
  readonly byId?: string;
  readonly stream?: string;
}

/** Makes /proc/asound, /sys and /dev/snd of a machine with these cards; what was plugged in before is gone. */
export function plugIn(root: string, cards: readonly PluggedCard[]): void {
  for (const folder of ['proc/asound', 'sys', 'dev/snd']) rmSync(join(root, folder), { recursive: true, force: true });
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const line = ({ number, id, title }: PluggedCard) =>
    `${String(number).padStart(2)} [${id.padEnd(15)}]: USB-Audio - ${title}\n                      Maker ${title} at usb-xhci-1, high speed\n`;
  write('proc/asound/cards', cards.map(line).join(''));
  for (const card of cards) {
    const folder = `proc/asound/card${card.number}`;
    write(`${folder}/id`, `${card.id}\n`);
    write(`${folder}/pcm0c/info`, 'card: 0\ndevice: 0\n');
    if (card.stream) write(`${folder}/stream0`, card.stream);
    if (card.usbId) plugUsb(root, card, write);
  }
}

function plugUsb(root: string, card: PluggedCard, write: (path: string, content: string) => void): void {
  const { number, usbId, serial, port = `1-${card.number + 1}`, byId } = card;
  write(`proc/asound/card${number}/usbid`, `${usbId}\n`);
  write(`proc/asound/card${number}/usbbus`, `001/00${number}\n`);
  const device = `sys/devices/usb1/${port}`;
  write(`${device}/idVendor`, `${usbId!.slice(0, 4)}\n`);
  if (serial) write(`${device}/serial`, `${serial}\n`);
  write(`${device}/${port}:1.0/bInterfaceClass`, '01\n');
  mkdirSync(join(root, `sys/class/sound/card${number}`), { recursive: true });
  symlinkSync(join(root, device, `${port}:1.0`), join(root, `sys/class/sound/card${number}/device`));
  if (!byId) return;
  mkdirSync(join(root, 'dev/snd/by-id'), { recursive: true });
  symlinkSync(`../controlC${number}`, join(root, 'dev/snd/by-id', byId));
}

/** stream0 of a card that records in one setting, as snd-usb-audio writes it. */
export function streamOf(format: string, channels: number, rates: string): string {
  return [
    'Maker Product at usb-xhci-1, high speed : USB Audio\n',
    'Playback:\n  Status: Stop\n  Interface 1\n    Altset 1\n    Format: S16_LE\n    Channels: 2\n    Rates: 44100\n',
    'Capture:\n  Status: Stop\n  Interface 2\n    Altset 1',
    `    Format: ${format}\n    Channels: ${channels}\n    Endpoint: 0x81 (1 IN) (ASYNC)\n    Rates: ${rates}\n    Bits: 24\n`,
  ].join('\n');
}
