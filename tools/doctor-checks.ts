// What a check of earshot doctor is: what it looks at, what it needs first, and what to do when it fails.

export type Verdict = 'ok' | 'warning' | 'fail' | 'skipped';

/** What a check found; wayOut says what to do about everything but ok. */
export interface Finding {
  readonly verdict: Verdict;
  readonly found: string;
  readonly wayOut?: string;
}

export interface Check {
  readonly name: string;
  /** What does not work without it; a failure where it is everything. */
  readonly missing: 'warning' | 'fail';
  readonly wayOut: string;
  /** Checks that must have gone well before this one says anything. */
  readonly needs?: readonly string[];
  /** @returns what was found; throws when it is missing or broken */
  readonly look: () => Promise<string>;
}

export type NamedFinding = Finding & { readonly check: string };

/** Longest that a check may take: one that hangs has failed. */
const TIMEOUT_MS = 60_000;

/** Makes the checks one after the other; what leans on a failed one is skipped. */
export async function* examineAll(checks: readonly Check[]): AsyncGenerator<NamedFinding> {
  const bad = new Set<string>();
  for (const check of checks) {
    const blocker = check.needs?.find((name) => bad.has(name));
    const finding: Finding = blocker
      ? {
          verdict: 'skipped',
          found: `not looked at, since ${blocker} did not go well`,
          wayOut: `mend ${blocker} first`,
        }
      : await examine(check);
    if (finding.verdict !== 'ok') bad.add(check.name);
    yield { check: check.name, ...finding };
  }
}

/** Runs one check: whatever it throws is its finding. */
export async function examine({ missing, wayOut, look }: Pick<Check, 'missing' | 'wayOut' | 'look'>): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
  });
  try {
    return { verdict: 'ok', found: await Promise.race([look(), late]) };
  } catch (error) {
    return { verdict: missing, found: (error as Error).message.split('\n')[0]!, wayOut };
  } finally {
    clearTimeout(timer);
  }
}
