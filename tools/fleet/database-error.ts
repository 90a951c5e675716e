// What can go wrong with the hub's database, told apart by what mends it: other data, waiting, or a person.

/** The database refused a statement, is away, or cannot be opened. */
export class DatabaseError extends Error {
  override name = 'UserError';
  /** SQLSTATE of five letters, where the database gave one. */
  readonly code: string | undefined;

  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(message, options);
    this.code = options?.code;
  }

  /** The values are at fault (class 22 and 23: data, constraints; 54: limits), so that trying again cannot help. */
  get isDataFault(): boolean {
    return /^(22|23|54)/.test(this.code ?? '');
  }
}

/** An error of a driver as one of ours. */
export function databaseError(cause: unknown, doing: string): DatabaseError {
  const { message, code } = cause as Error & { code?: string };
  return new DatabaseError(`${doing}: ${message || code || 'no answer'}`, { cause, code });
}
