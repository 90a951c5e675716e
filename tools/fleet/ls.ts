// earshot fleet ls: one line for each device that the hub knows.
import { Command } from 'commander';
import { printJson } from '../command.ts';
import { DEVICE_ORDERS, type DeviceFacts, deviceOrder, factsOf, sorted } from './device-facts.ts';
import { type FleetView, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import { ago, type Column, printTable } from './text-table.ts';

interface LsOptions {
  readonly site?: string;
  readonly state?: string;
  readonly model?: string;
  readonly faults?: boolean;
  readonly sort: string;
  readonly reverse?: boolean;
  readonly json?: boolean;
}

/** Columns of a list of devices, here and in `fleet watch`. */
export const DEVICE_COLUMNS: readonly Column<DeviceFacts>[] = [
  { title: 'DEVICE', of: ({ site, device }) => `${site}/${device}` },
  { title: 'STATE', of: ({ state }) => state ?? '-' },
  { title: 'SEEN', of: ({ lastSeen }) => ago(lastSeen) },
  { title: 'MODEL', of: ({ model }) => model ?? '-' },
  { title: 'BACKEND', of: ({ backend }) => backend ?? '-' },
  { title: 'TEMP', of: ({ celsius }) => figure(celsius, ' °C'), align: 'right' },
  { title: 'LEVEL', of: ({ levelDbfs }) => figure(levelDbfs, ' dB'), align: 'right' },
  { title: 'QUEUE', of: ({ queued }) => figure(queued, ''), align: 'right' },
  { title: 'FAULTS', of: ({ faults }) => faults.join(' ') || '-' },
];

export function fleetLsCommand(): Command {
  const command = new Command('ls')
    .summary('list the devices: state, last seen, model, temperature, queue, faults')
    .option('--site <name>', 'only devices of this site')
    .option('--state <state>', 'only devices in this state: ready, alert, lost, disconnected ...')
    .option('--model <name>', 'only devices that run this model')
    .option('--faults', 'only devices with something wrong')
    .option('--sort <order>', DEVICE_ORDERS.join(', '), 'name')
    .option('--reverse', 'the other way round')
    .option('--json', 'print one JSON object per device');
  return withViewOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet ls\n  earshot fleet ls --state lost --sort seen\n' +
        '  earshot fleet ls --site yard --faults --json\n  earshot fleet ls --database earshot-fleet',
    )
    .action((options: LsOptions & ViewOptions) => viewing(options, (view) => ls(view, options)));
}

/** Prints the devices that the options want. @throws UserError */
export async function ls(view: FleetView, options: LsOptions): Promise<void> {
  const order = deviceOrder(options.sort);
  const devices = await view.devices();
  const wanted = sorted(devices.map(factsOf).filter(isWanted(options)), order, options.reverse);
  if (options.json) for (const facts of wanted) printJson({ type: 'device', ...facts });
  else {
    printTable(DEVICE_COLUMNS, wanted);
    process.stderr.write(
      `${wanted.length} of ${devices.length} devices${devices.length === 0 ? ': none has been heard yet' : ''}.\n`,
    );
  }
}

function isWanted({ site, state, model, faults }: LsOptions): (facts: DeviceFacts) => boolean {
  return (facts) =>
    (site === undefined || facts.site === site) &&
    (state === undefined || facts.state === state) &&
    (model === undefined || facts.model === model) &&
    (!faults || facts.faults.length > 0);
}

function figure(value: number | null, unit: string): string {
  return value === null ? '-' : `${Math.round(value)}${unit}`;
}
