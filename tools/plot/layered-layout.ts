// Places for the nodes of a directed graph, in layers from top to bottom (Sugiyama, Tagawa, Toda 1981).

export interface LayeredLayout {
  /** Column (0 is the leftmost; fractions happen) and layer (0 on top) of each node. */
  readonly places: readonly { readonly column: number; readonly layer: number }[];
  /** For each edge the places it goes through, from its start to its end, one per layer. */
  readonly routes: readonly { readonly from: number; readonly to: number; readonly columns: readonly number[] }[];
  readonly columns: number;
  readonly layers: number;
}

/** A node of ours, or the place where a long edge crosses a layer. */
interface Spot {
  readonly layer: number;
  readonly above: Spot[];
  readonly below: Spot[];
  /** Columns it keeps to itself: less for an edge than for a node. */
  readonly width: number;
  column: number;
}

const EDGE_WIDTH = 0.2;
const SWEEPS = 24;

/** @param reads for each node the nodes it comes after, which stand before it in the list */
export function layOut(reads: readonly (readonly number[])[]): LayeredLayout {
  const layerOf: number[] = [];
  for (const sources of reads) layerOf.push(1 + Math.max(-1, ...sources.map((source) => layerOf[source]!)));
  // A node without sources stands right above the first that reads it.
  reads.forEach((sources, i) => {
    for (const source of sources) {
      if (reads[source]!.length === 0 && firstReader(reads, source) === i) layerOf[source] = layerOf[i]! - 1;
    }
  });
  const spots = layerOf.map((layer) => spot(layer, 1));
  const layers: Spot[][] = Array.from({ length: 1 + Math.max(0, ...layerOf) }, () => []);
  for (const each of spots) layers[each.layer]!.push(each);
  const routes = reads.flatMap((sources, to) =>
    sources.map((from) => ({ from, to, spots: connect(spots[from]!, spots[to]!, layers) })),
  );
  for (const layer of layers) spread(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) settle(layer, down ? 'above' : 'below');
  }
  const all = layers.flat();
  const left = Math.min(...all.map(({ column, width }) => column - width / 2));
  const right = Math.max(...all.map(({ column, width }) => column + width / 2));
  return {
    places: spots.map(({ column, layer }) => ({ column: column - left - 0.5, layer })),
    routes: routes.map((route) => ({ ...route, columns: route.spots.map(({ column }) => column - left - 0.5) })),
    columns: right - left,
    layers: layers.length,
  };
}

function firstReader(reads: readonly (readonly number[])[], source: number): number {
  return reads.findIndex((sources) => sources.includes(source));
}

function spot(layer: number, width: number): Spot {
  return { layer, above: [], below: [], width, column: 0 };
}

/** Joins two spots by way of one in every layer between. */
function connect(from: Spot, to: Spot, layers: readonly Spot[][]): Spot[] {
  const route = [from];
  for (let layer = from.layer + 1; layer < to.layer; layer += 1) {
    const crossing = spot(layer, EDGE_WIDTH);
    layers[layer]!.push(crossing);
    route.push(crossing);
  }
  route.push(to);
  for (let i = 1; i < route.length; i += 1) {
    route[i]!.above.push(route[i - 1]!);
    route[i - 1]!.below.push(route[i]!);
  }
  return route;
}

function spread(layer: readonly Spot[]): void {
  let at = 0;
  for (const each of layer) {
    each.column = at + each.width / 2;
    at += each.width;
  }
}

/** Moves each spot to the middle of its neighbours on one side, then apart where they overlap; their centre stays. */
function settle(layer: Spot[], side: 'above' | 'below'): void {
  const wished = new Map<Spot, number>();
  for (const each of layer) {
    const neighbours = each[side];
    const sum = neighbours.reduce((total, { column }) => total + column, 0);
    wished.set(each, neighbours.length > 0 ? sum / neighbours.length : each.column);
  }
  layer.sort((a, b) => wished.get(a)! - wished.get(b)!);
  let at = Number.NEGATIVE_INFINITY;
  for (const each of layer) {
    each.column = Math.max(wished.get(each)!, at + each.width / 2);
    at = each.column + each.width / 2;
  }
  const shift = layer.reduce((sum, each) => sum + wished.get(each)! - each.column, 0) / layer.length;
  for (const each of layer) each.column += shift;
}
