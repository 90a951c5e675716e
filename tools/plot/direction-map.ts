// How wrong directions are, and where: a map over azimuth and elevation seen from above, and how the errors are spread.
import { type Panel, scale } from './axes.ts';
import { DARKEST_DEGREES, drawHistogram, drawProfile, errorQuantile, STEP_DEGREES, snap } from './direction-spread.ts';
import { drawHead, drawHeading, HEAD_HEIGHT } from './headings.ts';
import { text } from './lettering.ts';
import { rampColour } from './ramp.ts';
import { element, picture } from './svg.ts';
import { INK } from './theme.ts';

/** A direction from which something sounded and was heard as what it was. */
export interface DirectionError {
  /** Degrees, counter-clockwise from the front. */
  readonly azimuth: number;
  /** Degrees, up positive. */
  readonly elevation: number;
  /** Angle between where it was and where it was heard, degrees. */
  readonly error: number;
  /** How much of it there was, e.g. frames. */
  readonly weight: number;
}

export interface DirectionMap {
  readonly title: string;
  /** One line under the title: what was compared. */
  readonly note: string;
  readonly errors: readonly DirectionError[];
}

const WIDTH = 1200;
const RADIUS = 290;
const HOLE = 70;
const CENTRE_X = 28 + 62 + RADIUS;
const SPREAD_LEFT = 800;
const SPREAD_RIGHT = 28;
const SPREAD_HEIGHT = 268;

/** Draws map, histogram and profile over elevation as SVG, 1200 units wide. */
export function drawDirectionMap({ title, note, errors }: DirectionMap): string {
  const top = HEAD_HEIGHT + 34;
  const centreY = top + 26 + RADIUS;
  const width = WIDTH - SPREAD_LEFT - SPREAD_RIGHT;
  const upper: Panel = { left: SPREAD_LEFT, top, width, height: SPREAD_HEIGHT };
  const lower: Panel = { left: SPREAD_LEFT, top: top + SPREAD_HEIGHT + 96, width, height: SPREAD_HEIGHT };
  return picture(WIDTH, centreY + RADIUS + 92, INK.ground, title, [
    drawHead(28, WIDTH - 56, title, `${note}  ·  ${summary(errors)}`),
    drawHeading(28, top - 12, 'Mean error', 'seen from above: rings are elevations, the highest inside'),
    ...drawMap(errors, CENTRE_X, centreY),
    drawKey(CENTRE_X - 150, centreY + RADIUS + 48, 300),
    drawHeading(SPREAD_LEFT, upper.top - 12, 'How the errors are spread', 'share of the time'),
    drawHistogram(upper, errors),
    drawHeading(SPREAD_LEFT, lower.top - 12, 'Mean error by elevation'),
    drawProfile(lower, errors),
  ]);
}

function summary(errors: readonly DirectionError[]): string {
  if (errors.length === 0) return 'nothing was heard as what it was';
  const half = errorQuantile(errors, 0.5);
  return `median ${half.toFixed(1)}°, nine of ten within ${errorQuantile(errors, 0.9).toFixed(1)}°`;
}

/** Mean errors of the grid cells that something sounded in. */
function cells(errors: readonly DirectionError[]): { azimuth: number; elevation: number; mean: number }[] {
  const sums = new Map<string, { azimuth: number; elevation: number; error: number; weight: number }>();
  for (const { azimuth, elevation, error, weight } of errors) {
    const cell = { azimuth: snap(azimuth) === 180 ? -180 : snap(azimuth), elevation: snap(elevation) };
    const key = `${cell.azimuth} ${cell.elevation}`;
    const sum = sums.get(key) ?? { ...cell, error: 0, weight: 0 };
    sums.set(key, { ...cell, error: sum.error + weight * error, weight: sum.weight + weight });
  }
  return [...sums.values()].map(({ azimuth, elevation, error, weight }) => ({
    azimuth,
    elevation,
    mean: error / weight,
  }));
}

function drawMap(errors: readonly DirectionError[], cx: number, cy: number): string[] {
  const found = cells(errors);
  const lowest = Math.min(-STEP_DEGREES, ...found.map(({ elevation }) => elevation)) - STEP_DEGREES / 2;
  const highest = Math.max(STEP_DEGREES, ...found.map(({ elevation }) => elevation)) + STEP_DEGREES / 2;
  const radius = scale(highest, lowest, HOLE, RADIUS);
  const rings = ringElevations(lowest, highest);
  return [
    element('circle', { cx, cy, r: RADIUS, fill: INK.panel, stroke: INK.frame }),
    element('circle', { cx, cy, r: HOLE, fill: INK.ground, stroke: INK.frame }),
    ...found.map(({ azimuth, elevation, mean }) => {
      const [inner, outer] = [elevation + STEP_DEGREES / 2, elevation - STEP_DEGREES / 2].map(radius);
      return element('path', {
        d: sector(cx, cy, inner!, outer!, azimuth),
        fill: rampColour(mean / DARKEST_DEGREES),
        stroke: '#ffffff',
        'stroke-width': 0.6,
      });
    }),
    ...rings.map((e) =>
      element('circle', { cx, cy, r: radius(e), fill: 'none', stroke: INK.text, 'stroke-opacity': 0.16 }),
    ),
    ...rings.map((e) => ringName(cx, cy - radius(e), `${e}°`.replace('-', '−'))),
    ...(
      [
        [0, '0° front'],
        [45, '45°'],
        [90, '90° left'],
        [135, '135°'],
        [180, '180° back'],
        [-135, '−135°'],
        [-90, '−90° right'],
        [-45, '−45°'],
      ] as const
    ).map(([azimuth, name]) => compassName(cx, cy, azimuth, name)),
  ];
}

function ringElevations(lowest: number, highest: number): number[] {
  const step = highest - lowest > 100 ? 30 : 20;
  const first = Math.ceil(lowest / step) * step;
  return Array.from({ length: Math.floor((highest - first) / step) + 1 }, (_, i) => first + i * step + 0);
}

function ringName(x: number, y: number, name: string): string {
  return (
    element('rect', { x: x - 15, y: y - 8, width: 30, height: 16, rx: 3, fill: '#ffffff', 'fill-opacity': 0.86 }) +
    text(x, y + 4, name, { size: 11, anchor: 'middle' })
  );
}

/** Where an azimuth lies on the picture: the front above, left at the left. */
function place(cx: number, cy: number, radius: number, azimuth: number): [number, number] {
  const a = (azimuth * Math.PI) / 180;
  return [cx - radius * Math.sin(a), cy - radius * Math.cos(a)];
}

function compassName(cx: number, cy: number, azimuth: number, name: string): string {
  const [x, y] = place(cx, cy, RADIUS + 14, azimuth);
  const side = Math.sin((azimuth * Math.PI) / 180);
  const anchor = side > 0.1 ? 'end' : side < -0.1 ? 'start' : 'middle';
  return text(x, y + 4 + 5 * Math.sign(Math.round(-Math.cos((azimuth * Math.PI) / 180))), name, { size: 12, anchor });
}

function sector(cx: number, cy: number, inner: number, outer: number, azimuth: number): string {
  const corner = (radius: number, side: number) =>
    place(cx, cy, radius, azimuth + (side * STEP_DEGREES) / 2)
      .map((v) => v.toFixed(2))
      .join(' ');
  const arc = (radius: number, sweep: 0 | 1) => `A${radius.toFixed(2)} ${radius.toFixed(2)} 0 0 ${sweep}`;
  return `M${corner(inner, -1)}L${corner(outer, -1)}${arc(outer, 0)} ${corner(outer, 1)}L${corner(inner, 1)}${arc(inner, 1)} ${corner(inner, -1)}Z`;
}

/** The colours and the errors they stand for. */
function drawKey(left: number, top: number, width: number): string {
  const steps = 60;
  const parts = Array.from({ length: steps }, (_, i) =>
    element('rect', {
      ...{ x: left + (i * width) / steps, y: top, width: width / steps + 0.5, height: 12 },
      fill: rampColour((i + 0.5) / steps),
    }),
  );
  for (const degrees of [0, 10, 20, 30])
    parts.push(
      text(left + (degrees / DARKEST_DEGREES) * width, top + 28, `${degrees}°${degrees === 30 ? ' or more' : ''}`, {
        size: 11.5,
        anchor: 'middle',
      }),
    );
  return parts.join('');
}
