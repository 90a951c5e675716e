// Where the device hears sound now: power by direction painted on a disc, events of the last seconds as marks of their class.
import { useEffect, useRef } from 'preact/hooks';
import { rampBytes } from '../base/ramp.ts';
import { useIsDark } from '../base/theme.ts';
import { degrees } from '../base/words.ts';
import { ClassMark } from '../parts/class-name.tsx';
import { type DirectionGrid, decibelsAt, directionAt, onDisc } from './disc.ts';

/** One sound that goes on or has just ended. */
export interface HeardNow {
  readonly key: string;
  readonly label: string;
  readonly azimuth: number;
  readonly elevation: number;
  readonly isOver: boolean;
}

interface CompassProps {
  readonly grid: DirectionGrid | null;
  readonly heard: readonly HeardNow[];
  /** Bearing of the microphone's front, clockwise from north; null: not known. */
  readonly headingDegrees: number | null;
}

const PIXELS = 160;
/** Decibels below the loudest direction where the ground begins. */
const FLOOR_DB = -18;

export function Compass({ grid, heard, headingDegrees }: CompassProps) {
  return (
    <div class="compass">
      <PowerDisc grid={grid} />
      <svg viewBox="-1.22 -1.22 2.44 2.44" role="img" aria-label={spoken(heard)}>
        <Rings />
        <RimNames headingDegrees={headingDegrees} />
        {heard.map((each) => (
          <HeardMark key={each.key} heard={each} />
        ))}
      </svg>
    </div>
  );
}

function spoken(heard: readonly HeardNow[]): string {
  if (heard.length === 0) return 'Directions: no event in the last seconds.';
  const each = heard.map(
    ({ label, azimuth, elevation }) => `${label} at azimuth ${degrees(azimuth)}, elevation ${degrees(elevation)}`,
  );
  return `Directions: ${each.join('; ')}.`;
}

function Rings() {
  return (
    <g class="rings" fill="none">
      <circle r="1" class="rim" />
      <circle r="0.75" />
      <circle r="0.5" class="horizon" />
      <circle r="0.25" />
      {[0, 45, 90, 135].map((angle) => {
        const { x, y } = onDisc(angle, -90);
        return <line key={angle} x1={-x} y1={-y} x2={x} y2={y} />;
      })}
      <text x="0.02" y="-0.515">
        horizon
      </text>
      <text x="0.02" y="-0.265">
        45° up
      </text>
      <text x="0.02" y="-0.765">
        45° down
      </text>
    </g>
  );
}

function RimNames({ headingDegrees }: { readonly headingDegrees: number | null }) {
  const north = headingDegrees === null ? undefined : onDisc(headingDegrees, -106);
  return (
    <g class="rim-names" aria-hidden="true">
      {(
        [
          ['front 0°', 0],
          ['left 90°', 90],
          ['back 180°', 180],
          ['right −90°', -90],
        ] as const
      ).map(([name, azimuth]) => {
        const { x, y } = onDisc(azimuth, -105);
        const turn = azimuth === 90 ? -90 : azimuth === -90 ? 90 : 0;
        return (
          <text key={name} x={x} y={y} transform={`rotate(${turn} ${x} ${y})`}>
            {name}
          </text>
        );
      })}
      {north && (
        <g transform={`translate(${north.x} ${north.y})`}>
          <circle r="0.075" class="north" />
          <text class="north-name">N</text>
        </g>
      )}
    </g>
  );
}

function HeardMark({ heard: { label, azimuth, elevation, isOver } }: { readonly heard: HeardNow }) {
  const { x, y } = onDisc(azimuth, elevation);
  const isRight = x > 0.3;
  return (
    <g opacity={isOver ? 0.45 : 1} class="heard-mark">
      <circle cx={x} cy={y} r="0.085" class="halo" />
      <ClassMark label={label} x={x} y={y} r={0.052} />
      <text x={x + (isRight ? -0.11 : 0.11)} y={y} text-anchor={isRight ? 'end' : 'start'}>
        {label}
      </text>
    </g>
  );
}

function PowerDisc({ grid }: { readonly grid: DirectionGrid | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useIsDark();
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const picture = context.createImageData(PIXELS, PIXELS);
    if (grid) paint(picture.data, grid, rampBytes(isDark));
    context.putImageData(picture, 0, 0);
  }, [grid, isDark]);
  return <canvas ref={canvas} width={PIXELS} height={PIXELS} aria-hidden="true" />;
}

/** How far the loudest direction stands out, 0..1: noise from everywhere must not look like sources. */
function standOut({ decibels }: DirectionGrid): number {
  const median = [...decibels].sort((a, b) => a - b)[Math.floor(decibels.length / 2)] ?? 0;
  return Math.min(1, Math.max(0, (-median - 2) / 8));
}

function paint(pixels: Uint8ClampedArray, grid: DirectionGrid, ramp: Uint8ClampedArray): void {
  const contrast = standOut(grid);
  for (let row = 0; row < PIXELS; row++) {
    for (let column = 0; column < PIXELS; column++) {
      const direction = directionAt((2 * (column + 0.5)) / PIXELS - 1, (2 * (row + 0.5)) / PIXELS - 1);
      if (!direction) continue;
      const decibels = decibelsAt(grid, direction.azimuth, direction.elevation);
      const share = Math.max(0, 1 - decibels / FLOOR_DB);
      const step = 3 * Math.round(190 * contrast * share); // the darkest quarter stays for marks
      const at = 4 * (row * PIXELS + column);
      pixels[at] = ramp[step]!;
      pixels[at + 1] = ramp[step + 1]!;
      pixels[at + 2] = ramp[step + 2]!;
      pixels[at + 3] = 255;
    }
  }
}
