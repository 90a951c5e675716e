// One line of progress for long work: done, speed and time left. Silent where nobody watches (pipes, --json).
import { createLogUpdate } from 'log-update';

/** Text in a terminal that is drawn over and over; persist() leaves lines above it. */
export { createLogUpdate as createLiveText };

const REDRAW_MS = 200;

export interface Progress {
  /** @param done units finished, of the total; @param note shown behind the figures */
  update(done: number, note?: string): void;
  /** Leaves a last line saying how long it took. */
  finish(): void;
}

/**
 * Shows progress on standard error.
 * @param total number of units; @param unit what one of them is, in the plural, e.g. 'recordings'
 * @param skipped units done by an earlier, interrupted run: not counted into the speed
 */
export function showProgress(title: string, total: number, unit: string, skipped = 0): Progress {
  const started = performance.now();
  const draw = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined;
  let drawn = 0;
  const line = (done: number, note: string) => {
    const seconds = (performance.now() - started) / 1000;
    const speed = (done - skipped) / seconds;
    const left = speed > 0 ? `, ${duration((total - done) / speed)} left` : '';
    const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
    return `${title}: ${done}/${total} ${unit} (${percent} %), ${speed.toFixed(1)}/s${left}${note && `  ${note}`}`;
  };
  return {
    update(done, note = '') {
      if (!draw || performance.now() - drawn < REDRAW_MS) return;
      drawn = performance.now();
      draw(line(done, note));
    },
    finish() {
      draw?.clear();
      process.stderr.write(`${title}: ${total} ${unit} in ${duration((performance.now() - started) / 1000)}\n`);
    },
  };
}

/** Seconds as people say them: 45 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
