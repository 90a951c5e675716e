// All devices as the hub knows them: asked for once, then kept by the stream. Watchers are told once a frame, however much came.
import { useEffect, useState } from 'preact/hooks';
import type { DeviceAnswer } from './answers.ts';
import { get } from './api.ts';
import { learnClasses } from './classes.ts';
import { type DeviceFacts, factsOf, keyOf } from './facts.ts';
import { useHub } from './hub.ts';
import type { HubStream } from './stream.ts';

export class Fleet {
  readonly #answers = new Map<string, DeviceAnswer>();
  readonly #facts = new Map<string, DeviceFacts>();
  readonly #watchers = new Set<() => void>();
  #isTold = true;
  error: string | undefined;
  isLoaded = false;

  /** @returns how to stop */
  follow(stream: HubStream): () => void {
    const stops = [
      stream.on('device', (data) => this.#take(data as DeviceAnswer)),
      // What was missed while the stream was away is in the list.
      stream.watch((state) => {
        if (state === 'open') void this.load();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  async load(): Promise<void> {
    try {
      const { devices } = await get<{ devices: DeviceAnswer[] }>('devices');
      for (const answer of devices) this.#take(answer);
      this.error = undefined;
      this.isLoaded = true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.error = error.message;
    }
    this.#tell();
  }

  get facts(): DeviceFacts[] {
    return [...this.#facts.values()];
  }

  get answers(): DeviceAnswer[] {
    return [...this.#answers.values()];
  }

  answer(key: string): DeviceAnswer | undefined {
    return this.#answers.get(key);
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #take(answer: DeviceAnswer): void {
    const key = keyOf(answer);
    this.#answers.set(key, answer);
    this.#facts.set(key, factsOf(answer));
    if (answer.info) learnClasses(answer.info.model.labels);
    this.#tell();
  }

  #tell(): void {
    if (!this.#isTold) return;
    this.#isTold = false;
    requestAnimationFrame(() => {
      this.#isTold = true;
      for (const watcher of this.#watchers) watcher();
    });
  }
}

/** The fleet, drawn anew when it changes, at most twice a second. */
export function useFleet(): Fleet {
  const { fleet } = useHub();
  const [, setRound] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setRound((round) => round + 1);
      }, 500);
    };
    const first = () => (fleet.isLoaded ? later() : setRound((round) => round + 1));
    const stop = fleet.watch(first);
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [fleet]);
  return fleet;
}
