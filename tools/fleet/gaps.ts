// earshot fleet gaps: which numbers of which device never came.
import { Command } from 'commander';
import { printJson } from '../command.ts';
import { wholeNumber } from './event-options.ts';
import type { Gap } from './event-store.ts';
import { type FleetView, siteAndDevice, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import { type Column, printTable } from './text-table.ts';

interface GapsOptions {
  readonly device?: string;
  readonly limit: string;
  readonly json?: boolean;
}

const COLUMNS: readonly Column<Gap>[] = [
  { title: 'DEVICE', of: ({ site, device }) => `${site}/${device}` },
  { title: 'BOOT', of: ({ bootId }) => bootId },
  { title: 'FIRST', of: ({ first }) => `${first}`, align: 'right' },
  { title: 'LAST', of: ({ last }) => `${last}`, align: 'right' },
  { title: 'MISSING', of: ({ first, last }) => `${last - first + 1}`, align: 'right' },
];

export function fleetGapsCommand(): Command {
  const command = new Command('gaps')
    .summary('list events that devices numbered and the hub never got')
    .option('--device <site/device>', 'of this device alone')
    .option('--limit <n>', 'at most so many', '1000')
    .option('--json', 'print one JSON object per gap');
  return withViewOptions(command)
    .addHelpText('after', '\nExamples:\n  earshot fleet gaps\n  earshot fleet gaps --device yard/north --json')
    .action((options: GapsOptions & ViewOptions) => viewing(options, (view) => listGaps(view, options)));
}

/** Prints what is missing. @throws UserError */
export async function listGaps(view: FleetView, options: GapsOptions): Promise<void> {
  const limit = wholeNumber('--limit', options.limit, 1, 100_000);
  const device = options.device === undefined ? undefined : siteAndDevice(options.device);
  const gaps = await view.gaps(limit, device);
  if (options.json) for (const gap of gaps) printJson({ type: 'gap', ...gap });
  else if (gaps.length === 0) process.stdout.write('Nothing is missing.\n');
  else printTable(COLUMNS, gaps);
}
