// What runs when earshot is typed: dispatch and exit codes.
import { CommanderError } from 'commander';
import { program } from './program.ts';

/** Exit codes: 0 done, 1 the user can mend it, 2 a device refused, 70 our bug (sysexits EX_SOFTWARE). */
const EXIT_USER = 1;
const EXIT_BUG = 70;

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
  const earshot = await program(process.argv.slice(2));
  await earshot.parseAsync();
} catch (error) {
  process.exitCode = report(error, process.argv.includes('--debug'));
}
