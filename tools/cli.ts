// The list of commands: the only place that knows them all. Dispatch, help and exit codes.
import { Command, CommanderError } from 'commander';
import { boardFlashCommand } from './board/flash.ts';
import { boardListCommand } from './board/list.ts';
import { boardProvisionCommand } from './board/provision.ts';
import { boardShowCommand } from './board/show.ts';
import { featuresCommand } from './data/features.ts';
import { synthCommand } from './data/synth.ts';
import { doctorCommand } from './doctor.ts';
import { enrolCommand } from './enrol.ts';
import { cardCommand } from './field/card.ts';
import { checkMicCommand } from './field/check-mic.ts';
import { evaluateCommand } from './field/evaluate.ts';
import { labelCommand } from './field/label.ts';
import { microphonesCommand } from './field/microphones.ts';
import { resultsCommand } from './field/results.ts';
import { scoreCommand } from './field/score.ts';
import { thresholdsCommand } from './field/thresholds.ts';
import { fleetAclCommand } from './fleet/acl.ts';
import { fleetAsyncapiCommand } from './fleet/asyncapi.ts';
import { fleetBackupCommand } from './fleet/backup.ts';
import { fleetCaCommand } from './fleet/ca.ts';
import { fleetConfigCommand } from './fleet/config.ts';
import { fleetEventsCommand } from './fleet/events.ts';
import { fleetExportCommand } from './fleet/export.ts';
import { fleetGapsCommand } from './fleet/gaps.ts';
import { fleetLocateCommand } from './fleet/locate.ts';
import { fleetLsCommand } from './fleet/ls.ts';
import { fleetOpenapiCommand } from './fleet/openapi.ts';
import { fleetQuarantineCommand } from './fleet/quarantine-command.ts';
import { fleetReleaseCommand } from './fleet/release.ts';
import { fleetRestoreCommand } from './fleet/restore.ts';
import { fleetRolloutCommand } from './fleet/rollout.ts';
import { fleetServeCommand } from './fleet/serve.ts';
import { fleetShowCommand } from './fleet/show.ts';
import { fleetUserCommand } from './fleet/user.ts';
import { fleetWatchCommand } from './fleet/watch.ts';
import { benchCommand } from './model/bench.ts';
import { buildCommand } from './model/build.ts';
import { goldenCommand } from './model/golden.ts';
import { importCommand } from './model/import.ts';
import { optimiseCommand } from './model/optimise.ts';
import { packCommand } from './model/pack.ts';
import { planCommand } from './model/plan.ts';
import { quantiseCommand } from './model/quantise.ts';
import { showCommand } from './model/show.ts';
import { unpackCommand } from './model/unpack.ts';
import { verifyCommand } from './model/verify.ts';
import { plotCommand } from './plot.ts';
import { predictCommand } from './predict.ts';
import { runCommand } from './run.ts';
import { trainCommand } from './train.ts';
import { updateCommand } from './update.ts';

/** Exit codes: 0 done, 1 the user can mend it, 2 a device refused, 70 our bug (sysexits EX_SOFTWARE). */
const EXIT_USER = 1;
const EXIT_BUG = 70;

function program(): Command {
  const earshot = new Command('earshot')
    .description('Ears for machines: what sounded, and from where.')
    .option('--debug', 'show the stack trace of an error')
    .showHelpAfterError('(add --help for the options and examples)')
    .exitOverride();
  earshot.addCommand(runCommand());
  earshot.addCommand(predictCommand());
  earshot.addCommand(trainCommand());
  earshot.addCommand(doctorCommand());
  earshot.addCommand(updateCommand());
  earshot.addCommand(enrolCommand());
  earshot.addCommand(plotCommand());
  const data = new Command('data').description('recordings, features and scenes');
  data.addCommand(featuresCommand());
  data.addCommand(synthCommand());
  earshot.addCommand(data);
  const model = new Command('model').description('networks and their weights');
  model.addCommand(importCommand());
  model.addCommand(buildCommand());
  model.addCommand(goldenCommand());
  model.addCommand(optimiseCommand());
  model.addCommand(planCommand());
  model.addCommand(benchCommand());
  model.addCommand(packCommand());
  model.addCommand(unpackCommand());
  model.addCommand(quantiseCommand());
  model.addCommand(showCommand());
  model.addCommand(verifyCommand());
  earshot.addCommand(model);
  const field = new Command('field').description('what devices heard, and how right it was');
  field.addCommand(checkMicCommand());
  field.addCommand(microphonesCommand());
  field.addCommand(evaluateCommand());
  field.addCommand(labelCommand());
  field.addCommand(scoreCommand());
  field.addCommand(resultsCommand());
  field.addCommand(cardCommand());
  field.addCommand(thresholdsCommand());
  earshot.addCommand(field);
  const board = new Command('board').description('boards: flash them, set them up');
  board.addCommand(boardListCommand());
  board.addCommand(boardFlashCommand());
  board.addCommand(boardProvisionCommand());
  board.addCommand(boardShowCommand());
  earshot.addCommand(board);
  const fleet = new Command('fleet').description('many devices together');
  fleet.addCommand(fleetServeCommand());
  fleet.addCommand(fleetLsCommand());
  fleet.addCommand(fleetShowCommand());
  fleet.addCommand(fleetEventsCommand());
  fleet.addCommand(fleetWatchCommand());
  fleet.addCommand(fleetExportCommand());
  fleet.addCommand(fleetGapsCommand());
  fleet.addCommand(fleetQuarantineCommand());
  fleet.addCommand(fleetBackupCommand());
  fleet.addCommand(fleetRestoreCommand());
  fleet.addCommand(fleetConfigCommand());
  fleet.addCommand(fleetRolloutCommand());
  fleet.addCommand(fleetLocateCommand());
  fleet.addCommand(fleetAsyncapiCommand());
  fleet.addCommand(fleetOpenapiCommand());
  fleet.addCommand(fleetUserCommand());
  fleet.addCommand(fleetCaCommand());
  fleet.addCommand(fleetReleaseCommand());
  fleet.addCommand(fleetAclCommand());
  earshot.addCommand(fleet);
  return earshot;
}

/** A mistake of the user carries the name UserError wherever it was thrown; anything else is a bug of ours. */
function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USER;
  const { name, message, stack } = error as Error;
  process.stderr.write(`${debug ? stack : `error: ${message}`}\n`);
  if (name === 'UserError') return EXIT_USER;
  if (!debug)
    process.stderr.write(
      'This is a fault of earshot, not of yours: run again with --debug and send us what it prints.\n',
    );
  return EXIT_BUG;
}

// A reader that has seen enough (| head) closes the pipe: no fault, and nobody is left to tell it to.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error, process.argv.includes('--debug'));
}
