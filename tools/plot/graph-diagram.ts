// A network as a picture: a box per node with what it does and how much, lines along which tensors flow, from top to bottom.
import { layOut } from './layered-layout.ts';
import { text } from './lettering.ts';
import { element, picture } from './svg.ts';
import { classStyle, INK } from './theme.ts';

export interface DiagramNode {
  /** What it does, in bold. */
  readonly title: string;
  /** A line below. */
  readonly detail: string;
  /** Nodes of one kind have one colour; kinds are numbered from 0. */
  readonly kind: number;
  /** Part of the whole work, 0..1. */
  readonly share: number;
  /** Nodes it comes after, all of them earlier in the list. */
  readonly reads: readonly number[];
}

const BOX = { width: 168, height: 36, gapX: 22, gapY: 22 };
const MARGIN = 24;
const HEADING = 40;
const STRIPE = 5;

/** SVG of a network. */
export function drawGraphDiagram(nodes: readonly DiagramNode[], title: string, subtitle: string): string {
  const layout = layOut(nodes.map(({ reads }) => reads));
  const left = (column: number) => MARGIN + column * (BOX.width + BOX.gapX);
  const top = (layer: number) => MARGIN + HEADING + layer * (BOX.height + BOX.gapY);
  const width = Math.max(480, left(layout.columns) - BOX.gapX + MARGIN);
  const height = top(layout.layers) - BOX.gapY + MARGIN;
  const lines = layout.routes.map(({ from, columns }) => {
    const layer = layout.places[from]!.layer;
    return element('path', {
      d: route(
        columns.map((column) => left(column) + BOX.width / 2),
        (i) => top(layer + i),
      ),
      fill: 'none',
      stroke: INK.faint,
      'stroke-width': 1.2,
    });
  });
  const boxes = nodes.map((node, i) => {
    const { column, layer } = layout.places[i]!;
    return box(node, left(column), top(layer));
  });
  return picture(width, height, INK.ground, title, [
    text(MARGIN, MARGIN + 6, title, { size: 15, weight: 'strong' }),
    text(MARGIN, MARGIN + 24, subtitle, { size: 11, colour: INK.faint }),
    ...lines,
    ...boxes,
  ]);
}

/** Straight through the layers between, bent in the gaps. */
function route(xs: readonly number[], topOf: (i: number) => number): string {
  let path = `M${xs[0]} ${topOf(0) + BOX.height}`;
  for (let i = 1; i < xs.length; i += 1) {
    const [y0, y1] = [topOf(i - 1) + BOX.height, topOf(i)];
    const middle = (y0 + y1) / 2;
    path += `C${xs[i - 1]} ${middle} ${xs[i]} ${middle} ${xs[i]} ${y1}`;
    if (i < xs.length - 1) path += `V${y1 + BOX.height}`;
  }
  return path;
}

function box({ title, detail, kind, share }: DiagramNode, x: number, y: number): string {
  const { colour } = classStyle(kind);
  const { width, height } = BOX;
  return element(
    'g',
    {},
    element('rect', { x, y, width, height, rx: 3, fill: INK.panel, stroke: INK.frame }),
    element('rect', { x, y, width: STRIPE, height, fill: colour }),
    text(x + 12, y + 15, title, { size: 12, weight: 'strong' }),
    text(x + 12, y + 29, detail, { size: 10, colour: INK.faint }),
    ...(share >= 0.005
      ? [
          text(x + width - 7, y + 15, `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`, { size: 10, anchor: 'end' }),
          element('rect', {
            x: x + STRIPE,
            y: y + height - 3,
            width: share * (width - STRIPE),
            height: 3,
            fill: colour,
          }),
        ]
      : []),
  );
}
