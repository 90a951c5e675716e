// What is plugged into this machine that earshot knows: boards in recovery mode, booted, or half flashed, and their consoles.
import { type BoardChoice, boards, modulesInRecovery } from '../../boards/board.ts';
import { type SerialPlace, serialPlaces } from './serial-port.ts';
import { type UsbDevice, usbDevices } from './usb-devices.ts';
import { usbDevicesByLibrary } from './usb-library.ts';

export const PLUGGED_KINDS = ['recovery', 'booted', 'flashing', 'debug', 'adapter'] as const;
export type PluggedKind = (typeof PLUGGED_KINDS)[number];

export interface Plugged {
  readonly kind: PluggedKind;
  readonly device: UsbDevice;
  /** Modules that show this id in recovery mode; empty for other kinds: a booted board does not say what it is. */
  readonly modules: readonly BoardChoice[];
  readonly ports: readonly SerialPlace[];
}

/**
 * Everything that is plugged in and known, by USB place.
 * @param root folder that has /sys and /dev, such as a copy from another machine
 * @returns undefined where the system shows no USB: a container, or a virtual machine without it
 */
export async function plugged(root = '/'): Promise<Plugged[] | undefined> {
  const noSysfs = process.platform !== 'linux' && root === '/';
  const devices = noSysfs ? await usbDevicesByLibrary() : await usbDevices(root);
  if (!devices) return undefined;
  const ports = await serialPlaces(root);
  const kinds = kindsById();
  return devices.flatMap((device) => {
    const kind = kinds.get(device.id) ?? (device.ttys.some(({ name }) => name.startsWith('ttyUSB')) ? 'adapter' : null);
    if (!kind) return [];
    const own = ports.filter(({ usb }) => usb?.instance === device.instance);
    return [{ kind, device, modules: kind === 'recovery' ? modulesInRecovery(device.id) : [], ports: own }];
  });
}

/** USB id -> what it means; a profile's console is a debug port, unless it is the gadget's own. */
function kindsById(): Map<string, PluggedKind> {
  const kinds = new Map<string, PluggedKind>();
  for (const { modules, usb, consoles } of boards()) {
    for (const { usb: id } of consoles) if (id) kinds.set(id, 'debug');
    for (const id of usb.flashing) kinds.set(id, 'flashing');
    for (const id of usb.gadget) kinds.set(id, 'booted');
    for (const { recoveryUsb } of modules) for (const id of recoveryUsb) kinds.set(id, 'recovery');
  }
  return kinds;
}
