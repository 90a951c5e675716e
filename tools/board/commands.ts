// The commands of the group board, in the order in which its help lists them.
import type { Command } from 'commander';
import { boardFlashCommand } from './flash.ts';
import { boardListCommand } from './list.ts';
import { boardProvisionCommand } from './provision.ts';
import { boardShowCommand } from './show.ts';

export function boardCommands(): Command[] {
  return [boardListCommand(), boardFlashCommand(), boardProvisionCommand(), boardShowCommand()];
}
