// What to do next with something that is plugged in, in a sentence: the command, the jumper, or the rule that is missing.
import { STORAGES } from '../../boards/board.ts';
import type { Plugged } from './plugged.ts';

/** Address that every booted JetPack gives itself on its USB network. */
export const GADGET_ADDRESS = '192.168.55.1';

/** @param several more than one board is in recovery mode, so that one must be named by its place */
export function nextStep({ kind, device, modules, ports }: Plugged, several: boolean): string {
  const port = ports[0]?.byId ?? ports[0]?.path;
  switch (kind) {
    case 'recovery': {
      const [first] = modules;
      const names = modules.map(({ module }) => module.name).join(' or ');
      const storages = STORAGES.filter((each) => first?.board.flash.some(({ storage }) => storage === each));
      const place = several ? ` --instance ${device.instance}` : '';
      const command = `earshot board flash --board ${names} --bsp Linux_for_Tegra --storage ${storages.join('|')}${place}`;
      return `Ready to be flashed: ${command}`;
    }
    case 'booted':
      return port
        ? `Booted: "earshot board provision SITE/DEVICE --serial ${port}" sets it up (ssh: ${GADGET_ADDRESS}); to flash it anew, put it into recovery mode.`
        : `Booted, without a terminal yet: wait a minute, or unplug and plug in again; its network answers at ${GADGET_ADDRESS}.`;
    case 'flashing':
      return 'Half flashed: while a flash runs this is right; otherwise cut the power, enter recovery mode and flash again.';
    case 'debug':
      return port
        ? `Debug console, not the board's own port: it shows the boot at 115200 baud on ${port}; plug the flashing port in as well.`
        : "Debug console, not the board's own port: plug the flashing port in as well.";
    case 'adapter':
      return `Serial adapter: on a board's UART pins (3.3 V) it shows the console at 115200 baud on ${port ?? 'its port'}.`;
  }
}

/** What to do when nothing is there. */
export const NOTHING_PLUGGED =
  'Nothing that earshot knows is plugged in: connect the flashing port of the board with a data cable, without a hub; ' +
  '"earshot board show NAME" says how a board enters recovery mode.';

export const NO_USB =
  'This machine shows no USB devices (no /sys/bus/usb/devices): run it on the machine that the board is plugged into, not in a container.';
