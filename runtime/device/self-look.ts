// The device looks at itself: board sensors, disk and clock at most once in a while, none of which can make it wait.
import { statfs } from 'node:fs/promises';
import { type BoardReading, BoardSensors } from './board-sensors.ts';
import { type ClockSync, clockSync } from './clock-sync.ts';
import { SensorFiles } from './sensor-files.ts';
import { TegrastatsChild } from './tegrastats-child.ts';

const TIMEOUT_MS = 4000;

export interface SelfReading {
  readonly board: BoardReading | null;
  readonly clock: ClockSync;
  readonly disk: { readonly totalBytes: number | null; readonly freeBytes: number | null };
  /** Memory controller, from tegrastats alone. */
  readonly memoryController: { readonly load: number | null; readonly hertz: number | null };
  readonly hangingSensors: readonly string[];
}

const UNKNOWN: SelfReading = {
  ...{ board: null, clock: { synced: null, offsetMs: null }, disk: { totalBytes: null, freeBytes: null } },
  ...{ memoryController: { load: null, hertz: null }, hangingSensors: [] },
};

export interface SelfLookOptions {
  /** '/' or a tree of files in its place. */
  readonly root: string;
  /** The disk that is watched is the one of this folder. */
  readonly stateFolder: string;
  readonly tegrastats?: TegrastatsChild;
}

/** Reads everything that the machine says of itself. */
export class SelfLook {
  readonly files: SensorFiles;
  readonly #stateFolder: string;
  readonly #sensors: BoardSensors;
  readonly #tegrastats: TegrastatsChild;
  #looking: Promise<SelfReading> | undefined;
  #latest: SelfReading = UNKNOWN;

  constructor({ root, stateFolder, tegrastats = new TegrastatsChild() }: SelfLookOptions) {
    this.files = new SensorFiles(root);
    this.#stateFolder = stateFolder;
    this.#sensors = new BoardSensors(this.files);
    this.#tegrastats = tegrastats;
  }

  start(): void {
    this.#tegrastats.start();
  }

  stop(): void {
    this.#tegrastats.stop();
  }

  /** The newest reading, without looking. */
  get latest(): SelfReading {
    return this.#latest;
  }

  /** Looks now; what has not answered in time is unknown. One look at a time. */
  async look(): Promise<SelfReading> {
    this.#looking ??= this.#readAll().finally(() => {
      this.#looking = undefined;
    });
    this.#latest = await within(TIMEOUT_MS, this.#looking, UNKNOWN);
    return this.#latest;
  }

  async #readAll(): Promise<SelfReading> {
    const [board, clock, disk] = await Promise.all([
      this.#sensors.read(),
      clockSync(),
      within(TIMEOUT_MS / 2, diskSpace(this.#stateFolder), UNKNOWN.disk),
    ]);
    const tegrastats = this.#tegrastats.reading;
    const gpu = {
      load: board.gpu.load ?? tegrastats?.gpu.load ?? null,
      hertz: board.gpu.hertz ?? tegrastats?.gpu.hertz ?? null,
    };
    const celsius = { ...tegrastats?.celsius, ...board.celsius };
    const watts = { ...tegrastats?.watts, ...board.watts };
    return {
      ...{ board: { ...board, gpu, celsius, watts }, clock, disk, hangingSensors: this.files.hanging },
      memoryController: tegrastats?.memoryController ?? UNKNOWN.memoryController,
    };
  }
}

async function diskSpace(folder: string): Promise<SelfReading['disk']> {
  const { blocks, bavail, bsize } = await statfs(folder).catch(() => ({ blocks: null, bavail: null, bsize: 1 }));
  return {
    totalBytes: blocks === null ? null : blocks * bsize,
    freeBytes: bavail === null ? null : bavail * bsize,
  };
}

/** The promise's value, or the other one when it takes too long. */
async function within<T>(timeoutMs: number, promise: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
