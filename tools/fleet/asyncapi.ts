// earshot fleet asyncapi: the wire contract as an AsyncAPI 3 document, made from the schemas that the device itself checks with.
import { rename, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { filterOf, MESSAGES, type MessageKind, ROOT } from '../../runtime/uplink/topics.ts';
import { UserError } from '../command.ts';

const KINDS = Object.keys(MESSAGES) as MessageKind[];

/** One sentence for each kind of message. */
const SUMMARIES: Record<MessageKind, string> = {
  state: 'Whether the device is there; its last will says lost.',
  info: 'What the device is: model, backend, microphone, place.',
  health: 'How the device is, every half minute.',
  event: 'A sound has begun, goes on or has ended, and from where.',
  live: 'What the device hears now, while somebody has asked for it.',
  clip: 'A recording was stored on the device.',
  'clip-audio': 'Part of the sound of a recording, for which somebody has asked.',
  evaluation: 'How right the device was on labelled recordings.',
  'config/desired': 'Settings that the device is to use.',
  'config/reported': 'Settings that the device uses, and why not the desired ones.',
  cmd: 'A request to the device.',
  res: 'The answer to a request.',
};

/** The document as an object; the same for the same schemas. */
export function asyncApi() {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'earshot devices',
      version: '1',
      description: `What devices say and hear over MQTT, below ${ROOT}/<site>/<device>.`,
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(KINDS.map((kind) => [nameOf(kind), channel(kind)])),
    operations: Object.fromEntries(KINDS.map((kind) => [`tell-${nameOf(kind)}`, operation(kind)])),
    components: {
      messages: Object.fromEntries(KINDS.map((kind) => [nameOf(kind), message(kind)])),
    },
  };
}

export function asyncApiText(): string {
  return `${JSON.stringify(asyncApi(), null, 2)}\n`;
}

function channel(kind: MessageKind) {
  const parameters = parametersOf(kind);
  return {
    address: `${ROOT}/{site}/{device}/${kind}${parameters.length > 2 ? `/{${parameters[2]}}` : ''}`,
    summary: SUMMARIES[kind],
    messages: { [nameOf(kind)]: { $ref: `#/components/messages/${nameOf(kind)}` } },
    parameters: Object.fromEntries(parameters.map((name) => [name, { description: `${name}, as in the message` }])),
  };
}

/** From the side of the device: what it sends, and what it receives. */
function operation(kind: MessageKind) {
  const { sender, qos, retain } = MESSAGES[kind];
  return {
    action: sender === 'device' ? 'send' : 'receive',
    channel: { $ref: `#/channels/${nameOf(kind)}` },
    summary: SUMMARIES[kind],
    bindings: { mqtt: { qos, retain, bindingVersion: '0.2.0' } },
  };
}

function message(kind: MessageKind) {
  const { $schema, ...payload } = z.toJSONSchema(MESSAGES[kind].schema, { target: 'draft-7', io: 'input' });
  return { name: kind, title: SUMMARIES[kind], contentType: 'application/json', payload };
}

function parametersOf(kind: MessageKind): string[] {
  const entry = MESSAGES[kind];
  const isDeeper = filterOf(kind).endsWith('/+') && 'level' in entry;
  return ['site', 'device', ...(isDeeper ? [entry.level] : [])];
}

/** Names of parts of the document hold no slash. */
function nameOf(kind: MessageKind): string {
  return kind.replace('/', '-');
}

export function fleetAsyncapiCommand(): Command {
  return new Command('asyncapi')
    .summary('describe every message of the devices as an AsyncAPI 3 document')
    .option('--out <file>', 'write it there (default: print it)')
    .addHelpText('after', '\nExamples:\n  earshot fleet asyncapi\n  earshot fleet asyncapi --out asyncapi.json')
    .action(async ({ out }: { out?: string }) => {
      if (out === undefined) process.stdout.write(asyncApiText());
      else await write(out);
    });
}

async function write(file: string): Promise<void> {
  const part = `${file}.part`;
  try {
    await writeFile(part, asyncApiText());
    await rename(part, file);
  } catch (cause) {
    throw new UserError(`${file} cannot be written (${(cause as Error).message}): give --out another place.`, {
      cause,
    });
  }
}
