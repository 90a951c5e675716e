// A bearing: the line from a device towards a sound, in the colour of its class; it fades while the sound is past.
import { lookOf } from '../base/classes.ts';
import { useIsDark } from '../base/theme.ts';

export interface BearingRay {
  readonly key: string;
  readonly label: string;
  readonly east: number;
  readonly north: number;
  /** Clockwise from north. */
  readonly bearingDegrees: number;
  readonly spreadDegrees: number;
  /** To the source that it belongs to; null: to nowhere. */
  readonly metres: number | null;
  /** 1 while it sounds, towards 0 as it fades. */
  readonly strength: number;
}

interface RayMarkProps {
  readonly ray: BearingRay;
  readonly from: { readonly x: number; readonly y: number };
  /** Pixels. */
  readonly length: number;
}

export function RayMark({ ray, from, length }: RayMarkProps) {
  const { colour } = lookOf(ray.label, useIsDark());
  const half = Math.min(30, Math.max(1, ray.spreadDegrees));
  const end = (bearing: number) => {
    const angle = (bearing * Math.PI) / 180;
    return `${from.x + length * Math.sin(angle)} ${from.y - length * Math.cos(angle)}`;
  };
  const { bearingDegrees: bearing } = ray;
  return (
    <g class="ray" opacity={ray.strength} aria-hidden="true">
      <path
        d={`M${from.x} ${from.y}L${end(bearing - half)}A${length} ${length} 0 0 1 ${end(bearing + half)}z`}
        fill={colour}
        fill-opacity="0.09"
      />
      <path d={`M${from.x} ${from.y}L${end(bearing)}`} stroke={colour} stroke-width="1.75" fill="none" />
    </g>
  );
}
