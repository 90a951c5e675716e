// How one event looks: a bar in its class's lane, or a line at its angle, in the class's colour and mark.
import type { Verdict } from './match-events.ts';
import { element } from './svg.ts';
import { type ClassStyle, INK } from './theme.ts';

/** Horizontal extent of an event in pixels. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** How an event of the reference or of the prediction is shown. */
export type Look = 'reference' | 'missed' | 'ghost' | Verdict;

const MISSED = { fill: '#ffffff', 'fill-opacity': 0.7, stroke: INK.alarm, 'stroke-width': 1.6 };
const BAR_RADIUS = 2;

const hatchId = (colour: string): string => `hatch-${colour.slice(1)}`;

/** The slanted lines of false alarms, one pattern for each colour in use; goes into the picture before the marks. */
export function hatches(colours: readonly string[]): string {
  const patterns = [...new Set(colours)].map((colour) =>
    element(
      'pattern',
      { id: hatchId(colour), width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      element('rect', { width: 5, height: 5, fill: '#ffffff' }),
      element('rect', { width: 1.8, height: 5, fill: colour }),
    ),
  );
  return element('defs', {}, ...patterns);
}

function paint(look: Look, colour: string): Record<string, string | number> {
  switch (look) {
    case 'missed':
      return MISSED;
    case 'ghost':
      return { fill: 'none', stroke: '#8a93a0', 'stroke-width': 1, 'stroke-dasharray': '2.5 2' };
    case 'false alarm':
      return { fill: `url(#${hatchId(colour)})`, stroke: colour, 'stroke-width': 1.2 };
    case 'wrong direction':
      return { fill: colour, stroke: INK.text, 'stroke-width': 1.8 };
    default:
      return { fill: colour };
  }
}

/** A bar of the given height whose middle lies at y. */
export function bar({ from, to }: Span, y: number, height: number, look: Look, colour: string): string {
  const inset = look === 'reference' || look === 'hit' ? 0 : 0.5;
  return element('rect', {
    x: from + inset,
    y: y - height / 2 + inset,
    width: Math.max(2, to - from) - 2 * inset,
    height: height - 2 * inset,
    rx: BAR_RADIUS,
    ...paint(look, colour),
  });
}

/** The mark of a class with its middle at (x, y). */
export function mark(x: number, y: number, radius: number, style: ClassStyle, look: Look = 'reference'): string {
  const attributes = { stroke: INK.panel, 'stroke-width': 1, ...paint(look, style.colour) };
  if (style.mark.length === 0) return element('circle', { cx: x, cy: y, r: radius, ...attributes });
  const corners = style.mark.map((v, i) => ((i % 2 === 0 ? x : y) + v * radius).toFixed(2));
  return element('polygon', { points: corners.join(' '), 'stroke-linejoin': 'round', ...attributes });
}

/** A thin bar along the time an event lasts, at its angle, with the mark of its class where it begins. */
export function angleMark(span: Span, y: number, look: Look, style: ClassStyle): string {
  if (look === 'ghost') return bar(span, y, 9, look, style.colour);
  return bar(span, y, 5, look, style.colour) + mark(span.from, y, 5, style, look);
}
