// What all commands share: the error a user can mend, and how results are printed.

/** A mistake the user can mend: one sentence with what happened, the value, the rule and the way out; exit code 1. */
export class UserError extends Error {
  override name = 'UserError';
}

/** Prints one JSON object on a line of standard output, as every --json promises. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
