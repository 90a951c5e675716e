// The list of commands: the only place that knows them all. What is not asked for is not loaded: a device that starts needs no fleet.
import { Command } from 'commander';

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).runCommand(),
  predict: async () => (await import('./predict.ts')).predictCommand(),
  train: async () => (await import('./train.ts')).trainCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  update: async () => (await import('./update.ts')).updateCommand(),
  enrol: async () => (await import('./enrol.ts')).enrolCommand(),
  plot: async () => (await import('./plot.ts')).plotCommand(),
};

interface Group {
  readonly description: string;
  readonly load: () => Promise<Command[]>;
}

const GROUPS: Readonly<Record<string, Group>> = {
  data: {
    description: 'recordings, features and scenes',
    load: async () => (await import('./data/commands.ts')).dataCommands(),
  },
  model: {
    description: 'networks and their weights',
    load: async () => (await import('./model/commands.ts')).modelCommands(),
  },
  field: {
    description: 'what devices heard, and how right it was',
    load: async () => (await import('./field/commands.ts')).fieldCommands(),
  },
  board: {
    description: 'boards: flash them, set them up',
    load: async () => (await import('./board/commands.ts')).boardCommands(),
  },
  fleet: {
    description: 'many devices together',
    load: async () => (await import('./fleet/commands.ts')).fleetCommands(),
  },
};

/**
 * The command line.
 * @param words as typed; only what they name is loaded, or everything when they are undefined
 */
export async function program(words?: readonly string[]): Promise<Command> {
  const earshot = new Command('earshot')
    .description('Ears for machines: what sounded, and from where.')
    .option('--debug', 'show the stack trace of an error')
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride();
  const named = words?.find((word) => !word.startsWith('-') && word !== 'help');
  const isKnown = named !== undefined && (named in COMMANDS || named in GROUPS);
  for (const [name, load] of Object.entries(COMMANDS)) {
    if (!isKnown || name === named) earshot.addCommand(await load());
  }
  for (const [name, { description, load }] of Object.entries(GROUPS)) {
    const group = new Command(name).description(description);
    if (words === undefined || name === named) for (const command of await load()) group.addCommand(command);
    earshot.addCommand(group);
  }
  return earshot;
}
