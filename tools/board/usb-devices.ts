// What is plugged into USB, read from sysfs: no rights needed, nothing opened, and the serial and network devices of each beside it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface UsbDevice {
  /** Bus and ports, e.g. 1-8.4: NVIDIA's tools call it the USB instance. It stays as long as the cable does. */
  readonly instance: string;
  /** vendor:product in lower-case hexadecimal, e.g. 0955:7523 */
  readonly id: string;
  readonly manufacturer: string | null;
  readonly product: string | null;
  readonly serial: string | null;
  /** Negotiated speed in Mbit/s: 12, 480, 5000 ... */
  readonly speedMbps: number | null;
  /** Serial devices, e.g. ttyACM0, with the number of their interface. */
  readonly ttys: readonly { readonly name: string; readonly interfaceNumber: string }[];
  /** Network interfaces, e.g. usb0. */
  readonly networks: readonly string[];
}

const DEVICES = 'sys/bus/usb/devices';
/** 1-8.4, but neither the root hubs (usb1) nor interfaces (1-8.4:1.0). */
const DEVICE_NAME = /^\d+-\d+(\.\d+)*$/;

/**
 * All USB devices but root hubs, in the order of their places.
 * @param root folder that has /sys, such as a copy from another machine
 * @returns undefined where the system has no such folder: no Linux, no USB, or a container
 */
export async function usbDevices(root = '/'): Promise<UsbDevice[] | undefined> {
  const folder = join(root, DEVICES);
  const names = await namesIn(folder);
  if (!names) return undefined;
  const read = await Promise.all(
    names.filter((name) => DEVICE_NAME.test(name)).map((name) => readDevice(folder, name, names)),
  );
  return read
    .filter((device): device is UsbDevice => device !== undefined)
    .sort((a, b) => a.instance.localeCompare(b.instance, 'en', { numeric: true }));
}

async function readDevice(folder: string, instance: string, names: readonly string[]): Promise<UsbDevice | undefined> {
  const text = (name: string) => textOf(join(folder, instance, name));
  const [vendor, product] = [await text('idVendor'), await text('idProduct')];
  if (vendor === null || product === null) return undefined; // unplugged while we looked
  const interfaces = names.filter((name) => name.startsWith(`${instance}:`)).sort();
  const speed = Number(await text('speed'));
  const ttys: UsbDevice['ttys'][number][] = [];
  const networks: string[] = [];
  for (const name of interfaces) {
    const interfaceNumber = (await textOf(join(folder, name, 'bInterfaceNumber'))) ?? '';
    for (const tty of await ttysOf(join(folder, name))) ttys.push({ name: tty, interfaceNumber });
    networks.push(...((await namesIn(join(folder, name, 'net'))) ?? []));
  }
  return {
    instance,
    id: `${vendor}:${product}`.toLowerCase(),
    manufacturer: await text('manufacturer'),
    product: await text('product'),
    serial: await text('serial'),
    speedMbps: Number.isFinite(speed) && speed > 0 ? speed : null,
    ttys,
    networks,
  };
}

/** CDC-ACM hangs its terminal below tty/, adapters such as FTDI's right below the interface. */
async function ttysOf(interfaceFolder: string): Promise<string[]> {
  const acm = (await namesIn(join(interfaceFolder, 'tty'))) ?? [];
  const adapters = ((await namesIn(interfaceFolder)) ?? []).filter((name) => /^ttyUSB\d+$/.test(name));
  return [...acm, ...adapters].sort();
}

/** Files of sysfs go away with the device: what cannot be read is not there. */
async function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').then((text) => text.trim() || null, gone(null));
}

async function namesIn(folder: string): Promise<string[] | undefined> {
  return readdir(folder).catch(gone(undefined));
}

const GONE = new Set(['ENOENT', 'ENODEV', 'ENOTDIR', 'EIO', 'ENXIO']);

/** Turns the errors of something that is not there (any more) into a value; others are passed on. */
function gone<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (GONE.has(error.code ?? '')) return value;
    throw error;
  };
}
