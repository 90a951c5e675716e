// Rooms: what reaches the microphone, how fast it dies away, and from where.
import { unitVector } from '../../../../runtime/directions.ts';
import { BAND_CENTRES_HZ } from '../../../../tools/data/scenes/bands.ts';
import { FftMemory } from '../../../../tools/data/scenes/fft.ts';
import { foaReceiver } from '../../../../tools/data/scenes/foa-receiver.ts';
import { EarlyResponses, eachReflection, handover } from '../../../../tools/data/scenes/images.ts';
import { micReceiver } from '../../../../tools/data/scenes/mic-receiver.ts';
import { Random } from '../../../../tools/data/scenes/random.ts';
import { ARRIVAL, type Receiver } from '../../../../tools/data/scenes/receiver.ts';
import { CAPSULES, modesAt, SPEED_OF_SOUND, sphereResponse } from '../../../../tools/data/scenes/rigid-sphere.ts';
import { eyringRt60, FIXED_ROOMS, isInside, type Room, randomRoom } from '../../../../tools/data/scenes/room.ts';
import { Tails } from '../../../../tools/data/scenes/tail.ts';
import { bandPass, fourierAt, schroederRt60 } from './spectrum.ts';

const RATE = 48000;
const SOURCE = unitVector(50, 10);
let memory: FftMemory;
let foa: Receiver;
let mic: Receiver;

beforeAll(async () => {
  memory = await FftMemory.create();
  foa = foaReceiver('sn3d');
  mic = micReceiver(memory, RATE);
});

function respond(receiver: Receiver, room: Room): Float32Array[] {
  const early = new EarlyResponses(memory, receiver, RATE).compute(room, SOURCE);
  const tail = new Tails(memory, receiver, RATE).compute(room, new Random('test'));
  return tail.map((channel, c) => channel.map((v, i) => v + (early[c]![i] ?? 0)));
}

const energy = (signal: ArrayLike<number>, from: number, to: number) => {
  let sum = 0;
  for (let i = Math.round(from * RATE); i < Math.round(to * RATE); i++) sum += signal[i]! ** 2;
  return sum;
};

test.each(FIXED_ROOMS.map((room) => [room.name, room] as const))(
  'sound in the %s dies away with the reverberation time that its walls give',
  (_, room) => {
    const [w] = respond(foa, room);
    const designed = eyringRt60(room);
    for (const [band, frequency] of [
      [2, 500],
      [3, 1000],
      [5, 4000],
    ] as const) {
      const decay = bandPass(w!, frequency, RATE);
      // where the direct sound's leap is over and the cut of the response is far
      const measured = schroederRt60(decay.subarray(0, w!.length), RATE, 0.02, 0.3 * (w!.length / RATE) + 0.05);
      expect(BAND_CENTRES_HZ[band]).toBe(frequency);
      expect(measured / designed[band]!).toBeGreaterThan(0.9);
      expect(measured / designed[band]!).toBeLessThan(1.1);
    }
  },
);

test('image sources hand over to the diffuse tail without a step in level', () => {
  for (const room of FIXED_ROOMS) {
    const { from, to } = handover(room);
    const [w] = respond(foa, room).map((channel) => bandPass(channel, 1000, RATE));
    const rt60 = eyringRt60(room)[3]!;
    const width = 0.03;
    const before = energy(w!, from - width, from);
    const after = energy(w!, to, to + width);
    const expectedDb = (-60 * (to - from + width)) / rt60;
    expect(Math.abs(10 * Math.log10(after / before) - expectedDb)).toBeLessThan(4);
  }
});

test('the direct sound comes from its direction, in the ambisonic channels', () => {
  const [w, y, z, x] = respond(foa, FIXED_ROOMS[2]!).map((channel) => channel.subarray(ARRIVAL - 20, ARRIVAL + 60));
  const intensity = [x!, y!, z!].map((channel) => channel.reduce((sum, v, i) => sum + v * w![i]!, 0));
  const length = Math.hypot(...intensity);
  const cosine = intensity.reduce((sum, v, i) => sum + (v / length) * SOURCE[i]!, 0);
  expect((Math.acos(Math.min(1, cosine)) * 180) / Math.PI).toBeLessThan(0.5);
  expect(w![20]).toBeCloseTo(1, 2);
});

test('the direct sound at the capsules is filtered as by a rigid sphere', () => {
  const { lead, responses } = mic.direct(SOURCE);
  for (const frequency of [500, 1000, 3000, 8000]) {
    responses.forEach((response, m) => {
      const [azimuth, elevation] = CAPSULES[m]!;
      const cosine = unitVector(azimuth, elevation).reduce((sum, v, i) => sum + v * SOURCE[i]!, 0);
      const [re, im] = sphereResponse(modesAt(frequency), cosine);
      const [a, b] = fourierAt(response, frequency, RATE);
      const turn = (2 * Math.PI * frequency * lead) / RATE;
      expect(a * Math.cos(turn) - b * Math.sin(turn)).toBeCloseTo(re, 2);
      expect(a * Math.sin(turn) + b * Math.cos(turn)).toBeCloseTo(im, 2);
    });
  }
});

test('reflections at the capsules, read from a table, are as good as computed ones', () => {
  const direction = unitVector(-63.2, 21.7);
  const trains = new Float32Array(4 * 8 * 8192);
  mic.addPulse(trains, 1000.3, direction, Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  CAPSULES.forEach(([azimuth, elevation], m) => {
    const train = trains.subarray(m * 8 * 8192, m * 8 * 8192 + 2000);
    const cosine = unitVector(azimuth, elevation).reduce((sum, v, i) => sum + v * direction[i]!, 0);
    for (const frequency of [500, 2000, 8000]) {
      const [re, im] = sphereResponse(modesAt(frequency), cosine);
      const [a, b] = fourierAt(train, frequency, RATE);
      const turn = (2 * Math.PI * frequency * 1000.3) / RATE;
      expect(Math.abs(a * Math.cos(turn) - b * Math.sin(turn) - re)).toBeLessThan(0.04);
      expect(Math.abs(a * Math.sin(turn) + b * Math.cos(turn) - im)).toBeLessThan(0.04);
    }
  });
});

test('the first reflections are the six mirror images of the source', () => {
  const room = { ...FIXED_ROOMS[0]!, absorption: FIXED_ROOMS[0]!.absorption.map((wall) => wall.map(() => 0)) };
  const seen: { length: number; direction: readonly number[] }[] = [];
  eachReflection(room, SOURCE, { from: 0.2, to: 0.2 }, (seconds, direction) => {
    seen.push({ length: 1 + seconds * SPEED_OF_SOUND, direction });
  });
  const mirrored = [0, 1, 2].flatMap((axis) =>
    [0, room.size[axis]!].map((wall) =>
      SOURCE.map((v, i) => (i === axis ? 2 * wall - (room.array[axis]! + v) - room.array[axis]! : v)),
    ),
  );
  for (const image of mirrored) {
    const length = Math.hypot(...image);
    const nearest = seen.find((s) => Math.abs(s.length - length) < 1e-9);
    expect(nearest).toBeDefined();
    nearest!.direction.forEach((v, i) => {
      expect(v).toBeCloseTo(image[i]! / length, 9);
    });
  }
});

test('the tail is a diffuse field: Y, Z and X each carry a third of the energy of W and are independent', () => {
  const [w, ...rest] = new Tails(memory, foa, RATE).compute(FIXED_ROOMS[2]!, new Random(3));
  const power = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  for (const channel of rest) {
    expect((3 * power(channel, channel)) / power(w!, w!)).toBeGreaterThan(0.8);
    expect((3 * power(channel, channel)) / power(w!, w!)).toBeLessThan(1.25);
    expect(Math.abs(power(channel, w!)) / Math.sqrt(power(channel, channel) * power(w!, w!))).toBeLessThan(0.1);
  }
});

test('drawn rooms hold every source at 2 m on the data set’s grid', () => {
  for (let seed = 0; seed < 200; seed++) {
    const room = randomRoom(new Random(seed));
    expect(room.absorption.flat().every((a) => a > 0 && a < 1)).toBe(true);
    for (let azimuth = -180; azimuth < 180; azimuth += 10) {
      const [x, y, z] = unitVector(azimuth, 0);
      expect(isInside(room, [2 * x, 2 * y, 2 * z])).toBe(true);
      for (const elevation of [-40, 40]) expect(isInside(room, unitVector(azimuth, elevation))).toBe(true);
    }
  }
});
