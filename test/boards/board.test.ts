// The board profiles and the JetPacks: every file keeps the schema, and they agree with each other and with TensorRT's table.
import { Board, boards, jetpacks } from '../../boards/board.ts';
import { precisionsOf, tensorrtOfL4t, trtexecRelease } from '../../models/tensorrt.ts';
import { GPUS } from '../../models/tensorrt-releases.ts';

test('every family of Jetson has a profile, named like its file', () => {
  expect(boards().map(({ name }) => name)).toEqual([
    ...['agx-orin', 'agx-thor', 'agx-xavier', 'nano', 'orin-nano', 'orin-nx', 'tx2', 'xavier-nx'],
  ]);
});

test('an unknown key of a profile is refused', () => {
  expect(() => Board.parse({ ...boards()[0], colour: 'green' })).toThrow(/colour/);
});

test('boards name JetPacks that are known, each in the order of release', () => {
  const order = jetpacks().map(({ jetpack }) => jetpack);
  for (const { name, jetpacks: own } of boards()) {
    expect([name, own.map((each) => order.indexOf(each))]).toEqual([
      name,
      own.map((each) => order.indexOf(each)).toSorted((a, b) => a - b),
    ]);
    expect(own.filter((each) => !order.includes(each))).toEqual([]);
  }
});

test('no L4T release belongs to two JetPacks, and each brings the TensorRT of the releases table', () => {
  const releases = jetpacks().flatMap(({ l4t, tensorrt }) => l4t.map((each) => ({ each, tensorrt })));
  expect(new Set(releases.map(({ each }) => each)).size).toBe(releases.length);
  for (const { each, tensorrt } of releases) {
    expect([each, tensorrtOfL4t(each)]).toEqual([each, tensorrt.split('.').slice(0, 2).join('.')]);
  }
});

test('the GPU of every board is known, with what it computes in', () => {
  for (const { name, sm } of boards()) {
    expect([name, GPUS.some((gpu) => gpu.sm === sm), precisionsOf(sm)[0]]).toEqual([name, true, 'fp32']);
  }
  expect(jetpacks().map(({ tensorrt }) => trtexecRelease(tensorrt))).toContain('10.3');
});
