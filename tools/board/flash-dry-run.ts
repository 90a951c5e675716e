// What a flash would do: every check with its outcome, and every command, without touching anything.
import { printJson, UserError } from '../command.ts';
import { findModule } from '../find-board.ts';
import { duration } from '../progress.ts';
import { readBsp } from './flash-bsp.ts';
import { flashSteps } from './flash-commands.ts';
import { checkHost } from './flash-host.ts';
import { checkNoOthers, type FlashOptions, targetsOf, together } from './flash-job.ts';
import { typed } from './flash-tool.ts';

/** Says of every check whether it holds, and prints the commands; what is not plugged in stands there as PLACE. */
export async function dryRun(options: FlashOptions, json: boolean): Promise<void> {
  const bsp = await readBsp(options.bsp, findModule(options.board), options);
  const failures: string[] = [];
  const check = async <T>(looked: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await looked();
    } catch (error) {
      if ((error as Error).name !== 'UserError') throw error;
      failures.push((error as Error).message);
      return undefined;
    }
  };
  const notes = await check(() => checkHost(bsp, { root: options.root, spaceGb: options.space }));
  const targets = await check(() => targetsOf(new Map(), options));
  const instances = targets?.instances ?? (options.instance.length > 0 ? options.instance : ['PLACE']);
  const isTogether = (await check(() => together(bsp, instances.length, options.jobs))) ?? false;
  if (targets && isTogether) await check(() => checkNoOthers(instances, options.root));
  const commands = flashSteps(bsp, instances, { together: isTogether, hasImages: false }).map(({ title, command }) => ({
    title,
    command: typed(command),
  }));
  const all = [...bsp.notes, ...(notes ?? []), ...(targets?.notes ?? [])];
  if (json)
    printJson({
      type: 'plan',
      board: options.board,
      l4t: bsp.l4t,
      jetpack: bsp.jetpack.jetpack,
      folder: bsp.folder,
      instances,
      commands,
      notes: all,
      failures,
    });
  else {
    const lines = [
      `${options.board} with JetPack ${bsp.jetpack.jetpack} (R${bsp.l4t}) to ${options.storage}`,
      ...all.map((note) => `note: ${note}`),
      ...failures.map((failure) => `would stop: ${failure}`),
      `cd ${bsp.folder}`,
      ...commands.flatMap(({ title, command }) => [`# ${title}`, command]),
      `# wait up to ${duration(60 * options.answerMinutes)} for ${instances.length === 1 ? 'the board' : 'each board'} to boot and show itself on USB`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  if (failures.length > 0)
    throw new UserError(
      `${failures.length === 1 ? 'A check fails' : `${failures.length} checks fail`}: nothing was touched.`,
    );
}
