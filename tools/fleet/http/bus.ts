// What the hub tells inside itself as it happens; each word is told after the database has it.
import { EventEmitter } from 'node:events';
import type { ClipMessage, EventMessage, LiveMessage, ResponseMessage } from '../../../runtime/uplink/topics.ts';
import type { DeviceKey } from './contract.ts';

export interface BusWords {
  /** Stored; one that came twice may be among them. */
  events: readonly EventMessage[];
  /** Said something of themselves, or were heard. */
  devices: readonly DeviceKey[];
  clips: readonly ClipMessage[];
  live: LiveMessage;
  /** A device's answer to a command. */
  response: ResponseMessage;
  alarm: unknown;
  rollout: unknown;
}

type Listener<Word extends keyof BusWords> = (said: BusWords[Word]) => void;

export class Bus {
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  /** @returns how to stop hearing it */
  on<Word extends keyof BusWords>(word: Word, listener: Listener<Word>): () => void {
    this.#emitter.on(word, listener);
    return () => void this.#emitter.off(word, listener);
  }

  tell<Word extends keyof BusWords>(word: Word, said: BusWords[Word]): void {
    this.#emitter.emit(word, said);
  }

  /** Does anybody listen? What nobody hears need not be made. */
  isHeard(word: keyof BusWords): boolean {
    return this.#emitter.listenerCount(word) > 0;
  }
}
