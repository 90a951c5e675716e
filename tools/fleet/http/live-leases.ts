// Live pictures for those who look: the device is asked while somebody looks, again before its time is up, and told when nobody does.
import type { Commands } from './commands.ts';
import type { DeviceKey } from './contract.ts';

/** What the device is asked for, and how often again: one lost request does no harm. */
const LEASE_SECONDS = 30;
const RENEW_MS = 10_000;

interface Lease {
  viewers: number;
  readonly timer: NodeJS.Timeout;
}

export class LiveLeases {
  readonly #commands: Commands;
  readonly #onTrouble: (error: Error) => void;
  readonly #leases = new Map<string, Lease>();

  constructor(commands: Commands, onTrouble: (error: Error) => void) {
    this.#commands = commands;
    this.#onTrouble = onTrouble;
  }

  /** Devices that are looked at, as site/device. */
  get devices(): string[] {
    return [...this.#leases.keys()];
  }

  /** Somebody begins to look. @returns how to stop; calling it twice does nothing more */
  look(key: DeviceKey): () => void {
    const name = `${key.site}/${key.device}`;
    const lease = this.#leases.get(name) ?? this.#begin(key, name);
    lease.viewers += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      lease.viewers -= 1;
      if (lease.viewers === 0) this.#end(key, name);
    };
  }

  stop(): void {
    for (const { timer } of this.#leases.values()) clearInterval(timer);
    this.#leases.clear();
  }

  #begin(key: DeviceKey, name: string): Lease {
    const timer = setInterval(() => this.#ask(key, LEASE_SECONDS), RENEW_MS);
    const lease = { viewers: 0, timer };
    this.#leases.set(name, lease);
    this.#ask(key, LEASE_SECONDS);
    return lease;
  }

  #end(key: DeviceKey, name: string): void {
    const lease = this.#leases.get(name);
    if (!lease) return;
    clearInterval(lease.timer);
    this.#leases.delete(name);
    this.#ask(key, 0);
  }

  /** Nobody waits for the answer: the pictures are it. */
  #ask(key: DeviceKey, seconds: number): void {
    this.#commands.ask(key, 'live', { seconds }, 0).catch(this.#onTrouble);
  }
}
