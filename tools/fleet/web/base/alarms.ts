// How many alarms are open and nobody's yet: asked at the start, and again whenever the hub tells of an alarm.
import { useEffect, useState } from 'preact/hooks';
import type { AlarmAnswer } from './answers.ts';
import { get } from './api.ts';
import type { HubStream } from './stream.ts';

export function isOpen({ cleared, acknowledged }: AlarmAnswer): boolean {
  return cleared === null && acknowledged === null;
}

export function useOpenAlarms(stream: HubStream): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    // The number at the side is a convenience: when it cannot be had, the page of alarms says why.
    const ask = () =>
      get<{ alarms: AlarmAnswer[] }>('alarms').then(
        ({ alarms }) => setCount(alarms.filter(isOpen).length),
        () => setCount(0),
      );
    void ask();
    return stream.on('alarm', () => void ask());
  }, [stream]);
  return count;
}
