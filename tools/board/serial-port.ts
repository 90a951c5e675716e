// The one door to serial ports: what is there, under names that last, and why one cannot be opened.
import { constants } from 'node:fs';
import { access, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SerialPort } from 'serialport';
import { UserError } from '../command.ts';
import { type UsbDevice, usbDevices } from './usb-devices.ts';

export type { SerialPort } from 'serialport';

export interface SerialPlace {
  /** e.g. /dev/ttyACM0: another one after the next plugging in */
  readonly path: string;
  /** Name that lasts, of /dev/serial/by-id; null where udev gives none. */
  readonly byId: string | null;
  /** What it belongs to, and which interface of it; null for ports that are not on USB. */
  readonly usb: (UsbDevice & { readonly interfaceNumber: string }) | null;
}

/**
 * All serial ports on USB, and those that udev names.
 * Read from sysfs and /dev/serial: the list of the serialport package starts udevadm, and dies where that is missing.
 * @param root folder that has /sys and /dev, such as a copy from another machine
 */
export async function serialPlaces(root = '/'): Promise<SerialPlace[]> {
  const byId = await lastingNames(root);
  const onUsb = ((await usbDevices(root)) ?? []).flatMap((device) =>
    device.ttys.map(({ name, interfaceNumber }) => ({
      path: `/dev/${name}`,
      byId: byId.get(name) ?? null,
      usb: { ...device, interfaceNumber },
    })),
  );
  const known = new Set(onUsb.map(({ path }) => path));
  const others = [...byId]
    .filter(([name]) => !known.has(`/dev/${name}`))
    .map(([name, link]) => ({ path: `/dev/${name}`, byId: link, usb: null }));
  return [...onUsb, ...others];
}

/** Kernel name -> link of /dev/serial/by-id. */
async function lastingNames(root: string): Promise<Map<string, string>> {
  const folder = join(root, 'dev/serial/by-id');
  const links = await readdir(folder).catch(() => []); // made by udev: not there without ports
  const named = await Promise.all(
    links.map(async (link) => [basename(await readlink(join(folder, link))), `/dev/serial/by-id/${link}`] as const),
  );
  return new Map(named);
}

/**
 * Opens a port, for us alone.
 * @param path e.g. /dev/ttyACM0, /dev/serial/by-id/... or a pty
 * @param baud bits per second
 * @throws UserError when it is missing, held by another program, or not ours to open: each with the way out
 */
export async function openSerialPort(path: string, baud: number): Promise<SerialPort> {
  await checkSerialPort(path);
  const port = new SerialPort({ path, baudRate: baud, autoOpen: false });
  return new Promise((resolve, reject) => {
    port.open((error) => {
      if (error) explainFailure(path, error).then(reject, reject);
      else resolve(port);
    });
  });
}

/** @throws UserError when the port is missing, or not ours to read and write */
export async function checkSerialPort(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw await explainFailure(path, error as NodeJS.ErrnoException);
  }
}

async function explainFailure(path: string, cause: NodeJS.ErrnoException): Promise<Error> {
  const text = `${cause.code ?? ''} ${cause.message}`;
  if (/ENOENT|ENXIO|ENODEV|No such/.test(text)) return new UserError(await missing(path), { cause });
  if (/EACCES|EPERM|[Pp]ermission denied|Operation not permitted/.test(text)) {
    return new UserError(await withoutRights(path), { cause });
  }
  if (/EBUSY|EAGAIN|EWOULDBLOCK|busy|lock|temporarily unavailable/i.test(text)) {
    return new UserError(await busy(path), { cause });
  }
  return new UserError(`${path} cannot be used as a serial port (${cause.message}).`, { cause });
}

async function missing(path: string): Promise<string> {
  const names = (await serialPlaces()).map((place) => place.byId ?? place.path);
  const there = names.length > 0 ? `there are ${names.join(', ')}` : 'no serial port is plugged in';
  return `There is no serial port ${path}: ${there}; "earshot board list" shows what is connected.`;
}

/** Names the group that the file belongs to, as Debian and Ubuntu do with dialout. */
async function withoutRights(path: string): Promise<string> {
  const { gid } = await stat(path);
  const groups = await readFile('/etc/group', 'utf8').catch(() => ''); // without it the number must do
  const group =
    groups
      .split('\n')
      .find((line) => line.split(':')[2] === String(gid))
      ?.split(':')[0] ?? String(gid);
  return (
    `You may not use ${path}, which belongs to the group ${group}: ` +
    `join it with "sudo usermod -aG ${group} $USER" and log in anew, or install the rules that "earshot board list --udev" prints.`
  );
}

async function busy(path: string): Promise<string> {
  const holders = await holdersOf(path);
  const by = holders.length > 0 ? holders.join(', ') : 'another program';
  return `${path} is held by ${by}: close it (ModemManager lets go of boards with the rules that "earshot board list --udev" prints).`;
}

/** Processes that have a file open, as "name (pid)"; those of other users are seen by root alone. */
async function holdersOf(path: string): Promise<string[]> {
  const target = await realpath(path);
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const holds = async (pid: string) => {
    const folder = `/proc/${pid}/fd`;
    const descriptors = await readdir(folder).catch(() => []); // another user's, or gone
    const links = await Promise.all(descriptors.map((each) => readlink(join(folder, each)).catch(() => '')));
    return links.includes(target);
  };
  const found: string[] = [];
  for (const pid of pids) {
    if (pid === String(process.pid) || !(await holds(pid))) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program');
    found.push(`${name.trim()} (${pid})`);
  }
  return found;
}
