// Errors of NVIDIA's flashing tools that people have met, what they mean, and the way out.

export interface FlashFault {
  readonly name: string;
  readonly what: string;
  readonly wayOut: string;
}

interface KnownFault extends FlashFault {
  readonly pattern: RegExp;
}

const AGAIN = 'put the board into recovery mode again and run this with --resume';

/**
 * The first that matches counts. Sources: strings of l4t_initrd_flash_internal.sh and flash.sh (R32 to R36); OE4T/meta-tegra #1824,
 * anduril/jetpack-nixos #33, jetsonhacks/bootFromExternalStorage #36, balena-os/jetson-flash #73, #110, #152.
 */
const KNOWN: readonly KnownFault[] = [
  {
    name: 'no-space',
    pattern: /No space left on device|not enough space/i,
    what: 'a disk is full: of this machine or of the board',
    wayOut: `make room on this machine, or give the board a larger one, then ${AGAIN}`,
  },
  {
    name: 'usb-write',
    pattern: /might be timeout in USB write/,
    what: 'the USB connection broke while the tool was writing',
    wayOut: `take another cable and a USB port of the PC itself, without a hub, then ${AGAIN}`,
  },
  {
    name: 'used-session',
    pattern: /failed to read rcm_state/,
    what: 'the board is in a recovery session that an earlier run has used up',
    wayOut: `cut its power, ${AGAIN}`,
  },
  {
    name: 'too-many-boards',
    pattern: /[Tt]oo many devices in RCM mode/,
    what: 'more boards are in recovery mode than the tool was told of',
    wayOut: 'unplug the others',
  },
  { name: 'no-board', pattern: /No devices to flash/, what: 'the tool saw no board in recovery mode', wayOut: AGAIN },
  {
    name: 'board-id',
    pattern: /Reading board information failed|probing the target board failed|Parsing board information failed/,
    what: 'the tool could not read what board it is',
    wayOut: `${AGAIN}; a carrier without EEPROM needs BOARDID, BOARDSKU, FAB and BOARDREV in the environment of root`,
  },
  {
    name: 'partition-table',
    pattern: /Failed to initialize partition table from GPT/,
    what: 'the storage of the board cannot be partitioned: it is not there, or not the one that was named',
    wayOut: `check that it sits in its socket and that --storage names it, then ${AGAIN}`,
  },
  {
    name: 'rootfs',
    pattern: /rootfs.*(No such file|missing|not found)|(No such file|cannot stat|missing).*rootfs/i,
    what: 'the root file system of the BSP is not whole',
    wayOut: 'unpack the sample root filesystem anew and run apply_binaries.sh',
  },
  {
    name: 'boot',
    pattern: /Device failed to boot to the initrd flash kernel/,
    what: 'the board did not come up with the flashing system',
    wayOut: `plug it into another port of the PC, not into a virtual machine; the debug console shows why; cut its power, ${AGAIN}`,
  },
  {
    name: 'network',
    pattern: /cannot connect to its ssh server|Network interface disappears after discovery|Command failed: ping6/,
    what: 'the board came up with the flashing system, but its USB network does not answer',
    wayOut: `let the firewall pass fc00:1:1::/48 ("sudo ufw allow from fc00:1:1::/48"), stop VPNs, then ${AGAIN}`,
  },
  {
    name: 'ipv6',
    pattern: /IPv6 is disabled/,
    what: 'IPv6 is switched off on this machine',
    wayOut: 'run "sudo sysctl net.ipv6.conf.all.disable_ipv6=0"',
  },
  {
    name: 'program',
    pattern: /(\w[\w-]+): (command )?not found/,
    what: 'a program that the tool needs is missing',
    wayOut: 'run "sudo ./tools/l4t_flash_prerequisites.sh" in the BSP',
  },
  {
    name: 'configuration',
    pattern: /This configuration is no longer supported|Invalid target board/i,
    what: 'this release does not flash that board to that storage',
    wayOut: 'choose another --storage or --configuration, or another BSP',
  },
  { name: 'ssh', pattern: /SSH is not ready/, what: 'the flashing system on the board does not answer', wayOut: AGAIN },
  {
    name: 'sudo',
    pattern: /^sudo: .*(password is required|not in the sudoers)/,
    what: 'sudo did not let the tool run as root',
    wayOut: 'run "sudo -v" first, or run earshot as root',
  },
  {
    name: 'board-session',
    pattern: /Error: Return value \d+/,
    what: 'the board stopped answering the tool',
    wayOut: `take another cable or port, then ${AGAIN}`,
  },
];

/** The known error that a line tells of. */
export function faultIn(line: string): FlashFault | undefined {
  const found = KNOWN.find(({ pattern }) => pattern.test(line));
  return found && { name: found.name, what: found.what, wayOut: found.wayOut };
}

/** How telling an error is: the tools print general ones after the particular one. */
export const rankOf = (fault: FlashFault): number => KNOWN.findIndex(({ name }) => name === fault.name);

export const FAULT_NAMES: readonly string[] = KNOWN.map(({ name }) => name);
