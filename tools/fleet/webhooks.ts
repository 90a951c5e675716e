// earshot fleet webhooks: which programs elsewhere the hub calls, and whether they take it.
import { rm, writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { printJson, UserError } from '../command.ts';
import { AddedWebhook, NewWebhook, type Webhook, Webhooks } from './http/contract-rollouts.ts';
import { type HubOptions, hubOf, withHubOptions } from './hub-options.ts';
import { ago, type Column, printTable } from './text-table.ts';
import { WEBHOOK_TOPICS } from './webhook-store.ts';

export function fleetWebhooksCommand(): Command {
  const webhooks = new Command('webhooks').summary('programs elsewhere that the hub calls (docs/fleet-rollouts.md)');
  webhooks.addCommand(listCommand());
  webhooks.addCommand(addCommand());
  webhooks.addCommand(removeCommand());
  webhooks.addCommand(enableCommand());
  return webhooks.addHelpText(
    'after',
    '\nExamples:\n  earshot fleet webhooks list\n  earshot fleet webhooks add https://desk.example.org/earshot --topic alarm --secret-file desk.secret',
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  { title: 'WEBHOOK', of: ({ id }) => String(id), align: 'right' },
  { title: 'STATE', of: stateOf },
  { title: 'TOPICS', of: ({ topics }) => topics.join(' ') },
  { title: 'DELIVERED', of: ({ delivered }) => String(delivered), align: 'right' },
  { title: 'WAITING', of: ({ waiting }) => String(waiting), align: 'right' },
  { title: 'LOST', of: ({ givenUp, dropped }) => String(givenUp + dropped), align: 'right' },
  { title: 'ADDRESS', of: ({ url }) => url },
];

function stateOf({ disabled, disabledReason, failingSince }: Webhook): string {
  if (disabled !== null) return `off: ${disabledReason}`;
  return failingSince === null ? 'on' : `failing since ${ago(failingSince)}`;
}

function listCommand(): Command {
  return withHubOptions(new Command('list').summary('who is called, and what waits'))
    .addHelpText('after', '\nExamples:\n  earshot fleet webhooks list\n  earshot fleet webhooks list --json')
    .action(async (options: HubOptions) => {
      const { webhooks } = await (await hubOf(options)).get('webhooks', Webhooks);
      if (options.json) for (const each of webhooks) printJson({ type: 'webhook', ...each });
      else if (webhooks.length === 0) process.stdout.write('Nobody is called.\n');
      else printTable(COLUMNS, webhooks);
    });
}

interface AddOptions extends HubOptions {
  readonly topic: readonly string[];
  readonly format: string;
  readonly class?: readonly string[];
  readonly minScore: string;
  readonly site?: readonly string[];
  readonly allowPrivate?: boolean;
  readonly secretFile?: string;
}

function addCommand(): Command {
  const command = new Command('add')
    .summary('call an address from now on; its secret is told once')
    .argument('<url>', 'https://...')
    .requiredOption('--topic <names...>', `${WEBHOOK_TOPICS.join(', ')}`)
    .addOption(new Option('--format <name>', 'of the messages').choices(['plain', 'cloudevents']).default('plain'))
    .option('--class <names...>', 'only events of these classes')
    .option('--min-score <n>', 'only events from this score on', '0')
    .option('--site <names...>', 'only events and alarms of these sites')
    .option('--allow-private', 'the receiver is inside our own network')
    .option('--secret-file <file>', 'where the secret goes, readable by you alone (default: standard output)');
  return withHubOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet webhooks add https://desk.example.org/earshot --topic alarm rollout --secret-file desk.secret\n' +
        '  earshot fleet webhooks add https://desk.example.org/earshot --topic event --class siren --min-score 0.7',
    )
    .action(add);
}

async function add(url: string, options: AddOptions): Promise<void> {
  const { topic: topics, format, class: classes, site: sites, allowPrivate } = options;
  const given = NewWebhook.safeParse({
    url,
    topics,
    format,
    classes,
    sites,
    allowPrivate,
    minScore: Number(options.minScore),
  });
  if (!given.success) {
    const [issue] = given.error.issues;
    throw new UserError(`The webhook breaks a rule: ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  const hub = await hubOf(options);
  const keep = options.secretFile === undefined ? undefined : await reserve(options.secretFile);
  const { id, secret } = await hub.send('POST', 'webhooks', AddedWebhook, given.data).catch(async (error) => {
    if (options.secretFile !== undefined) await rm(options.secretFile);
    throw error;
  });
  await keep?.(secret);
  const shown = keep ? {} : { secret };
  if (options.json) printJson({ type: 'webhook-added', id, ...shown });
  else
    process.stdout.write(
      `Webhook ${id} is called from now on; its secret ${keep ? `is in ${options.secretFile}` : `is ${secret}`}.\n`,
    );
}

/** The file is made before the hub is asked: a secret is told once and must not be lost. @throws UserError when it is there already */
async function reserve(file: string): Promise<(secret: string) => Promise<void>> {
  await writeFile(file, '', { flag: 'wx', mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'EEXIST' ? 'it is there already' : cause.message;
    throw new UserError(`--secret-file ${file} cannot be made (${reason}): give another name.`, { cause });
  });
  return (secret) => writeFile(file, `${secret}\n`);
}

function removeCommand(): Command {
  return withHubOptions(new Command('remove').summary('call no more; what waits for it goes').argument('<webhook>'))
    .addHelpText('after', '\nExamples:\n  earshot fleet webhooks remove 3')
    .action((id: string, options: HubOptions) => order('DELETE', id, '', 'is called no more', options));
}

function enableCommand(): Command {
  return withHubOptions(new Command('enable').summary('call again one that was switched off').argument('<webhook>'))
    .addHelpText('after', '\nExamples:\n  earshot fleet webhooks enable 3')
    .action((id: string, options: HubOptions) => order('POST', id, '/enable', 'is called again', options));
}

async function order(
  method: 'POST' | 'DELETE',
  id: string,
  what: string,
  told: string,
  options: HubOptions,
): Promise<void> {
  if (!/^[1-9]\d{0,14}$/.test(id))
    throw new UserError(`${id} is no webhook: give its number, as in "earshot fleet webhooks list".`);
  await (await hubOf(options)).send(method, `webhooks/${id}${what}`, z.undefined());
  if (options.json) printJson({ type: 'webhook', id: Number(id), told });
  else process.stdout.write(`Webhook ${id} ${told}.\n`);
}
