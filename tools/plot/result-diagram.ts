// What sounded and from where, over time: class, azimuth and elevation, reference above prediction (Lan et al. 2022, Figs 10-11).
import type { SceneEvent } from '../scene-csv.ts';
import { clock, drawPanel, drawRows, drawTicks, type Panel, scale, timeTicks } from './axes.ts';
import { angleMark, bar, hatches, type Look, mark } from './event-marks.ts';
import { drawLegend, summarise } from './legend.ts';
import { text, textWidth } from './lettering.ts';
import { type Matching, matchEvents } from './match-events.ts';
import { picture } from './svg.ts';
import { classStyle, INK } from './theme.ts';

export interface ResultDiagram {
  /** What really sounded; without it only the prediction is drawn. */
  reference?: readonly SceneEvent[];
  prediction: readonly SceneEvent[];
  /** Classes in the order of their lanes; a class met only in the events gets a lane below them. */
  labels: readonly string[];
  durationSeconds: number;
  title: string;
}

const WIDTH = 1600;
const RIGHT = 28;
const TOP = 84;
const LANE = 16;
const AZIMUTH_HEIGHT = 150;
const ELEVATION_HEIGHT = 104;
const HEADING = 28;
const GROUP_GAP = 8;
const BOTTOM = 52;

const AZIMUTH_ROWS = [
  [180, '180° back'],
  [90, '90° left'],
  [0, '0° front'],
  [-90, '−90° right'],
  [-180, '−180° back'],
] as const;

interface Lanes {
  readonly name: string;
  readonly height: number;
  readonly rows: (panel: Panel) => string;
  readonly draw: (panel: Panel, event: SceneEvent, look: Look) => string;
}

/** Draws the diagram as SVG, 1600 units wide. */
export function drawResultDiagram(diagram: ResultDiagram): string {
  const { reference, prediction, durationSeconds, title } = diagram;
  const events = [...(reference ?? []), ...prediction];
  const labels = [...new Set([...diagram.labels, ...events.map((e) => e.label)])];
  const left = Math.ceil(Math.max(92, ...labels.map((label) => textWidth(label) + 34)));
  const width = WIDTH - left - RIGHT;
  const x = scale(0, durationSeconds, left, left + width);
  const ticks = timeTicks(durationSeconds);
  const styles = new Map(labels.map((label, i) => [label, classStyle(i)]));
  const matching = reference && matchEvents(reference, prediction);

  const span = ({ startSeconds, endSeconds }: SceneEvent) => ({
    from: x(startSeconds),
    to: x(Math.min(endSeconds, durationSeconds)),
  });
  const angle = (
    name: string,
    height: number,
    limit: number,
    rows: readonly (readonly [number, string])[],
    of: (e: SceneEvent) => number,
  ): Lanes => {
    const y = (panel: Panel) => scale(limit, -limit, panel.top, panel.top + panel.height);
    return {
      name,
      height,
      rows: (panel) => drawRows(panel, y(panel), rows),
      draw: (panel, event, look) => angleMark(span(event), y(panel)(of(event)), look, styles.get(event.label)!),
    };
  };
  const lane = (panel: Panel, label: string) => panel.top + (labels.indexOf(label) + 0.5) * LANE;
  const classes: Lanes = {
    name: 'Class',
    height: labels.length * LANE,
    rows: (panel) => labels.map((label) => laneName(panel.left, lane(panel, label), label)).join(''),
    draw: (panel, event, look) => bar(span(event), lane(panel, event.label), 11, look, styles.get(event.label)!.colour),
  };
  const laneName = (right: number, y: number, label: string) =>
    mark(right - 14, y, 5, styles.get(label)!) + text(right - 26, y + 4, label, { anchor: 'end' });

  const parts: string[] = [hatches(labels.map((label) => styles.get(label)!.colour))];
  let top = TOP;
  let lowest: Panel | undefined;
  const addPanel = (lanes: Lanes, whose: string, drawn: readonly (readonly [SceneEvent, Look])[]) => {
    const panel = { left, top: top + HEADING, width, height: lanes.height };
    parts.push(
      heading(left, top + HEADING - 8, lanes.name, whose),
      drawPanel(panel, x, ticks),
      lanes.rows(panel),
      ...drawn.map(([event, look]) => lanes.draw(panel, event, look)),
    );
    top = panel.top + panel.height;
    lowest = panel;
  };
  const elevationLimit = events.some((e) => Math.abs(e.elevation) > 50) ? 90 : 50;
  for (const lanes of [
    classes,
    angle('Azimuth', AZIMUTH_HEIGHT, 192, AZIMUTH_ROWS, (e) => e.azimuth),
    angle('Elevation', ELEVATION_HEIGHT, elevationLimit * 1.1, elevationRows(elevationLimit), (e) => e.elevation),
  ]) {
    if (reference && matching) addPanel(lanes, 'reference', referenceLooks(reference, matching));
    addPanel(lanes, 'prediction', predictionLooks(diagram, matching, lanes === classes));
    top += GROUP_GAP;
  }
  parts.push(
    fittingTitle(left, 36, title, width),
    text(left, 60, summarise(prediction.length, matching), { size: 13.5, colour: INK.faint }),
    drawLegend(WIDTH - RIGHT, 55, matching),
    drawTicks(
      lowest!,
      x,
      ticks.map((t) => [t, clock(t, durationSeconds)] as const),
      durationSeconds > 180 ? 'time (min:s)' : 'time (s)',
    ),
  );
  return picture(WIDTH, top - GROUP_GAP + BOTTOM, INK.ground, title, parts);
}

function fittingTitle(x: number, y: number, title: string, width: number): string {
  const weight = 'strong';
  const size = Math.min(21, (21 * width) / textWidth(title, { size: 21, weight }));
  return text(x, y, title, { size, weight });
}

function heading(x: number, y: number, name: string, whose: string): string {
  const strong = { size: 13, weight: 'strong' } as const;
  return text(x, y, name, strong) + text(x + textWidth(name, strong) + 7, y, whose, { size: 13, colour: INK.faint });
}

const elevationRows = (limit: number): (readonly [number, string])[] =>
  [limit, limit / 2, 0, -limit / 2, -limit].map((v) => [v, `${v < 0 ? '−' : ''}${Math.abs(v)}°`] as const);

const referenceLooks = (reference: readonly SceneEvent[], { found }: Matching) =>
  reference.map((event, i) => [event, found[i] ? 'reference' : 'missed'] as const);

/**
 * The reference shines through below the prediction, so that an error of time or direction can be seen as a gap.
 * What was missed is red in the lanes of the classes only: among the angles it would hide its neighbours.
 */
function predictionLooks(
  { reference = [], prediction }: ResultDiagram,
  matching: Matching | undefined,
  missedInRed: boolean,
) {
  return [
    ...reference.map((event, i) => [event, missedInRed && !matching?.found[i] ? 'missed' : 'ghost'] as const),
    ...prediction.map((event, i) => [event, matching?.verdicts[i] ?? 'hit'] as const),
  ];
}
