// The udev rules of a host that works with boards: who may use them, and which programs keep off.
import { boards } from '../../boards/board.ts';

const USB_DEVICE = 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device"';
export const UDEV_FILE = '/etc/udev/rules.d/70-earshot-boards.rules';

/** Rules for every USB id of the profiles, in the order of the ids. */
export function udevRules(): string {
  const profiles = boards();
  const recovery = profiles.flatMap(({ modules }) => modules.flatMap(({ recoveryUsb }) => recoveryUsb));
  const booted = profiles.flatMap(({ usb }) => [...usb.gadget, ...usb.flashing]);
  const consoles = profiles.flatMap(({ consoles: own }) => own.flatMap(({ usb }) => (usb ? [usb] : [])));
  const each = (ids: readonly string[], rule: (match: string) => string) =>
    [...new Set(ids)].sort().map((id) => {
      const [vendor, product] = id.split(':');
      return rule(`ATTRS{idVendor}=="${vendor}", ATTRS{idProduct}=="${product}"`);
    });
  return [
    `# Boards of earshot. Install: earshot board list --udev | sudo tee ${UDEV_FILE}`,
    '# Then: sudo udevadm control --reload && sudo udevadm trigger',
    '# Recovery mode: whoever sits at this machine may use it, and the bus does not sleep under it.',
    ...each(recovery, (match) => `${USB_DEVICE}, ${match}, TAG+="uaccess", MODE="0660", ATTR{power/control}="on"`),
    '# Terminals of boards and their consoles: the same, and ModemManager does not probe them.',
    ...each(
      [...booted, ...consoles],
      (match) =>
        `SUBSYSTEM=="tty", ${match}, TAG+="uaccess", GROUP="dialout", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"`,
    ),
    '# Disks that boards show, mostly while they are flashed: the desktop does not open them.',
    ...each(booted, (match) => `SUBSYSTEM=="block", ${match}, ENV{UDISKS_IGNORE}="1"`),
    '',
  ].join('\n');
}
