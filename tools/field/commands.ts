// The commands of the group field, in the order in which its help lists them.
import type { Command } from 'commander';
import { cardCommand } from './card.ts';
import { checkMicCommand } from './check-mic.ts';
import { evaluateCommand } from './evaluate.ts';
import { labelCommand } from './label.ts';
import { microphonesCommand } from './microphones.ts';
import { resultsCommand } from './results.ts';
import { scoreCommand } from './score.ts';
import { thresholdsCommand } from './thresholds.ts';

export function fieldCommands(): Command[] {
  return [
    checkMicCommand(),
    microphonesCommand(),
    evaluateCommand(),
    labelCommand(),
    scoreCommand(),
    resultsCommand(),
    cardCommand(),
    thresholdsCommand(),
  ];
}
