// earshot fleet user: who may sign in at the hub, and tokens for programs. Passwords come from the terminal or standard input.
import { Command } from 'commander';
import { printJson, UserError } from '../command.ts';
import { readPassphrase } from '../passphrase.ts';
import { type Database, openDatabase } from './database.ts';
import { addAccount, addToken, listAccounts, removeAccount, setPassword } from './http/accounts.ts';
import { type AuditWords, writeAudit } from './http/audit.ts';
import { Role, type User } from './http/contract.ts';
import { migrate } from './migrations.ts';
import { printTable } from './text-table.ts';

interface Options {
  readonly database: string;
  readonly json?: boolean;
}

const LONGEST_TOKEN_DAYS = 3650;

export function fleetUserCommand(): Command {
  const user = new Command('user').description('who may sign in at the hub, and tokens for programs');
  user.addCommand(addCommand());
  user.addCommand(listCommand());
  user.addCommand(passwordCommand());
  user.addCommand(tokenCommand());
  user.addCommand(removeCommand());
  return user;
}

function command(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .option('--database <url>', 'postgres://user@host/name, or a folder no hub has open', 'earshot-fleet');
}

function addCommand(): Command {
  return command('add', 'let somebody sign in; asks for the password, or reads it from standard input')
    .argument('<name>', 'letters, digits, dots, hyphens, underscores, @')
    .option('--role <role>', Role.options.join(', '), 'viewer')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet user add ada --role admin\n  pass hub/ada | earshot fleet user add ada --role admin',
    )
    .action(async (name: string, options: Options & { role: string }) => {
      const role = roleOf(options.role);
      const password = await readPassphrase(`Password for ${name} (12 characters or more)`, { twice: true });
      await changing(options, { what: 'user add', about: name, details: { role } }, (database) =>
        addAccount(database, { name, role, password }),
      );
      process.stdout.write(`${name} may sign in as ${role}.\n`);
    });
}

function listCommand(): Command {
  return command('list', 'who may sign in')
    .option('--json', 'print one JSON object per user')
    .addHelpText('after', '\nExamples:\n  earshot fleet user list\n  earshot fleet user list --json')
    .action(async (options: Options) => {
      const users = await opened(options, listAccounts);
      if (options.json) for (const each of users) printJson({ type: 'user', ...each });
      else if (users.length === 0)
        process.stdout.write('Nobody may sign in: "earshot fleet user add" lets somebody.\n');
      else {
        const columns = [
          { title: 'name', of: ({ name }: User) => name },
          { title: 'role', of: ({ role }: User) => role },
          { title: 'since', of: ({ created }: User) => created.slice(0, 10) },
        ];
        printTable(columns, users);
      }
    });
}

function passwordCommand(): Command {
  return command('password', 'set another password; ends the sessions of that user')
    .argument('<name>')
    .addHelpText('after', '\nExamples:\n  earshot fleet user password ada')
    .action(async (name: string, options: Options) => {
      const password = await readPassphrase(`New password for ${name} (12 characters or more)`, { twice: true });
      await changing(options, { what: 'user password', about: name }, (database) =>
        setPassword(database, name, password),
      );
      process.stdout.write(`${name} has a new password, and is signed out everywhere.\n`);
    });
}

function tokenCommand(): Command {
  return command('token', 'make a token for a program; it is printed once')
    .argument('<name>', 'the user for whom the program acts')
    .option('--role <role>', `at most this role: ${Role.options.join(', ')} (default: the user's)`)
    .option('--days <n>', 'until it expires', '365')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet user token ada --role viewer\n' +
        '  (umask 077; earshot fleet user token ada --role viewer > token); earshot fleet ls --hub https://hub.lan --token-file token',
    )
    .action(async (name: string, options: Options & { role?: string; days: string }) => {
      const role = options.role === undefined ? undefined : roleOf(options.role);
      const days = Number(options.days);
      if (!(days > 0 && days <= LONGEST_TOKEN_DAYS))
        throw new UserError(`--days ${options.days}: give a number above 0, at most ${LONGEST_TOKEN_DAYS}.`);
      const words = { what: 'user token', about: name, details: { role: role ?? null, days } };
      const token = await changing(options, words, (database) => addToken(database, { name, role, days }, Date.now()));
      process.stdout.write(`${token}\n`);
    });
}

function removeCommand(): Command {
  return command('remove', 'remove a user with all sessions and tokens')
    .argument('<name>')
    .addHelpText('after', '\nExamples:\n  earshot fleet user remove ada')
    .action(async (name: string, options: Options) => {
      await changing(options, { what: 'user remove', about: name }, (database) => removeAccount(database, name));
      process.stdout.write(`${name} may no longer sign in.\n`);
    });
}

async function opened<T>({ database: url }: Options, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase(url);
  try {
    await migrate(database);
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Does it and writes it down, both or neither. */
function changing<T>(
  options: Options,
  words: Pick<AuditWords, 'what' | 'about' | 'details'>,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  return opened(options, async (database) => {
    const id = await writeAudit(database, { who: '(terminal)', address: null, ...words });
    try {
      return await work(database);
    } catch (error) {
      await database.query('delete from audit where id = $1', [id]);
      throw error;
    }
  });
}

function roleOf(text: string): Role {
  const role = Role.safeParse(text);
  if (role.success) return role.data;
  throw new UserError(`--role ${text}: give one of ${Role.options.join(', ')}.`);
}
