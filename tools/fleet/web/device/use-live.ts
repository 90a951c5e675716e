// The live picture of one device: asked for while somebody looks at it, and given up when nobody does.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { EventMessage, LiveMessage } from '../base/answers.ts';
import { apiAddress } from '../base/api.ts';
import { HubStream } from '../base/stream.ts';
import type { HeardNow } from './compass.tsx';
import { SpectrogramBuffer } from './spectrogram.tsx';

/** Sounds stay on the disc for so long after their end. */
const STAY_MS = 4000;
/** Without pictures for so long the device is said to be silent. */
const SILENT_MS = 5000;

export interface LiveView {
  readonly message: LiveMessage | undefined;
  readonly heard: readonly HeardNow[];
  readonly spectrogram: SpectrogramBuffer;
  readonly isSilent: boolean;
}

interface KeptSound {
  readonly event: EventMessage;
  readonly atMs: number;
}

export function useLive(site: string, device: string): LiveView {
  const [message, setMessage] = useState<LiveMessage>();
  const [heard, setHeard] = useState<readonly HeardNow[]>([]);
  const [isSilent, setIsSilent] = useState(false);
  const spectrogram = useRef(new SpectrogramBuffer()).current;
  useEffect(() => {
    const stream = new HubStream(apiAddress('stream', { live: `${site}/${device}` }));
    const sounds = new Map<number, KeptSound>();
    let newestMs = performance.now();
    const stops = [
      stream.on('live', (data) => {
        const live = data as LiveMessage;
        if (live.site !== site || live.device !== device) return;
        newestMs = performance.now();
        if (live.spectrogram) spectrogram.push(live.spectrogram, live.streamSeconds);
        setMessage(live);
      }),
      stream.on('event', (data) => {
        const event = data as EventMessage;
        if (event.site !== site || event.device !== device || Date.now() - Date.parse(event.endTime) > 60_000) return;
        sounds.set(event.track, { event, atMs: performance.now() });
      }),
    ];
    const timer = setInterval(() => {
      const now = performance.now();
      setIsSilent(now - newestMs > SILENT_MS);
      for (const [track, { atMs }] of sounds) if (now - atMs > STAY_MS) sounds.delete(track);
      setHeard((before) => (before.length === 0 && sounds.size === 0 ? before : [...sounds.values()].map(heardOf)));
    }, 200);
    stream.start();
    return () => {
      for (const stop of stops) stop();
      clearInterval(timer);
      stream.stop();
    };
  }, [site, device, spectrogram]);
  return { message, heard, spectrogram, isSilent };
}

function heardOf({ event }: KeptSound): HeardNow {
  const { bootId, track, azimuth, elevation, phase } = event;
  return { key: `${bootId}/${track}`, label: event.class, azimuth, elevation, isOver: phase === 'end' };
}
