// Numbers and times in words: one manner on every page.

/** 3 s, 5 min, 2 h, 4 d. */
export function ago(time: Date | string, nowMs = Date.now()): string {
  const seconds = Math.max(0, (nowMs - new Date(time).getTime()) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Local time, as 2026-11-23 14:05:09. */
export function localTime(time: Date | string): string {
  const date = new Date(time);
  return `${localDay(date)} ${clockTime(date)}`;
}

export function clockTime(time: Date | string): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

function localDay(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** As an input of type datetime-local wants it. */
export function inputTime(date: Date): string {
  return `${localDay(date)}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** What a datetime-local input holds, in UTC as the hub wants it; undefined when it is empty. */
export function utcOf(input: string): string | undefined {
  const time = new Date(input);
  return input === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${(count / 1000 ** step).toFixed(step > 1 ? 1 : 0)} ${units[step]}`;
}

/** -135° as it stands in tables; a true minus sign, so that it is read aloud. */
export function degrees(value: number): string {
  return `${Math.round(value)}°`.replace('-', '−');
}

export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
