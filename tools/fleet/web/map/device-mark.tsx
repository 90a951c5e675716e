// A device on the map: a disc in the colour of its state, a wedge where its microphone faces.
import { stateWord } from '../parts/state-chip.tsx';

export interface MapDevice {
  readonly key: string;
  readonly name: string;
  readonly east: number;
  readonly north: number;
  /** Clockwise from north; null: not known. */
  readonly headingDegrees: number | null;
  readonly state: string | null;
  readonly href: string;
}

const TONES: Readonly<Record<string, string>> = { ready: 'good', lost: 'bad', alert: 'warn', init: 'good' };

interface DeviceMarkProps {
  readonly device: MapDevice;
  readonly x: number;
  readonly y: number;
  readonly isNamed: boolean;
  readonly isChosen: boolean;
}

export function DeviceMark({ device, x, y, isNamed, isChosen }: DeviceMarkProps) {
  const { name, headingDegrees, state } = device;
  return (
    // The list beside the map holds the same links for the keyboard.
    <a href={device.href} tabindex={-1} class={`device-mark ${TONES[state ?? ''] ?? 'faint'}`} aria-label={name}>
      <title>{`${name}: ${stateWord(state)}`}</title>
      <g transform={`translate(${x} ${y})`}>
        {isChosen && <circle r="17" class="chosen" />}
        {headingDegrees !== null && <path d="M-6.5 -9L0 -19L6.5 -9z" transform={`rotate(${headingDegrees})`} />}
        <circle r="9" />
        {state === 'lost' && <path class="lost" d="M-4 -4L4 4M4 -4L-4 4" />}
        {isNamed && (
          <text y="24" text-anchor="middle">
            {name}
          </text>
        )}
      </g>
    </a>
  );
}
