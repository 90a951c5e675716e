// The picture of what each layer costs: everything it was given stands in it, bars as long as their shares.
import { drawSensitivityDiagram } from '../../../tools/plot/sensitivity-diagram.ts';

const layer = (name: string, noiseShare: number, workShare: number) => ({
  ...{ name, op: 'Conv', noiseShare, workShare },
  sqnrDb: { activity: 41.25, direction: Number.POSITIVE_INFINITY },
});
const svg = drawSensitivityDiagram({
  title: 'office & home',
  windows: 16,
  sqnrDb: { activity: 33.3, direction: 31.1 },
  layers: [layer('first.conv', 0.75, 0.1), layer('second.conv', 0.25, 0.9)],
});

test('layers, shares and decibels are lettered, and no noise at all is a dash', () => {
  const lettered = [...svg.matchAll(/aria-label="([^"]*)"/g)].map(([, label]) => label);
  for (const word of [
    'office &amp; home',
    'first.conv',
    '75.0 %',
    '41.3',
    '-',
    '33.3',
    'all together',
    'direction dB',
  ]) {
    expect(lettered).toContain(word);
  }
});

test('bars are as long as their shares', () => {
  const widths = [...svg.matchAll(/<rect[^>]*width="([\d.]+)" height="(9|5)"/g)].map(([, width]) => Number(width));
  expect(widths).toHaveLength(4);
  const [noise, work, lessNoise, moreWork] = widths as [number, number, number, number];
  expect(noise / lessNoise).toBeCloseTo(3, 1);
  expect(moreWork / work).toBeCloseTo(9, 1);
});
