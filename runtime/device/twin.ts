// Settings from far away: a desired version is checked, tried, and either kept or taken back; what became of it is reported.
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, parseConfig } from '../config.ts';
import type { Log } from './log.ts';
import { readState, writeState } from './state-file.ts';

/**
 * What may be changed from far: where the microphone stands and points, how often health is told, how scores become events.
 * Who the device is, where it connects, what it keeps of the sound and where files go is changed at the device alone.
 */
export const REMOTE_KEYS = ['headingDegrees', 'position', 'healthSeconds', 'tracking'] as const;

const STATE_FILE = 'remote-settings.json';

/** What is wished from far: the settings that differ from the file on the device. */
export interface Desired {
  /** Rises with every change. */
  readonly version: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

const Stored = z.object({
  /** What runs, and was healthy. */
  good: z.object({ version: z.int(), settings: z.record(z.string(), z.unknown()) }),
  /** What was being tried when this was written. */
  trial: z.object({ version: z.int(), settings: z.record(z.string(), z.unknown()) }).nullable(),
  /** The newest version that was refused or taken back, and why. */
  refused: z.object({ version: z.int(), key: z.string(), message: z.string() }).nullable(),
});
type Stored = z.infer<typeof Stored>;

/** What became of the newest desired version. */
export interface Reported {
  /** Of the settings in use; 0: those of the file alone. */
  readonly version: number;
  readonly desiredVersion: number | null;
  readonly state: 'applied' | 'trial' | 'refused' | 'rolled-back';
  readonly errors: readonly { readonly key: string; readonly message: string }[];
  /** Those that came from far and are in use. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A wish that is refused; key is the setting that it is about, or ''. */
class Refusal extends Error {
  readonly key: string;

  constructor(key: string, message: string) {
    super(message);
    this.key = key;
  }
}

export interface TwinOptions {
  /** The settings of the file on the device, as JSON. */
  readonly base: Readonly<Record<string, unknown>>;
  readonly stateFolder: string;
  readonly trialSeconds: number;
  readonly log: Log;
  /** Makes the service run with these settings. */
  readonly apply: (config: Config) => Promise<void>;
  /** What is wrong with the service; undefined when it is healthy. */
  readonly complaint: () => string | undefined;
  readonly report: (reported: Reported) => void;
}

/** The device's side of desired and reported settings. */
export class Twin {
  readonly #options: TwinOptions;
  readonly #file: string;
  #stored: Stored = { good: { version: 0, settings: {} }, trial: null, refused: null };
  #state: Reported['state'] = 'applied';
  #work: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(options: TwinOptions) {
    this.#options = options;
    this.#file = join(options.stateFolder, STATE_FILE);
  }

  /**
   * Reads the last good settings; a trial that the runtime did not outlive is taken back.
   * @returns the settings to start with
   */
  async begin(): Promise<Config> {
    this.#stored = Stored.safeParse(await readState(this.#file)).data ?? this.#stored;
    const { trial } = this.#stored;
    if (trial) await this.#refuse(trial.version, new Error('the runtime ended while it was tried'), 'rolled-back');
    try {
      return this.#merged(this.#stored.good.settings);
    } catch (error) {
      // The file on the device has changed since, and both do not fit together: the file is nearer.
      const { version } = this.#stored.good;
      this.#stored = { ...this.#stored, good: { version: 0, settings: {} } };
      await this.#refuse(version, error as Error, 'rolled-back');
      return this.#merged({});
    }
  }

  get reported(): Reported {
    const { good, trial, refused } = this.#stored;
    const failed = this.#state === 'refused' || this.#state === 'rolled-back' ? refused : null;
    return {
      version: good.version,
      desiredVersion: trial?.version ?? (failed?.version || good.version || null),
      state: this.#state,
      errors: failed ? [{ key: failed.key, message: failed.message }] : [],
      settings: good.settings,
    };
  }

  /**
   * Takes what the broker holds as desired, or why it cannot be read; one after the other. Resolves when it is kept, refused or
   * taken back.
   */
  desire(desired: Desired | Error): Promise<void> {
    this.#work = this.#work.then(() => this.#consider(desired));
    return this.#work;
  }

  /** Ends a trial that is going on: it will be taken back at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #consider(desired: Desired | Error): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { good, refused } = this.#stored;
    const newest = Math.max(good.version, refused?.version ?? 0);
    try {
      if (desired instanceof Error) throw desired;
      const { version, settings } = desired;
      if (version !== good.version && version !== refused?.version) {
        if (version < newest) throw new Refusal('version', `version ${version} is older than ${newest}`);
        await this.#try(desired, this.#merged(settings));
      }
    } catch (error) {
      // What is older or cannot be read has no version of its own to be refused under.
      const version = desired instanceof Error ? newest : Math.max(desired.version, newest);
      await this.#refuse(version, error as Error, 'refused');
    }
    this.#tell();
  }

  async #try(desired: Desired, config: Config): Promise<void> {
    const { apply, log } = this.#options;
    const { version, settings } = desired;
    const before = this.#stored.good;
    this.#stored = { ...this.#stored, trial: { version, settings } };
    this.#state = 'trial';
    await writeState(this.#file, this.#stored);
    this.#tell();
    await apply(config);
    const complaint = await this.#watch();
    if (this.#stopping.signal.aborted) return;
    if (complaint === undefined) {
      this.#stored = { good: { version, settings }, trial: null, refused: null };
      this.#state = 'applied';
      await writeState(this.#file, this.#stored);
      log.info('remote-config-applied', `Version ${version} of the remote settings is kept.`);
      return;
    }
    await apply(this.#merged(before.settings));
    await this.#refuse(version, new Error(complaint), 'rolled-back');
  }

  /** @returns what was wrong at the end of the trial; a fault that passes is forgiven */
  async #watch(): Promise<string | undefined> {
    const { trialSeconds, complaint } = this.#options;
    const { signal } = this.#stopping;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000 * trialSeconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    return complaint();
  }

  async #refuse(version: number, error: Error, state: 'refused' | 'rolled-back'): Promise<void> {
    const { message } = error;
    this.#options.log.warn(
      'remote-config-refused',
      `Version ${version} of the remote settings is ${state}: ${message}`,
    );
    const key = error instanceof Refusal ? error.key : '';
    this.#stored = { ...this.#stored, trial: null, refused: { version, key, message } };
    this.#state = state;
    await writeState(this.#file, this.#stored);
  }

  /** @throws Refusal when a key may not be changed from far or a value is wrong */
  #merged(settings: Readonly<Record<string, unknown>>): Config {
    const keys = Object.keys(settings);
    const foreign = keys.find((key) => !(REMOTE_KEYS as readonly string[]).includes(key));
    if (foreign !== undefined) {
      throw new Refusal(foreign, `${foreign} is not changed from far; what is: ${REMOTE_KEYS.join(', ')}`);
    }
    try {
      return parseConfig({ ...this.#options.base, ...settings }, 'remote settings');
    } catch (error) {
      const { message } = error as Error;
      throw new Refusal(keys.find((key) => message.includes(key)) ?? '', message);
    }
  }

  #tell(): void {
    this.#options.report(this.reported);
  }
}
