// A sound that two or more devices placed together: the mark of its class within the ellipse that holds it with 95 %.
import { lookOf } from '../base/classes.ts';
import { useIsDark } from '../base/theme.ts';
import { ClassMark } from '../parts/class-name.tsx';

export interface MapSource {
  readonly key: string;
  readonly label: string;
  readonly east: number;
  readonly north: number;
  readonly semiMajorMetres: number;
  readonly semiMinorMetres: number;
  /** Of the long axis, clockwise from north. */
  readonly axisDegrees: number;
  readonly isAmbiguous: boolean;
  readonly strength: number;
}

interface SourceMarkProps {
  readonly source: MapSource;
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly isChosen: boolean;
}

export function SourceMark({ source, x, y, scale, isChosen }: SourceMarkProps) {
  const { colour } = lookOf(source.label, useIsDark());
  return (
    <g class="source-mark" opacity={source.strength} aria-hidden="true">
      <ellipse
        rx={Math.max(3, source.semiMinorMetres / scale)}
        ry={Math.max(3, source.semiMajorMetres / scale)}
        transform={`translate(${x} ${y}) rotate(${source.axisDegrees})`}
        fill={colour}
        fill-opacity="0.14"
        stroke={colour}
        stroke-width={isChosen ? 3 : 1.5}
        stroke-dasharray={source.isAmbiguous ? '4 3' : undefined}
      />
      <circle cx={x} cy={y} r="8.5" class="halo" />
      <ClassMark label={source.label} x={x} y={y} r={5} />
      <text x={x + 13} y={y + 4}>
        {source.label}
        {source.isAmbiguous ? ' ?' : ''}
      </text>
    </g>
  );
}
