// Something the hub is asked for: loading, there, or failed with a sentence and the way to ask again.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { get } from './api.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

type Query = Readonly<Record<string, string | number | undefined>>;

/**
 * Asks again when path or query change; the old answer is shown until the new one is there.
 * @param path undefined: nothing is asked
 * @param everyMs asks again so long after an answer: a slow hub is waited for, not asked anew
 */
export function useLoaded<T>(path: string | undefined, query: Query = {}, everyMs?: number): Loaded<T> {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>({
    value: undefined,
    error: undefined,
    isLoading: true,
  });
  const key = JSON.stringify([path, query]);
  useEffect(() => {
    if (path === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    setState((before) => ({ ...before, isLoading: true }));
    const settle = (next: (before: T | undefined) => Omit<Loaded<T>, 'reload'>) => {
      if (stop.signal.aborted) return;
      setState(({ value }) => next(value));
      if (everyMs) timer = setTimeout(() => setRound((n) => n + 1), everyMs);
    };
    get<T>(path, query, stop.signal).then(
      (value) => settle(() => ({ value, error: undefined, isLoading: false })),
      ({ message }: Error) => settle((value) => ({ value, error: message, isLoading: false })),
    );
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, round, everyMs]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  return { ...state, reload };
}
