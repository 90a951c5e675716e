// The commands of the group data, in the order in which its help lists them.
import type { Command } from 'commander';
import { featuresCommand } from './features.ts';
import { synthCommand } from './synth.ts';

export function dataCommands(): Command[] {
  return [featuresCommand(), synthCommand()];
}
