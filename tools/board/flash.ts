// earshot board flash: writes JetPack to boards with NVIDIA's own tools, and believes them only when the board answers.
import { Command, InvalidArgumentError, Option } from 'commander';
import { STORAGES } from '../../boards/board.ts';
import { printJson, UserError } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { duration } from '../progress.ts';
import { flashBoards } from './flash-boards.ts';
import { dryRun } from './flash-dry-run.ts';
import { type FlashJob, type FlashOptions, prepareFlash } from './flash-job.ts';
import { claimBsp } from './flash-lock.ts';
import type { FlashRun } from './flash-run.ts';
import { createFlashTable } from './flash-table.ts';
import { keepSudo, prepareSudo } from './flash-tool.ts';

interface Options extends FlashOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
The BSP is the folder Linux_for_Tegra of NVIDIA's Jetson_Linux archive, with the root filesystem unpacked and apply_binaries.sh
run: docs/boards.md has the commands. NVIDIA's tools need root: sudo asks for your password before they begin; earshot neither
sees nor keeps it. A flash takes 10 to 30 minutes, minutes of them silent.

Examples:
  earshot board flash --board orin-nano-8gb --bsp Linux_for_Tegra --storage nvme --dry-run
  earshot board flash --board orin-nano-8gb --bsp Linux_for_Tegra --storage nvme
  earshot board flash --board orin-nx-16gb --bsp Linux_for_Tegra --storage nvme --all
  earshot board flash --board orin-nano-8gb --bsp Linux_for_Tegra --storage nvme --resume
`;

export function boardFlashCommand(): Command {
  return new Command('flash')
    .summary('write JetPack to boards in recovery mode')
    .description(
      "Checks everything that can be checked, runs NVIDIA's flashing tools, tells their errors with the way out, and reports\n" +
        'success only when the board has booted and shows itself on USB.',
    )
    .requiredOption('--board <name>', 'module, e.g. orin-nano-8gb: earshot board show lists them')
    .requiredOption('--bsp <folder>', "NVIDIA's Linux_for_Tegra")
    .addOption(new Option('--storage <name>', 'where the system goes').choices(STORAGES).makeOptionMandatory())
    .option('--instance <places...>', 'USB places of the boards, e.g. 1-8.4, when several are in recovery mode', [])
    .option('--all', 'flash all boards of this kind that are in recovery mode')
    .option(
      '--jobs <number>',
      'boards at once: all, or 1 for one after the other (default: all where the tool can)',
      count,
    )
    .option('--configuration <name>', "NVIDIA's name of board and carrier, e.g. jetson-orin-nano-devkit-super")
    .option(
      '--resume',
      'go on where an earlier run stopped: images that were made are taken, written boards are waited for',
    )
    .option('--dry-run', 'check, print every command, and touch nothing')
    .option('--allow-unsupported', 'flash also a JetPack that earshot does not run on natively')
    .option('--logs <folder>', 'where a log and a state file per board go', 'flash-logs')
    .option('--space <gb>', 'room that must be free on the disk of the BSP, in GB', positive, 40)
    .option('--minutes <number>', 'longest that a tool may take', positive, 90)
    .option('--answer-minutes <number>', 'longest that a board may take to boot', positive, 10)
    .option('--json', 'print one JSON object per stage and per board')
    .option('--root <folder>', 'folder that has /sys, /proc and /dev, such as a copy from another machine', '/')
    .addHelpText('after', EXAMPLES)
    .action(flash);
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

async function flash(options: Options): Promise<void> {
  if (options.dryRun) return dryRun(options, options.json ?? false);
  const say = (line: string) => (options.json ? undefined : process.stderr.write(`${line}\n`));
  const job = await prepareFlash(options);
  for (const note of job.notes) say(`note: ${note}`);
  await prepareSudo(say);
  const letGo = await claimBsp(job.plan.bsp.folder);
  try {
    await run(job, options);
  } finally {
    await letGo();
    for (const { log } of job.runs) log.close();
  }
  report(job.runs, options);
}

async function run({ plan, runs }: FlashJob, options: Options): Promise<void> {
  const table = createFlashTable(runs, options.board, options.json ?? false);
  const interruption = new AbortController();
  onInterruption(() => interruption.abort('interrupted'));
  const endSudo = keepSudo();
  try {
    await flashBoards(plan, runs, table.update, interruption.signal);
  } finally {
    endSudo();
    table.finish();
  }
}

function report(runs: readonly FlashRun[], options: Options): void {
  const failed = runs.filter(({ failure }) => failure !== null);
  for (const { instance, failure, answer, log, beganMs, endedMs } of runs) {
    const seconds = Math.round(((endedMs ?? beganMs) - beganMs) / 1000);
    if (options.json)
      printJson({
        type: 'result',
        board: options.board,
        instance,
        ok: failure === null,
        seconds,
        answer,
        failure,
        log: log.file,
      });
    else if (answer) {
      const where = `${answer.port ? ` on ${answer.port}` : ''}${answer.pings ? ', its network answers' : ''}`;
      process.stdout.write(
        `${options.board} at ${instance}: flashed in ${duration(seconds)}, booted and there${where}. Log: ${log.file}\n`,
      );
    }
  }
  if (runs.length > failed.length && !options.json) process.stdout.write('Next: earshot board provision sets it up.\n');
  const [first] = failed;
  if (!first) return;
  const sentences = failed.map(
    ({ instance, failure, log }) => `${options.board} at ${instance} was not flashed: ${failure} (log: ${log.file}).`,
  );
  throw new UserError(sentences.join('\n       '));
}
