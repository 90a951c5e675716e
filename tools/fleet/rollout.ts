// earshot fleet rollout: a change for many devices, in waves, watched and stopped by itself where it does harm.
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import type { RolloutDetails, RolloutPreview, RolloutSummary } from './http/contract-rollouts.ts';
import { parseRollout } from './rollout-definition.ts';
import { atDesk, type DeskOptions, type RolloutDesk, withDeskOptions } from './rollout-desk.ts';
import type { Order } from './rollout-runner.ts';
import { PHASES, type Phase } from './rollout-verdict.ts';
import { printable } from './terminal-text.ts';
import { ago, printTable } from './text-table.ts';

interface Common extends DeskOptions {
  readonly json?: boolean;
}

export function fleetRolloutCommand(): Command {
  const rollout = new Command('rollout').summary(
    'settings or a release for many devices, in waves (docs/fleet-rollouts.md)',
  );
  rollout.addCommand(createCommand());
  rollout.addCommand(listCommand());
  rollout.addCommand(showCommand());
  rollout.addCommand(
    orderCommand('approve', 'let the wave begin that waits for approval', () => ({ order: 'approve' })),
  );
  rollout.addCommand(
    orderCommand(
      'pause',
      'begin no more devices; what is under way goes on',
      ({ reason }) => ({ order: 'pause', reason }),
      ['reason'],
    ),
  );
  rollout.addCommand(
    orderCommand('resume', 'go on after a pause or a stop', ({ retry }) => ({ order: 'resume', retry }), ['retry']),
  );
  rollout.addCommand(
    orderCommand('abort', 'end it for ever', ({ reason, rollBack }) => ({ order: 'abort', reason, rollBack }), [
      'reason',
      'rollBack',
    ]),
  );
  return rollout.addHelpText(
    'after',
    '\nExamples:\n  earshot fleet rollout create health-20s.json --dry-run\n  earshot fleet rollout list\n  earshot fleet rollout abort health-20s --roll-back',
  );
}

function createCommand(): Command {
  const command = new Command('create')
    .summary('begin a rollout')
    .argument('<file>', 'JSON: name, change, target, waves ... (docs/fleet-rollouts.md)')
    .option('--dry-run', 'show waves and devices, begin nothing');
  return withDeskOptions(command)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet rollout create health-20s.json --dry-run\n  earshot fleet rollout create health-20s.json',
    )
    .action((file: string, options: Common & { dryRun?: boolean }) =>
      atDesk(options, (desk) => create(desk, file, options)),
    );
}

function listCommand(): Command {
  return withDeskOptions(new Command('list').summary('all rollouts, newest first'))
    .option('--json', 'print one JSON object per rollout')
    .addHelpText('after', '\nExamples:\n  earshot fleet rollout list')
    .action((options: Common) => atDesk(options, (desk) => list(desk, options)));
}

function showCommand(): Command {
  const command = new Command('show')
    .summary('one rollout: its waves, its devices, what happened')
    .argument('<rollout>', 'name or number')
    .option('--phase <name>', `only devices that are ${PHASES.join(', ')}`)
    .option('--limit <n>', 'devices shown', '50');
  return withDeskOptions(command)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet rollout show health-20s\n  earshot fleet rollout show 7 --phase failed --json',
    )
    .action((which: string, options: Common & { phase?: string; limit: string }) =>
      atDesk(options, (desk) => show(desk, which, options)),
    );
}

interface Given {
  readonly reason: string;
  readonly retry: boolean;
  readonly rollBack: boolean;
}

function orderCommand(
  name: string,
  summary: string,
  orderOf: (given: Given) => Order,
  takes: readonly (keyof Given)[] = [],
): Command {
  const command = new Command(name).summary(summary).argument('<rollout>', 'name or number');
  if (takes.includes('reason')) command.option('--reason <text>', 'for the record', 'no reason given');
  if (takes.includes('retry'))
    command.option('--retry', 'try failed devices again; without it they count no more', false);
  if (takes.includes('rollBack'))
    command.option('--roll-back', 'take the change back from the devices that have it', false);
  return withDeskOptions(command)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExamples:\n  earshot fleet rollout ${name} health-20s`)
    .action((which: string, options: Common & Given) =>
      atDesk(options, async (desk) => {
        const after = await desk.order(which, orderOf(options));
        if (options.json) printJson({ type: 'rollout', ...after });
        else process.stdout.write(`${headOf(after)}\n`);
      }),
    );
}

export async function create(
  desk: RolloutDesk,
  file: string,
  { dryRun, json }: { dryRun?: boolean; json?: boolean },
): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new UserError(`${file} cannot be read (${cause.message}).`, { cause });
  });
  const definition = parseRollout(parsed(text, file), file);
  if (dryRun) {
    const preview = await desk.preview(definition);
    if (json) printJson({ type: 'rollout-preview', ...preview });
    else process.stdout.write(`${previewLines(preview).map(printable).join('\n')}\n`);
    return;
  }
  const rollout = await desk.create(definition);
  if (json) printJson({ type: 'rollout', ...rollout });
  else process.stdout.write(`${headOf(rollout)}\n`);
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${file} is no JSON: ${(cause as Error).message}.`, { cause });
  }
}

const SHOWN_PER_WAVE = 12;

function previewLines({ name, waves, unknown, withoutZone }: RolloutPreview): string[] {
  const all = waves.reduce((sum, { devices }) => sum + devices.length, 0);
  return [
    `${name}: ${all} devices in ${waves.length} waves (dry run: nothing begun)`,
    ...waves.flatMap(({ devices, online, approval }, i) => [
      `  wave ${i + 1}: ${devices.length} devices, ${online} online now${approval ? ', needs approval' : ''}`,
      ...(devices.length > 0
        ? [`    ${devices.slice(0, SHOWN_PER_WAVE).join(' ')}${devices.length > SHOWN_PER_WAVE ? ' ...' : ''}`]
        : []),
    ]),
    ...(unknown.length > 0
      ? [
          `  never heard: ${unknown.slice(0, SHOWN_PER_WAVE).join(' ')}${unknown.length > SHOWN_PER_WAVE ? ' ...' : ''} (${unknown.length})`,
        ]
      : []),
    ...(withoutZone > 0
      ? [`  ${withoutZone} devices have no time zone: their window is that of UTC (earshot fleet config tag --zone)`]
      : []),
  ];
}

export async function list(desk: RolloutDesk, { json }: { json?: boolean }): Promise<void> {
  const rollouts = await desk.list();
  if (json) for (const each of rollouts) printJson({ type: 'rollout', ...each });
  else printTable(COLUMNS, rollouts);
}

const COLUMNS = [
  { title: 'ID', of: ({ id }: RolloutSummary) => String(id), align: 'right' as const },
  { title: 'NAME', of: ({ name }: RolloutSummary) => name },
  { title: 'STATUS', of: ({ status }: RolloutSummary) => status },
  { title: 'WAVE', of: ({ wave, waves }: RolloutSummary) => `${wave}/${waves.length}` },
  { title: 'DONE', of: (each: RolloutSummary) => String(sum(each, ['done'])), align: 'right' as const },
  { title: 'FAILED', of: (each: RolloutSummary) => String(sum(each, ['failed', 'silent'])), align: 'right' as const },
  {
    title: 'UNDER WAY',
    of: (each: RolloutSummary) => String(sum(each, ['sent', 'working', 'proving'])),
    align: 'right' as const,
  },
  { title: 'WAITING', of: (each: RolloutSummary) => String(sum(each, ['pending'])), align: 'right' as const },
  { title: 'BEGUN', of: ({ created }: RolloutSummary) => ago(created) },
  { title: 'REASON', of: ({ reason }: RolloutSummary) => reason ?? '' },
];

function sum({ waves }: RolloutSummary, phases: readonly Phase[]): number {
  return waves.reduce((all, wave) => all + phases.reduce((part, phase) => part + (wave[phase] ?? 0), 0), 0);
}

export async function show(
  desk: RolloutDesk,
  which: string,
  { phase, limit, json }: { phase?: string; limit: string; json?: boolean },
): Promise<void> {
  if (phase !== undefined && !(PHASES as readonly string[]).includes(phase)) {
    throw new UserError(`--phase ${phase}: give one of ${PHASES.join(', ')}.`);
  }
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 0 || count > 100_000)
    throw new UserError(`--limit ${limit}: give a number from 0 to 100000.`);
  const details = await desk.show(which, { limit: count, ...(phase && { phase: phase as Phase }) });
  if (json) printJson({ type: 'rollout', ...details });
  else process.stdout.write(`${detailLines(details).map(printable).join('\n')}\n`);
}

function detailLines(details: RolloutDetails): string[] {
  const { waves, devices, log, definition } = details;
  return [
    headOf(details),
    `change: ${JSON.stringify(definition.change)}`,
    ...waves.map((counts, i) => {
      const parts = PHASES.filter((phase) => counts[phase]).map((phase) => `${counts[phase]} ${phase}`);
      return `  wave ${i + 1}: ${parts.join(', ') || 'empty'}`;
    }),
    ...(devices.length > 0 ? ['', 'Devices'] : []),
    ...devices.map(
      ({ name, wave, phase, reason }) => `  ${name}  wave ${wave}  ${phase}${reason ? `  ${reason}` : ''}`,
    ),
    '',
    'What happened',
    ...log.map(({ time, who, what }) => `  ${time}  ${who}: ${what}`).reverse(),
  ];
}

function headOf({ id, name, status, reason, wave, waves }: RolloutSummary): string {
  return printable(`rollout ${id} ${name}: ${status}, wave ${wave} of ${waves.length}${reason ? ` (${reason})` : ''}`);
}
