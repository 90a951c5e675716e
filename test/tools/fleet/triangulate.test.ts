// Triangulation against geometry that can be done by hand, and against simulated sources with known noise.
import { LocalPlane } from '../../../tools/fleet/local-plane.ts';
import { type HeardEvent, locateSources, SPEED_OF_SOUND } from '../../../tools/fleet/sources.ts';
import { type Bearing, triangulate } from '../../../tools/fleet/triangulate.ts';

const at = (east: number, north: number, bearingDegrees: number, sigmaDegrees = 2): Bearing => ({
  ...{ east, north, bearingDegrees, sigmaDegrees, sigmaMetres: 0 },
});

/** Normal deviates by Box and Muller over mulberry32, so that the simulations are the same each time. */
function normal(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const bearingTo = (from: { east: number; north: number }, to: { east: number; north: number }) =>
  (Math.atan2(to.east - from.east, to.north - from.north) * 180) / Math.PI;

test('two bearings at right angles cross where geometry says, with a round ellipse', () => {
  const fix = triangulate([at(0, 0, 45), at(100, 0, 315)]);
  expect(fix?.east).toBeCloseTo(50, 6);
  expect(fix?.north).toBeCloseTo(50, 6);
  // Each bearing alone: range * sigma across its line; both lines are orthogonal, so the covariance is a circle.
  const across = Math.hypot(50, 50) * ((2 * Math.PI) / 180) * Math.sqrt(-2 * Math.log(0.05));
  expect(fix?.ellipse.semiMajorMetres).toBeCloseTo(across, 6);
  expect(fix?.ellipse.semiMinorMetres).toBeCloseTo(across, 6);
});

test('the long axis points along two bearings that cross at a small angle', () => {
  const fix = triangulate([at(-10, 0, 5), at(10, 0, 355)]);
  expect(fix?.east).toBeCloseTo(0, 6);
  expect(fix?.north).toBeCloseTo(10 / Math.tan((5 * Math.PI) / 180), 4);
  expect(Math.abs(Math.sin(((fix?.ellipse.axisBearingDegrees ?? 90) * Math.PI) / 180))).toBeLessThan(1e-6);
  expect(fix!.ellipse.semiMajorMetres).toBeGreaterThan(8 * fix!.ellipse.semiMinorMetres);
});

test.each([
  ['parallel', 10, 10],
  ['diverging', 350, 10],
  ['crossing behind one of them', 10, 190],
])('bearings that are %s give no place', (_name, first, second) => {
  expect(triangulate([at(0, 0, first), at(100, 0, second)])).toBeUndefined();
});

test('a device that does not know its own place well counts less when the source is near', () => {
  const sure = triangulate([at(0, 0, 45), at(100, 0, 315)])!;
  const unsure = triangulate([at(0, 0, 45), { ...at(100, 0, 315), sigmaMetres: 5 }])!;
  expect(unsure.ellipse.semiMajorMetres).toBeGreaterThan(sure.ellipse.semiMajorMetres * 1.5);
  expect(unsure.ellipse.semiMinorMetres).toBeCloseTo(sure.ellipse.semiMinorMetres, 1);
});

test('95 of 100 simulated sources lie in their ellipse, and errors reach the Cramer-Rao bound', () => {
  const devices = [
    { east: 0, north: 0 },
    { east: 120, north: 10 },
    { east: 60, north: 110 },
    { east: -20, north: 90 },
  ];
  const sigmaDegrees = 4;
  const random = normal(7);
  let [inside, squared, bound] = [0, 0, 0];
  const runs = 2000;
  for (let run = 0; run < runs; run += 1) {
    const source = { east: 50 + 15 * random(), north: 45 + 15 * random() };
    const heard = devices.map((device) => ({
      ...device,
      bearingDegrees: bearingTo(device, source) + sigmaDegrees * random(),
      ...{ sigmaDegrees, sigmaMetres: 0 },
    }));
    const { east, north, ellipse } = triangulate(heard)!;
    const [dE, dN] = [source.east - east, source.north - north];
    const axis = (ellipse.axisBearingDegrees * Math.PI) / 180;
    const along = (dE * Math.sin(axis) + dN * Math.cos(axis)) / ellipse.semiMajorMetres;
    const across = (dE * Math.cos(axis) - dN * Math.sin(axis)) / ellipse.semiMinorMetres;
    if (along ** 2 + across ** 2 <= 1) inside += 1;
    squared += dE ** 2 + dN ** 2;
    bound += (ellipse.semiMajorMetres ** 2 + ellipse.semiMinorMetres ** 2) / (-2 * Math.log(0.05));
  }
  expect(inside / runs).toBeGreaterThan(0.93);
  expect(inside / runs).toBeLessThan(0.97);
  expect(Math.sqrt(squared / bound)).toBeLessThan(1.08);
  expect(Math.sqrt(squared / bound)).toBeGreaterThan(0.92);
});

test('a flat map gives the distances of the ellipsoid', () => {
  // Arc lengths of the WGS 84 ellipsoid, integrated numerically: 0.01 degrees from 48.85 N are 1112.069 m north and 733.913 m east.
  const plane = new LocalPlane({ latitude: 48.85, longitude: 2.35 });
  expect(plane.toMap({ latitude: 48.855, longitude: 2.35 }).north * 2).toBeCloseTo(1112.07, 0);
  expect(plane.toMap({ latitude: 48.85, longitude: 2.36 }).east).toBeCloseTo(733.91, 1);
  const there = { latitude: 48.86, longitude: 2.33 };
  const back = plane.toPlace(plane.toMap(there));
  expect(back.latitude).toBeCloseTo(there.latitude, 12);
  expect(back.longitude).toBeCloseTo(there.longitude, 12);
  expect(
    new LocalPlane({ latitude: 0, longitude: 179.99 }).toMap({ latitude: 0, longitude: -179.99 }).east,
  ).toBeCloseTo(2226.39, 1);
});

const DEVICES = { a: { east: 0, north: 0 }, b: { east: 80, north: 0 }, c: { east: 40, north: 70 } };

/** What a device hears of a source that begins at a moment: later by the travel of the sound. */
function heard(
  device: keyof typeof DEVICES,
  source: { east: number; north: number },
  onsetMs: number,
  label = 'siren',
  error = 0,
): HeardEvent {
  const place = DEVICES[device];
  const travelMs = (1000 * Math.hypot(source.east - place.east, source.north - place.north)) / SPEED_OF_SOUND;
  return {
    ...{ id: `${device}/${label}/${onsetMs}/${source.east}`, device, label, ...place },
    ...{ bearingDegrees: bearingTo(place, source) + error, sigmaDegrees: 3, sigmaMetres: 1 },
    ...{ onsetMs: onsetMs + travelMs, endMs: onsetMs + travelMs + 1000 },
  };
}

test('three devices place one source, when it began at its own place', () => {
  const source = { east: 30, north: 30 };
  const events = [heard('a', source, 5000), heard('b', source, 5000), heard('c', source, 5000)];
  const [found, ...others] = locateSources(events);
  expect(others).toEqual([]);
  expect(found?.heard).toHaveLength(3);
  expect(found?.fix.east).toBeCloseTo(30, 3);
  expect(found?.fix.north).toBeCloseTo(30, 3);
  expect(found?.onsetMs).toBeCloseTo(5000, 0);
  expect(found?.isAmbiguous).toBe(false);
});

test('two sources of one class at the same time are told apart by a third device', () => {
  const [one, two] = [
    { east: 20, north: 20 },
    { east: 60, north: 25 },
  ];
  const events = (['a', 'b', 'c'] as const).flatMap((device) => [heard(device, one, 5000), heard(device, two, 5100)]);
  const found = locateSources(events);
  expect(found.map(({ fix }) => [Math.round(fix.east), Math.round(fix.north)])).toEqual([
    [20, 20],
    [60, 25],
  ]);
});

test('two devices cannot tell two sources from their ghosts, and say so', () => {
  const [one, two] = [
    { east: 20, north: 20 },
    { east: 60, north: 25 },
  ];
  const events = (['a', 'b'] as const).flatMap((device) => [heard(device, one, 5000), heard(device, two, 5000)]);
  const found = locateSources(events);
  expect(found.length).toBeGreaterThan(0);
  expect(found.every(({ isAmbiguous }) => isAmbiguous)).toBe(true);
});

test('sounds of other classes, other times or other bearings are not mixed', () => {
  const source = { east: 30, north: 30 };
  const a = heard('a', source, 5000);
  expect(locateSources([a, heard('b', source, 5000, 'bark')])).toEqual([]);
  expect(locateSources([a, heard('b', source, 9000)])).toEqual([]);
  expect(locateSources([a, { ...heard('b', source, 5000), device: 'a' }])).toEqual([]);
  const behind = heard('c', source, 5000, 'siren', 180);
  const [found] = locateSources([a, heard('b', source, 5000), behind]);
  expect(found?.heard.map(({ device }) => device)).toEqual(['a', 'b']);
});
