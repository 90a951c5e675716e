// A moment: in local time, UTC in its title.
import { useEffect, useState } from 'preact/hooks';
import { ago, clockTime, localTime } from '../base/words.ts';

interface TimeProps {
  readonly at: Date | string | null | undefined;
  /** ago: 5 min; clock: 14:05:09; full: with the day. */
  readonly as?: 'ago' | 'clock' | 'full';
}

export function Time({ at, as = 'full' }: TimeProps) {
  const now = useNow(as === 'ago');
  if (!at) return <span class="faint">never</span>;
  const utc = new Date(at).toISOString();
  const text = as === 'ago' ? `${ago(at, now)} ago` : as === 'clock' ? clockTime(at) : localTime(at);
  return (
    <time dateTime={utc} title={`${utc.replace('T', ' ').replace('Z', '')} UTC`}>
      {text}
    </time>
  );
}

const tickers = new Set<(nowMs: number) => void>();

/** One timer for all that shows an age. */
function useNow(isOn: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isOn) return;
    tickers.add(setNow);
    return () => {
      tickers.delete(setNow);
    };
  }, [isOn]);
  return now;
}

setInterval(() => {
  for (const tick of tickers) tick(Date.now());
}, 5000);
