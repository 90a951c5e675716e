// Claps on the sphere around an array, seen from above: where a person stood, and where the array heard them.
import { drawHead, HEAD_HEIGHT } from './headings.ts';
import { text } from './lettering.ts';
import { element, line, picture } from './svg.ts';
import { INK } from './theme.ts';

export interface ClapPlace {
  readonly name: string;
  /** Degrees; where the claps were. */
  readonly azimuth: number;
  readonly elevation: number;
  /** Degrees; where they were heard. */
  readonly heardAzimuth: number;
  readonly heardElevation: number;
  readonly errorDegrees: number;
}

export interface ClapMap {
  readonly title: string;
  /** What was found, in a sentence. */
  readonly verdict: string;
  readonly right: boolean;
  readonly places: readonly ClapPlace[];
}

const WIDTH = 1000;
const RADIUS = 270;
const GOOD = '#117733';
/** Elevation of a ring, the horizon outside. */
const RINGS = [0, 30, 60];

/** Draws the map as SVG, 1000 units wide: the front is above, left is left. */
export function drawClapMap({ title, verdict, right, places }: ClapMap): string {
  const cx = 40 + RADIUS + 60;
  const cy = HEAD_HEIGHT + 60 + RADIUS;
  const at = (azimuth: number, elevation: number): [number, number] => {
    const r = RADIUS * (1 - Math.abs(elevation) / 90);
    const a = (azimuth * Math.PI) / 180;
    return [cx - r * Math.sin(a), cy - r * Math.cos(a)];
  };
  return picture(WIDTH, cy + RADIUS + 60, INK.ground, title, [
    drawHead(40, WIDTH - 80, title, verdict),
    ...RINGS.map((elevation) => {
      const r = RADIUS * (1 - elevation / 90);
      return element('circle', { cx, cy, r, fill: 'none', stroke: elevation === 0 ? INK.frame : INK.grid });
    }),
    ...[30, 60].map((e) => text(cx + 5, cy - RADIUS * (1 - e / 90) + 14, `${e}°`, { size: 11, colour: INK.faint })),
    line(cx, cy - RADIUS, cx, cy + RADIUS, { stroke: INK.grid }),
    line(cx - RADIUS, cy, cx + RADIUS, cy, { stroke: INK.grid }),
    ...sides(cx, cy, places),
    ...places.flatMap((place) => drawPlace(place, at)),
    ...drawTable(places, right),
  ]);
}

/** Names of the sides from which nobody clapped: the others bear theirs. */
function sides(cx: number, cy: number, places: readonly ClapPlace[]): string[] {
  const far = RADIUS + 28;
  const all = { front: [cx, cy - far], back: [cx, cy + far + 8], left: [cx - far, cy + 5], right: [cx + far, cy + 5] };
  return Object.entries(all)
    .filter(([side]) => !places.some(({ name }) => name === side))
    .map(([side, [x, y]]) => text(x!, y!, side, { size: 13, colour: INK.faint, anchor: 'middle' }));
}

/** A ring where the person stood, a dot where they were heard, open when it was below the horizon. */
function drawPlace(place: ClapPlace, at: (azimuth: number, elevation: number) => [number, number]): string[] {
  const [x, y] = at(place.azimuth, place.elevation);
  const [hx, hy] = at(place.heardAzimuth, place.heardElevation);
  const colour = place.errorDegrees > 30 ? INK.alarm : GOOD;
  const fill = place.heardElevation < -20 ? INK.ground : colour;
  return [
    line(x, y, hx, hy, { stroke: colour, 'stroke-width': 2, 'stroke-dasharray': '5 4' }),
    element('circle', { cx: x, cy: y, r: 13, fill: 'none', stroke: INK.text, 'stroke-width': 1.5 }),
    element('circle', { cx: hx, cy: hy, r: 7, fill, stroke: colour, 'stroke-width': 2 }),
    text(x, y + (place.azimuth === 0 && place.elevation === 0 ? -20 : 32), place.name, {
      ...{ size: 13, weight: 'strong', anchor: 'middle' },
    }),
  ];
}

function drawTable(places: readonly ClapPlace[], right: boolean): string[] {
  const left = 720;
  const top = HEAD_HEIGHT + 90;
  const degrees = (value: number) => `${Math.round(value)}°`;
  return [
    text(left, top - 26, right ? 'The array is right.' : 'The array is not right.', {
      ...{ size: 14, weight: 'strong', colour: right ? GOOD : INK.alarm },
    }),
    text(left, top, 'clap from', { size: 12, colour: INK.faint }),
    text(left + 100, top, 'heard at', { size: 12, colour: INK.faint }),
    text(left + 250, top, 'off', { size: 12, colour: INK.faint, anchor: 'end' }),
    ...places.flatMap(({ name, heardAzimuth, heardElevation, errorDegrees }, i) => {
      const y = top + 26 * (i + 1);
      return [
        text(left, y, name, { size: 13 }),
        text(left + 100, y, `${degrees(heardAzimuth)}, up ${degrees(heardElevation)}`, { size: 13 }),
        text(left + 250, y, degrees(errorDegrees), { size: 13, anchor: 'end' }),
      ];
    }),
    text(left, top + 26 * (places.length + 2), 'ring: where the claps were', { size: 12, colour: INK.faint }),
    text(left, top + 26 * (places.length + 2) + 18, 'dot: where they were heard (open: below)', {
      ...{ size: 12, colour: INK.faint },
    }),
  ];
}
