// The array's and the ambisonic microphone's responses against values from scipy (test/golden/steering/steer.py).
import { unitVector } from '../../../../runtime/directions.ts';
import { foaGains } from '../../../../tools/data/scenes/ambisonics.ts';
import {
  CAPSULES,
  diffuseCovariance,
  modesAt,
  SPEED_OF_SOUND,
  sphereResponse,
} from '../../../../tools/data/scenes/rigid-sphere.ts';
import golden from '../../../golden/steering/steering.json' with { type: 'json' };

const capsule = (m: number) => unitVector(CAPSULES[m]![0], CAPSULES[m]![1]);
const cosine = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const response = (m: number, azi: number, ele: number, f: number) =>
  sphereResponse(modesAt(f), cosine(capsule(m), unitVector(azi, ele)));

test('the capsules stand where the data set has them', () => {
  expect(CAPSULES).toEqual(golden.mics);
  expect(SPEED_OF_SOUND).toBe(golden.c);
});

test('a plane wave at each capsule is as the rigid-sphere formula says, to 1e-6', () => {
  for (const { f, azi, ele, H } of golden.values) {
    H.forEach(([re, im], m) => {
      const [real, imag] = response(m, azi, ele, f);
      expect(Math.abs(real - re!)).toBeLessThan(1e-6);
      expect(Math.abs(imag - im!)).toBeLessThan(1e-6);
    });
  }
});

test('the second capsule hears later by the delay that scipy gives, to 1e-3 µs', () => {
  for (const { f, mics, azi, ele, delay_us } of golden.delays) {
    const [a, b] = mics.map((m) => response(m - 1, azi, ele, f));
    const phase = Math.atan2(b![1] * a![0] - b![0] * a![1], b![0] * a![0] + b![1] * a![1]);
    const measured = (1e6 * phase) / (2 * Math.PI * f);
    expect(Math.abs(Math.abs(measured) - Math.abs(delay_us))).toBeLessThan(1e-3);
  }
});

test('angles between capsules are those of the array', () => {
  for (const { mics, angle_deg } of golden.pairs) {
    const [a, b] = mics.map((m) => capsule(m - 1));
    expect((Math.acos(cosine(a!, b!)) * 180) / Math.PI).toBeCloseTo(angle_deg, 6);
  }
});

test('ambisonic gains are those of both normalisations, to 1e-9', () => {
  for (const { azi, ele, acn_sn3d, acn_n3d } of golden.foa) {
    const direction = unitVector(azi, ele);
    for (const [name, expected] of [
      ['sn3d', acn_sn3d],
      ['n3d', acn_n3d],
    ] as const) {
      foaGains(direction, name).forEach((gain, c) => {
        expect(Math.abs(gain - expected[c]!)).toBeLessThan(1e-9);
      });
    }
  }
});

test('the covariance of a diffuse field is the mean over waves from everywhere', () => {
  // 2000 directions of a Fibonacci sphere stand for "everywhere"
  const directions = Array.from({ length: 2000 }, (_, i) => {
    const z = 1 - (2 * i + 1) / 2000;
    const turn = i * Math.PI * (3 - Math.sqrt(5));
    return [Math.sqrt(1 - z * z) * Math.cos(turn), Math.sqrt(1 - z * z) * Math.sin(turn), z];
  });
  for (const f of [300, 2000, 7000]) {
    const modes = modesAt(f);
    const products = directions.map((d) => {
      const [a, b] = [0, 1].map((m) => sphereResponse(modes, cosine(capsule(m), d)));
      return a![0] * b![0] + a![1] * b![1];
    });
    const mean = products.reduce((x, y) => x + y) / products.length;
    expect(diffuseCovariance(modes, cosine(capsule(0), capsule(1)))).toBeCloseTo(mean, 3);
  }
});
