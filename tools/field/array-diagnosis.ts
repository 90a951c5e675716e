// From the directions in which claps were heard to what is wrong with an array: how it stands, which channels are exchanged or turned.
import type { Microphone } from '../../boards/microphones.ts';
import { anglesOf, unitVector, type Vector } from '../../runtime/directions.ts';
import type { ClapMeasure } from './clap-measure.ts';

/** A place from which claps came, and what was heard of them. */
export interface HeardPlace {
  readonly name: string;
  readonly azimuth: number;
  readonly elevation: number;
  readonly measure: ClapMeasure;
}

/** How an array might stand and be wired. */
export interface Finding {
  /** How it stands against what the settings say: so, upside down (turned about its front), or lying with its front up or down. */
  readonly stand: 'upright' | 'inverted' | 'front-up' | 'front-down';
  /** Degrees by which it is turned to the left, seen from above; 0: its front is where it should be. */
  readonly turnedDegrees: number;
  /** Profile channel, from 1, that each place of the profile should take; negative: with turned polarity. */
  readonly channels: readonly number[];
  /** Mean angle between where claps were and where they are heard under this finding. */
  readonly errorDegrees: number;
}

export interface Diagnosis {
  /** right, or what explains the claps; unclear: nothing does. */
  readonly verdict: 'right' | 'turned' | 'standing' | 'channels' | 'dead' | 'unclear';
  readonly finding: Finding;
  /** Other findings that explain the claps as well: nobody can tell them apart by ear. */
  readonly alternatives: readonly Finding[];
  /** Where each place is heard as the array is wired now, degrees. */
  readonly heard: readonly { readonly azimuth: number; readonly elevation: number; readonly errorDegrees: number }[];
  /** Channels, from 1, that hear nothing of any clap. */
  readonly silent: readonly number[];
}

/** Turned by less is right; claps are no measuring device. */
const TURN_TOLERANCE = 12;
/** Mean error up to which a finding explains the claps. */
const EXPLAINED = 22;
/** An explanation must be so much better, in degrees, per thing that it supposes. */
const COST = { turn: 4, stand: 6, channel: 3, anyChannel: 5 };
const SILENT_DB = -35;

const STANDS = {
  upright: ([x, y, z]: Vector): Vector => [x, y, z],
  inverted: ([x, y, z]: Vector): Vector => [x, -y, -z],
  'front-up': ([x, y, z]: Vector): Vector => [-z, y, x],
  'front-down': ([x, y, z]: Vector): Vector => [z, y, -x],
} as const;

/**
 * Finds what explains the claps with the least that is wrong.
 * @param toAmbisonics (4, channels) W Y Z X in SN3D for arrays that have such a matrix; the profile's places decide otherwise
 * @param inverted the settings say that it hangs upside down: findings are told against that
 */
export function diagnose(
  places: readonly HeardPlace[],
  profile: Microphone,
  toAmbisonics: readonly (readonly number[])[] | undefined,
  inverted = false,
): Diagnosis {
  const count = places[0]!.measure.products.length;
  const told = toAmbisonics ? byIntensity(toAmbisonics) : byDelays(profile);
  const direction: Direction = inverted ? (measure, channels) => STANDS.inverted(told(measure, channels)) : told;
  const silent = silentChannels(places, count);
  const identity = Array.from({ length: count }, (_, i) => i + 1);
  const heard = places.map(({ azimuth, elevation, measure }) => {
    const vector = direction(measure, identity);
    return { ...anglesOf(vector), errorDegrees: angle(vector, unitVector(azimuth, elevation)) };
  });
  const found = wirings(count)
    .flatMap((channels) => standings(places, channels, direction))
    .sort((a, b) => a.score - b.score);
  const best = found[0]!.finding;
  const alternatives = found
    .slice(1)
    .map(({ finding }) => finding)
    .filter(({ errorDegrees }) => errorDegrees < Math.max(6, best.errorDegrees + 2))
    .filter((finding) => !sameThing(finding, best))
    .slice(0, 2);
  return { verdict: verdictOf(best, silent), finding: best, alternatives, heard, silent };
}

function verdictOf({ stand, turnedDegrees, channels, errorDegrees }: Finding, silent: readonly number[]) {
  if (silent.length > 0) return 'dead';
  if (errorDegrees > EXPLAINED) return 'unclear';
  if (channels.some((n, i) => n !== i + 1)) return 'channels';
  if (stand !== 'upright') return 'standing';
  return turnedDegrees === 0 ? 'right' : 'turned';
}

type Direction = (measure: ClapMeasure, channels: readonly number[]) => Vector;

/** Each way to stand, with the turn that fits best, for one wiring. */
function standings(places: readonly HeardPlace[], channels: readonly number[], direction: Direction) {
  const heard = places.map(({ measure }) => direction(measure, channels));
  const there = places.map(({ azimuth, elevation }) => unitVector(azimuth, elevation));
  const wrong = channels.filter((n, i) => n !== i + 1).length;
  const wiringCost = wrong > 0 ? COST.anyChannel + COST.channel * wrong : 0;
  return (Object.keys(STANDS) as Finding['stand'][]).flatMap((stand) => {
    const stood = heard.map((vector) => STANDS[stand](vector));
    const best = bestTurn(stood, there);
    const turns = Math.abs(best) > TURN_TOLERANCE ? [0, best] : [0];
    return turns.map((turnedDegrees) => {
      const errors = stood.map((vector, i) => angle(turnedLeft(vector, turnedDegrees), there[i]!));
      const errorDegrees = errors.reduce((sum, e) => sum + e, 0) / errors.length;
      const cost = wiringCost + (stand === 'upright' ? 0 : COST.stand) + (turnedDegrees === 0 ? 0 : COST.turn);
      return { finding: { stand, turnedDegrees, channels, errorDegrees }, score: errorDegrees + cost };
    });
  });
}

/** Every order and polarity of four channels; of more, one exchange or one turned polarity. */
function wirings(count: number): number[][] {
  const identity = Array.from({ length: count }, (_, i) => i + 1);
  if (count > 4) {
    const flips = identity.map((n) => identity.map((m) => (m === n ? -m : m)));
    const swaps = identity.flatMap((a) =>
      identity.filter((b) => b > a).map((b) => identity.map((n) => (n === a ? b : n === b ? a : n))),
    );
    return [identity, ...flips, ...swaps];
  }
  const signs = Array.from({ length: 2 ** count }, (_, bits) => identity.map((_, i) => (bits & (1 << i) ? -1 : 1)));
  // All polarities turned at once is the same as none.
  const half = signs.filter((sign) => sign.filter((s) => s < 0).length * 2 <= count);
  return permutations(identity).flatMap((order) => half.map((sign) => order.map((n, i) => n * sign[i]!)));
}

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((first) => permutations(items.filter((n) => n !== first)).map((rest) => [first, ...rest]));
}

/** Direction of the intensity of sound: W times the dipoles (Merimaa and Pulkki 2005), from what raw channels share. */
function byIntensity(matrix: readonly (readonly number[])[]): Direction {
  return ({ products }, channels) => {
    const shared = (r: number, s: number) => {
      let sum = 0;
      for (const [a, from] of channels.entries())
        for (const [b, other] of channels.entries()) {
          const sign = Math.sign(from * other);
          sum += matrix[r]![a]! * matrix[s]![b]! * sign * products[Math.abs(from) - 1]![Math.abs(other) - 1]!;
        }
      return sum;
    };
    // A W that is none has less in common with the dipoles than they carry: the vector is then too short, and so wrong.
    const velocity = Math.sqrt(Math.max(0, shared(1, 1) + shared(2, 2) + shared(3, 3)));
    const pressure = Math.sqrt(Math.max(1e-30, shared(0, 0)));
    const vector: Vector = [shared(0, 3), shared(0, 1), shared(0, 2)];
    const balance = Math.min(pressure, velocity) / Math.max(pressure, velocity, 1e-15);
    return balance < 0.35 ? [0, 0, 0] : vector;
  };
}

/** Direction from the delays between capsules: least squares for the slowness of a plane wave (Smith and Abel 1987). */
function byDelays({ capsules }: Microphone): Direction {
  const places = capsules!.directions.map(({ azimuth, elevation }) => unitVector(azimuth, elevation));
  return ({ lags, signs }, channels) => {
    const normal = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    const right = [0, 0, 0];
    for (let a = 0; a < places.length; a += 1)
      for (let b = a + 1; b < places.length; b += 1) {
        const [from, to] = [Math.abs(channels[a]!) - 1, Math.abs(channels[b]!) - 1];
        if (signs[from]![to]! * Math.sign(channels[a]! * channels[b]!) < 0) return [0, 0, 0];
        const way = [0, 1, 2].map((k) => places[b]![k]! - places[a]![k]!);
        for (let r = 0; r < 3; r += 1) {
          right[r]! -= way[r]! * lags[from]![to]!; // what lies towards the sound hears it earlier
          for (let s = 0; s < 3; s += 1) normal[3 * r + s]! += way[r]! * way[s]!;
        }
      }
    return solve(normal, right);
  };
}

/** Cramer's rule; a flat array says nothing of up and down, which then is 0. */
function solve(m: readonly number[], v: readonly number[]): Vector {
  const of = (a: readonly number[]) =>
    a[0]! * (a[4]! * a[8]! - a[5]! * a[7]!) -
    a[1]! * (a[3]! * a[8]! - a[5]! * a[6]!) +
    a[2]! * (a[3]! * a[7]! - a[4]! * a[6]!);
  const flat = Math.abs(m[8]!) < 1e-9;
  const matrix = flat ? m.map((value, i) => (i === 8 ? 1 : value)) : m;
  const whole = of(matrix);
  const [x, y, z] = [0, 1, 2].map(
    (column) => of(matrix.map((value, i) => (i % 3 === column ? v[Math.floor(i / 3)]! : value))) / whole,
  );
  return [x!, y!, z!];
}

/** Degrees that turn what was heard, about the vertical, onto where it was. */
function bestTurn(heard: readonly Vector[], there: readonly Vector[]): number {
  let [sine, cosine] = [0, 0];
  for (const [i, [x, y]] of heard.entries()) {
    const length = Math.hypot(...heard[i]!) || 1;
    const [tx, ty] = there[i]!;
    sine += (x * ty - y * tx) / length;
    cosine += (x * tx + y * ty) / length;
  }
  return Math.round((Math.atan2(sine, cosine) * 180) / Math.PI);
}

function turnedLeft([x, y, z]: Vector, degrees: number): Vector {
  const a = (degrees * Math.PI) / 180;
  return [x * Math.cos(a) - y * Math.sin(a), x * Math.sin(a) + y * Math.cos(a), z];
}

/** Degrees between two vectors; one without length is nowhere. */
function angle(a: Vector, b: Vector): number {
  const lengths = Math.hypot(...a) * Math.hypot(...b);
  if (lengths === 0) return 120;
  const cosine = (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / lengths;
  return (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI;
}

function silentChannels(places: readonly HeardPlace[], count: number): number[] {
  const powers = Array.from({ length: count }, (_, c) =>
    places.reduce((sum, { measure }) => sum + measure.products[c]![c]!, 0),
  );
  const loudest = Math.max(...powers);
  return powers.flatMap((power, c) => (10 * Math.log10(power / loudest + 1e-30) < SILENT_DB ? [c + 1] : []));
}

function sameThing(a: Finding, b: Finding): boolean {
  const turn = Math.abs(((a.turnedDegrees - b.turnedDegrees + 540) % 360) - 180) < TURN_TOLERANCE;
  return a.stand === b.stand && turn && a.channels.every((n, i) => n === b.channels[i]);
}
