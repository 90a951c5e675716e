// Commands that speak with a running hub alone: where it is, and the token.
import type { Command } from 'commander';
import { connectHub, DEFAULT_HUB, type HubClient } from './hub-client.ts';

export interface HubOptions {
  readonly hub: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** Adds the options that say where the hub is, and --json. */
export function withHubOptions(command: Command): Command {
  return command
    .option('--hub <url>', 'the hub; its token comes from EARSHOT_TOKEN or --token-file', DEFAULT_HUB)
    .option('--token-file <file>', 'file with the token, readable by its owner alone')
    .option('--json', 'print JSON objects');
}

/** @throws UserError when the address is none, or the token cannot be read */
export function hubOf({ hub, tokenFile }: HubOptions): Promise<HubClient> {
  return connectHub({ url: hub, tokenFile });
}
