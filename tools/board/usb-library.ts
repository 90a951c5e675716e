// USB devices where there is no sysfs (macOS, Windows): ids and names through the usb package; ports and networks stay unknown.
import type { UsbDevice } from './usb-devices.ts';

interface LibraryDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly bus: string;
  readonly ports: readonly number[];
  readonly manufacturerName?: string | null;
  readonly productName?: string | null;
  readonly serialNumber?: string | null;
}

/** @returns undefined when the system shows the package no USB at all */
export async function usbDevicesByLibrary(): Promise<UsbDevice[] | undefined> {
  const { WebUSB } = await import('usb');
  let devices: unknown[];
  try {
    devices = await new WebUSB({ allowAllDevices: true }).getDevices();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'GenericFailure') return undefined;
    throw error;
  }
  return (devices as LibraryDevice[]).map((device) => ({
    instance: `${device.bus}-${device.ports.join('.')}`,
    id: `${hexadecimal(device.vendorId)}:${hexadecimal(device.productId)}`,
    manufacturer: device.manufacturerName ?? null,
    product: device.productName ?? null,
    serial: device.serialNumber ?? null,
    speedMbps: null,
    ttys: [],
    networks: [],
  }));
}

const hexadecimal = (id: number) => id.toString(16).padStart(4, '0');
