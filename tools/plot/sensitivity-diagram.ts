// What each layer costs in integers: its share of the noise beside its share of the work, and the ratio each output keeps.
import { drawHead, HEAD_HEIGHT } from './headings.ts';
import { text } from './lettering.ts';
import { element, picture } from './svg.ts';
import { INK } from './theme.ts';

export interface SensitivityPicture {
  readonly title: string;
  readonly windows: number;
  /** All layers together, of each output, in decibels. */
  readonly sqnrDb: Readonly<Record<string, number>>;
  readonly layers: readonly {
    readonly name: string;
    readonly op: string;
    readonly workShare: number;
    readonly noiseShare: number;
    readonly sqnrDb: Readonly<Record<string, number>>;
  }[];
}

const LEFT = 24;
const NAMES = 300;
const BARS = 360;
const COLUMN = 96;
const ROW = 26;
const NOISE = '#cc6677';
const WORK = '#88aadd';

/** A line per layer: two bars (noise above work), then decibels of each output with that layer alone in integers. */
export function drawSensitivityDiagram({ title, windows, sqnrDb, layers }: SensitivityPicture): string {
  const outputs = Object.keys(sqnrDb);
  const width = LEFT + NAMES + BARS + 24 + COLUMN * outputs.length + LEFT;
  const top = HEAD_HEIGHT + 28;
  const height = top + ROW * (layers.length + 1) + 36;
  const largest = Math.max(...layers.flatMap(({ noiseShare, workShare }) => [noiseShare, workShare]), 0.01);
  const barWidth = (share: number) => (share / largest) * (BARS - 60);
  const column = (i: number) => LEFT + NAMES + BARS + 24 + COLUMN * (i + 1) - 8;
  const decibels = (values: Readonly<Record<string, number>>, y: number, colour: string) =>
    outputs.map((name, i) => text(column(i), y, format(values[name]!), { anchor: 'end', colour }));
  const rows = layers.flatMap(({ name, op, workShare, noiseShare, sqnrDb: own }, row) => {
    const y = top + ROW * row;
    return [
      text(LEFT, y + 15, name),
      text(LEFT + NAMES - 16, y + 15, op, { anchor: 'end', colour: INK.faint }),
      element('rect', { x: LEFT + NAMES, y: y + 3, width: barWidth(noiseShare), height: 9, fill: NOISE }),
      element('rect', { x: LEFT + NAMES, y: y + 13, width: barWidth(workShare), height: 5, fill: WORK }),
      text(LEFT + NAMES + barWidth(Math.max(noiseShare, workShare)) + 6, y + 15, `${(100 * noiseShare).toFixed(1)} %`, {
        size: 11,
        colour: INK.faint,
      }),
      ...decibels(own, y + 15, INK.text),
    ];
  });
  const last = top + ROW * layers.length;
  return picture(width, height, INK.ground, title, [
    drawHead(
      LEFT,
      width - 2 * LEFT,
      title,
      `Each layer alone in integers, ${windows} windows; dB: signal over quantisation noise`,
    ),
    text(LEFT + NAMES, top - 10, 'share of the noise', { colour: NOISE, weight: 'strong' }),
    text(LEFT + NAMES + 130, top - 10, 'share of the work', { colour: WORK, weight: 'strong' }),
    ...outputs.map((name, i) => text(column(i), top - 10, `${name} dB`, { anchor: 'end', weight: 'strong' })),
    ...rows,
    text(LEFT, last + 18, 'all together', { weight: 'strong' }),
    ...decibels(sqnrDb, last + 18, INK.text),
  ]);
}

const format = (value: number) => (Number.isFinite(value) ? value.toFixed(1) : '-');
