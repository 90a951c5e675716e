// The commands of the group model, in the order in which its help lists them.
import type { Command } from 'commander';
import { benchCommand } from './bench.ts';
import { buildCommand } from './build.ts';
import { goldenCommand } from './golden.ts';
import { importCommand } from './import.ts';
import { optimiseCommand } from './optimise.ts';
import { packCommand } from './pack.ts';
import { planCommand } from './plan.ts';
import { quantiseCommand } from './quantise.ts';
import { showCommand } from './show.ts';
import { unpackCommand } from './unpack.ts';
import { verifyCommand } from './verify.ts';

export function modelCommands(): Command[] {
  return [
    importCommand(),
    buildCommand(),
    goldenCommand(),
    optimiseCommand(),
    planCommand(),
    benchCommand(),
    packCommand(),
    unpackCommand(),
    quantiseCommand(),
    showCommand(),
    verifyCommand(),
  ];
}
