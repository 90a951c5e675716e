// Colours for amounts on a canvas: from the panel's ground to ink, in light and in dark; lightness rises or falls all the way.

type Rgb = readonly [number, number, number];

const RAMPS: Readonly<Record<'light' | 'dark', readonly Rgb[]>> = {
  light: [
    [255, 255, 255],
    [217, 231, 245],
    [127, 178, 218],
    [36, 105, 166],
    [11, 44, 85],
  ],
  dark: [
    [25, 31, 39],
    [24, 58, 96],
    [38, 110, 158],
    [110, 180, 205],
    [240, 246, 220],
  ],
};
const STEPS = 256;

/** 256 colours as RGB bytes one after the other. */
export function rampBytes(isDark: boolean): Uint8ClampedArray {
  const stops = RAMPS[isDark ? 'dark' : 'light'];
  const table = new Uint8ClampedArray(3 * STEPS);
  for (let i = 0; i < STEPS; i++) {
    const place = (i / (STEPS - 1)) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c++) {
      table[3 * i + c] = stops[below]![c]! + (place - below) * (stops[below + 1]![c]! - stops[below]![c]!);
    }
  }
  return table;
}
