// Ctrl-C as a wish to come to an end: the first one asks, a later one insists.

/** npm passes a Ctrl-C on that the terminal has already sent: what comes this soon is the same one. */
const SAME_WISH_MS = 1000;

/** Exit code of a process that SIGINT ended (128 + 2), as shells know it. */
const EXIT_INTERRUPTED = 130;

/** Calls `stop` at the first SIGINT or SIGTERM; from a second later on they end the process at once. */
export function onInterruption(stop: (signal: NodeJS.Signals) => void): void {
  let askedMs: number | undefined;
  const hear = (signal: NodeJS.Signals) => {
    if (askedMs === undefined) {
      askedMs = performance.now();
      stop(signal);
    } else if (performance.now() - askedMs > SAME_WISH_MS) process.exit(EXIT_INTERRUPTED);
  };
  process.on('SIGINT', hear).on('SIGTERM', hear);
}
