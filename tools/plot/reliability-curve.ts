// Whether confidence can be believed: how often a confidence was right, against the diagonal of perfect calibration (Guo et al. 2017).
import { drawPanel, drawRows, drawTicks, type Panel, scale } from './axes.ts';
import { drawHead, drawHeading, HEAD_HEIGHT } from './headings.ts';
import { text, textWidth } from './lettering.ts';
import { element, line, picture } from './svg.ts';
import { INK } from './theme.ts';

/** Confidences from `from` up to (not with) `to`: how many there were, the sum of them, how many were right. */
export interface ConfidenceBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly confidenceSum: number;
  readonly right: number;
}

export interface ConfidenceCurve {
  /** What was told with a confidence, in the plural: events, frames. */
  readonly name: string;
  readonly bins: readonly ConfidenceBin[];
}

export interface ReliabilityDiagram {
  readonly title: string;
  /** One line under the title: what counts as right. */
  readonly note: string;
  readonly curves: readonly ConfidenceCurve[];
}

const WIDTH = 860;
const LEFT = 84;
const RIGHT = 28;
const HEADING = 34;
const CURVE_HEIGHT = 420;
const COUNT_HEIGHT = 110;
const BETWEEN = 44;
const BOTTOM = 56;
const COLOURS = ['#2469a6', '#e08214', '#117733'];
const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];
/** Bins with fewer say little: their points are hollow. */
const FEW = 20;

/** Draws the curves and, below, how many of each confidence there were, as SVG. */
export function drawReliability({ title, note, curves }: ReliabilityDiagram): string {
  const width = WIDTH - LEFT - RIGHT;
  const upper: Panel = { left: LEFT, top: HEAD_HEIGHT + HEADING, width, height: CURVE_HEIGHT };
  const lower: Panel = { left: LEFT, top: upper.top + CURVE_HEIGHT + BETWEEN, width, height: COUNT_HEIGHT };
  const x = scale(0, 1, LEFT, LEFT + width);
  const y = scale(1, 0, upper.top, upper.top + CURVE_HEIGHT);
  const percent = (value: number) => `${Math.round(100 * value)} %`;
  const rows = SHARES.map((value) => [value, percent(value)] as const);
  return picture(WIDTH, lower.top + COUNT_HEIGHT + BOTTOM, INK.ground, title, [
    drawHead(LEFT, width, title, note),
    drawHeading(LEFT, upper.top - 12, 'Right', 'of those told with a confidence'),
    drawKey(LEFT + width, upper.top - 12, curves),
    drawPanel(upper, x, SHARES),
    drawRows(upper, y, rows),
    line(x(0), y(0), x(1), y(1), { stroke: INK.faint, 'stroke-dasharray': '6 5', 'stroke-width': 1.3 }),
    ...curves.map(({ bins }, i) => drawCurve(bins, x, y, COLOURS[i % COLOURS.length]!)),
    drawHeading(LEFT, lower.top - 12, 'How many', 'share of all, by confidence'),
    drawPanel(lower, x, SHARES),
    drawCounts(lower, x, curves),
    drawTicks(
      lower,
      x,
      SHARES.map((value) => [value, String(value)] as const),
      'confidence',
    ),
  ]);
}

/** Mean distance between confidence and hit rate, weighted by count; null without any. */
function calibrationError(bins: readonly ConfidenceBin[]): number | null {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  return bins.reduce((sum, { confidenceSum, right }) => sum + Math.abs(confidenceSum - right), 0) / total;
}

function drawKey(right: number, y: number, curves: readonly ConfidenceCurve[]): string {
  const entries = curves.map(({ name, bins }) => {
    const total = bins.reduce((sum, { count }) => sum + count, 0);
    const error = calibrationError(bins);
    return `${total.toLocaleString('en')} ${name}${error === null ? '' : `, off by ${(100 * error).toFixed(1)} % on average`}`;
  });
  const parts: string[] = [];
  let at = right;
  for (const [i, entry] of [...entries.entries()].reverse()) {
    at -= textWidth(entry);
    parts.push(text(at, y, entry));
    at -= 14;
    parts.push(element('circle', { cx: at, cy: y - 4, r: 5, fill: COLOURS[i % COLOURS.length] }));
    at -= 24;
  }
  return parts.join('');
}

type Scale = (value: number) => number;

function drawCurve(bins: readonly ConfidenceBin[], x: Scale, y: Scale, colour: string): string {
  const points = bins
    .filter(({ count }) => count > 0)
    .map(({ count, confidenceSum, right }) => ({ cx: x(confidenceSum / count), cy: y(right / count), count }));
  const path = points.map(({ cx, cy }, i) => `${i === 0 ? 'M' : 'L'}${cx.toFixed(2)} ${cy.toFixed(2)}`).join('');
  return [
    element('path', { d: path, fill: 'none', stroke: colour, 'stroke-width': 2 }),
    ...points.map(({ cx, cy, count }) =>
      element('circle', {
        ...{ cx, cy, r: 5, stroke: colour, 'stroke-width': 2 },
        fill: count < FEW ? INK.ground : colour,
      }),
    ),
  ].join('');
}

function drawCounts(panel: Panel, x: Scale, curves: readonly ConfidenceCurve[]): string {
  const shares = curves.map(({ bins }) => {
    const total = Math.max(
      1,
      bins.reduce((sum, { count }) => sum + count, 0),
    );
    return bins.map(({ count }) => count / total);
  });
  const most = Math.max(0.01, ...shares.flat());
  const room = panel.height - 20;
  const parts = curves.flatMap(({ bins }, i) =>
    bins.map(({ from, to, count }, b) => {
      const slot = (x(to) - x(from) - 8) / curves.length;
      const left = x(from) + 4 + i * slot;
      const height = (shares[i]![b]! / most) * room;
      const top = panel.top + panel.height - height;
      return [
        element('rect', { x: left, y: top, width: slot - 2, height, fill: COLOURS[i % COLOURS.length], rx: 1.5 }),
        count > 0 ? text(left + slot / 2 - 1, top - 4, compact(count), { size: 10, anchor: 'middle' }) : '',
      ].join('');
    }),
  );
  return parts.join('');
}

/** 950 as it is, 12345 as 12k, 1234567 as 1.2M. */
function compact(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}
