// What part of the map is seen: metres in the middle, metres per pixel; panned and zoomed without leaving the plane.
import type { MapPoint } from '../../local-plane.ts';

export interface View extends MapPoint {
  /** Metres that one pixel shows. */
  readonly scale: number;
}

const SMALLEST_SCALE = 0.02;
const LARGEST_SCALE = 50_000;

/** A view that shows all points with room around them; around a single point 200 m. */
export function viewOf(points: readonly MapPoint[], width: number, height: number): View {
  if (points.length === 0) return { east: 0, north: 0, scale: 1 };
  const [west, east] = extent(points.map((point) => point.east));
  const [south, north] = extent(points.map((point) => point.north));
  const scale = Math.max(
    (1.35 * (east - west)) / width,
    (1.35 * (north - south)) / height,
    120 / Math.min(width, height),
  );
  return { east: (west + east) / 2, north: (south + north) / 2, scale };
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)] as [number, number],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** @param factor above 1 shows less; @param around stays where it is on the screen */
export function zoomed(view: View, factor: number, around: MapPoint = view): View {
  const scale = Math.min(LARGEST_SCALE, Math.max(SMALLEST_SCALE, view.scale / factor));
  const kept = scale / view.scale;
  return {
    scale,
    east: around.east + kept * (view.east - around.east),
    north: around.north + kept * (view.north - around.north),
  };
}

/** @param right pixels that the map moves under the fingers; @param down likewise */
export function panned(view: View, right: number, down: number): View {
  return { ...view, east: view.east - right * view.scale, north: view.north + down * view.scale };
}

/** A length of 1, 2 or 5 times a power of ten that takes at most so many pixels. */
export function scaleBar(scale: number, mostPixels: number): { metres: number; pixels: number; name: string } {
  const most = scale * mostPixels;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = power * [5, 2, 1].find((step) => step * power <= most)!;
  const name = metres >= 1000 ? `${metres / 1000} km` : metres >= 1 ? `${metres} m` : `${Math.round(metres * 100)} cm`;
  return { metres, pixels: metres / scale, name };
}

/** Where lines of a grid run that is twice as wide as the scale bar's step. */
export function gridLines(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step);
  const count = Math.max(0, Math.floor(to / step) - first + 1);
  return Array.from({ length: Math.min(count, 200) }, (_, i) => (first + i) * step);
}
