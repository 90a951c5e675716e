// A machine's USB devices as sysfs and udev show them, made in a folder from the ids and names that NVIDIA's documents and public logs give.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PluggedUsb {
  /** Bus and ports, e.g. 1-8.4. */
  readonly instance: string;
  /** vendor:product */
  readonly id: string;
  readonly product?: string;
  readonly manufacturer?: string;
  readonly serial?: string;
  readonly speedMbps?: number;
  /** Number of the interface -> ttyACM0, ttyUSB0. */
  readonly ttys?: Readonly<Record<string, string>>;
  /** Number of the interface -> usb0. */
  readonly networks?: Readonly<Record<string, string>>;
}

/** Recovery mode as lsusb shows it: "0955:7523 NVIDIA Corp. APX". */
export const apx = (instance: string, product: string): PluggedUsb => ({
  ...{ instance, id: `0955:${product}`, product: 'APX', manufacturer: 'NVIDIA Corp.', speedMbps: 480 },
});

/** The gadget of a booted board: two networks, a terminal, a disk. */
export const gadget = (instance: string, serial: string, number = 0): PluggedUsb => ({
  ...{ instance, id: '0955:7020', product: 'Linux for Tegra', manufacturer: 'NVIDIA', serial, speedMbps: 480 },
  ttys: { '02': `ttyACM${number}` },
  networks: { '00': `usb${2 * number}`, '05': `usb${2 * number + 1}` },
});

/** Makes /sys/bus/usb/devices and /dev/serial/by-id of a machine with these devices; what was plugged in before is gone. */
export function plugUsb(root: string, devices: readonly PluggedUsb[]): void {
  for (const folder of ['sys/bus/usb', 'dev/serial']) rmSync(join(root, folder), { recursive: true, force: true });
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  write('sys/bus/usb/devices/usb1/idVendor', '1d6b\n'); // the root hub
  write('sys/bus/usb/devices/usb1/idProduct', '0002\n');
  for (const device of devices) {
    const folder = `sys/bus/usb/devices/${device.instance}`;
    const [vendor, product] = device.id.split(':');
    const texts = { idVendor: vendor, idProduct: product, product: device.product, serial: device.serial };
    const more = { manufacturer: device.manufacturer, speed: device.speedMbps?.toString() };
    for (const [name, text] of Object.entries({ ...texts, ...more })) if (text) write(`${folder}/${name}`, `${text}\n`);
    for (const [number, tty] of Object.entries(device.ttys ?? {})) {
      const below = tty.startsWith('ttyUSB') ? tty : `tty/${tty}`;
      write(`${folder}:1.${Number(number)}/${below}/dev`, '166:0\n');
      write(`${folder}:1.${Number(number)}/bInterfaceNumber`, `${number}\n`);
      nameForGood(root, device, number, tty);
    }
    for (const [number, network] of Object.entries(device.networks ?? {})) {
      write(`${folder}:1.${Number(number)}/net/${network}/operstate`, 'up\n');
      write(`${folder}:1.${Number(number)}/bInterfaceNumber`, `${number}\n`);
    }
  }
}

/** The link that udev's 60-serial.rules makes. */
function nameForGood(root: string, device: PluggedUsb, interfaceNumber: string, tty: string): void {
  const words = [device.manufacturer, device.product, device.serial].filter(Boolean).join('_');
  const link = join(root, 'dev/serial/by-id', `usb-${words.replaceAll(' ', '_')}-if${interfaceNumber}`);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(`../../${tty}`, link);
}
