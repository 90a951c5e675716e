// The last seconds as time against frequency, drawn column by column as they come; what privacy keeps back stays empty.
import { useEffect, useRef } from 'preact/hooks';
import { rampBytes } from '../base/ramp.ts';
import { useIsDark } from '../base/theme.ts';

/** Part of the sound that one live message carries. */
export interface SpectrogramPart {
  readonly endSeconds?: number | undefined;
  readonly frameSeconds: number;
  readonly hertz: readonly number[];
  readonly decibels: readonly (readonly number[])[];
}

const SECONDS = 20;
/** Decibels of full scale that the colours span. */
const [LOWEST_DB, HIGHEST_DB] = [-100, -20];

/** Columns of the last seconds by their place in time, so that a lost message leaves a gap and nothing shifts. */
export class SpectrogramBuffer {
  readonly columns = new Map<number, readonly number[]>();
  frameSeconds = 0.1;
  hertz: readonly number[] = [];
  endSeconds = 0;

  /** @param streamSeconds end of what the message shows, where the part does not say it itself */
  push(part: SpectrogramPart, streamSeconds: number): void {
    const end = part.endSeconds ?? streamSeconds;
    if (end < this.endSeconds - 5 || part.hertz.length !== this.hertz.length) this.columns.clear(); // another stream
    this.endSeconds = end;
    this.frameSeconds = part.frameSeconds;
    this.hertz = part.hertz;
    const last = Math.round(end / part.frameSeconds);
    for (const [i, column] of part.decibels.entries()) this.columns.set(last - part.decibels.length + 1 + i, column);
    const oldest = last - Math.ceil(SECONDS / part.frameSeconds);
    for (const key of this.columns.keys()) if (key < oldest) this.columns.delete(key);
  }
}

export function Spectrogram({ buffer, version }: { readonly buffer: SpectrogramBuffer; readonly version: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useIsDark();
  useEffect(() => draw(canvas.current!, buffer, isDark), [buffer, version, isDark]);
  const { hertz } = buffer;
  return (
    <div class="spectrogram">
      <div class="spectrogram-hertz" aria-hidden="true">
        {ticksOf(hertz).map(({ name, share }) => (
          <span key={name} style={{ bottom: `${100 * share}%` }}>
            {name}
          </span>
        ))}
      </div>
      <canvas ref={canvas} role="img" aria-label={`Spectrogram of the last ${SECONDS} seconds`} />
      <div class="spectrogram-seconds" aria-hidden="true">
        <span>−{SECONDS} s</span>
        <span>−{SECONDS / 2} s</span>
        <span>now</span>
      </div>
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, buffer: SpectrogramBuffer, isDark: boolean): void {
  const { columns, frameSeconds, hertz, endSeconds } = buffer;
  const width = Math.ceil(SECONDS / frameSeconds);
  const height = Math.max(1, hertz.length);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d')!;
  const picture = context.createImageData(width, height);
  const ramp = rampBytes(isDark);
  const last = Math.round(endSeconds / frameSeconds);
  for (const [key, column] of columns) {
    const x = width - 1 - (last - key);
    if (x < 0 || x >= width) continue;
    for (let band = 0; band < height; band++) {
      const share = ((column[band] ?? LOWEST_DB) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB);
      const step = 3 * Math.round(255 * Math.min(1, Math.max(0, share)));
      const at = 4 * ((height - 1 - band) * width + x);
      for (let c = 0; c < 3; c++) picture.data[at + c] = ramp[step + c]!;
      picture.data[at + 3] = 255;
    }
  }
  context.putImageData(picture, 0, 0);
}

/** Frequencies worth a name, at the band nearest to them. */
function ticksOf(hertz: readonly number[]): { name: string; share: number }[] {
  if (hertz.length === 0) return [];
  return [125, 500, 2000, 8000, 16_000]
    .filter((tick) => tick >= hertz[0]! && tick <= hertz.at(-1)!)
    .map((tick) => {
      const band = hertz.findIndex((value) => value >= tick);
      return { name: tick < 1000 ? `${tick} Hz` : `${tick / 1000} kHz`, share: (band + 0.5) / hertz.length };
    });
}
