// What the hub tells as it happens (server-sent events). A broken stream is shown and tried again, each time a little later.
import { useEffect, useState } from 'preact/hooks';

export type StreamState = 'connecting' | 'open' | 'lost';
type Listener = (data: unknown) => void;

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** One connection to the hub's stream; opened by start(), until stop(). */
export class HubStream {
  readonly #address: string;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #watchers = new Set<(state: StreamState) => void>();
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = FIRST_WAIT_MS;
  state: StreamState = 'connecting';

  constructor(address: string) {
    this.#address = address;
  }

  /** @returns how to stop hearing it */
  on(name: string, listener: Listener): () => void {
    const known = this.#listeners.get(name) ?? new Set();
    known.add(listener);
    this.#listeners.set(name, known);
    this.#listen(name);
    return () => known.delete(listener);
  }

  watch(watcher: (state: StreamState) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  start(): void {
    const source = new EventSource(this.#address);
    this.#source = source;
    this.#heard.clear();
    for (const name of this.#listeners.keys()) this.#listen(name);
    source.onopen = () => {
      this.#waitMs = FIRST_WAIT_MS;
      this.#become('open');
    };
    // We were too slow, and what was left out is lost for this stream: a new one begins with a whole list.
    source.addEventListener('lagged', () => source.dispatchEvent(new Event('error')));
    source.onerror = () => {
      // The browser's own retrying gives up on an answer that is no stream; ours does not.
      source.close();
      this.#become('lost');
      this.#timer = setTimeout(() => this.start(), this.#waitMs * (0.5 + Math.random() / 2));
      this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * this.#waitMs);
    };
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  readonly #heard = new Set<string>();

  #listen(name: string): void {
    if (!this.#source || this.#heard.has(name)) return;
    this.#heard.add(name);
    this.#source.addEventListener(name, (message: MessageEvent<string>) => {
      const data: unknown = JSON.parse(message.data);
      for (const listener of this.#listeners.get(name) ?? []) listener(data);
    });
  }

  #become(state: StreamState): void {
    this.state = state;
    for (const watcher of this.#watchers) watcher(state);
  }
}

export function useStreamState(stream: HubStream): StreamState {
  const [state, setState] = useState(stream.state);
  useEffect(() => {
    setState(stream.state);
    return stream.watch(setState);
  }, [stream]);
  return state;
}
