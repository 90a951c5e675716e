// Topological order of nodes (Kahn 1962), stable: nodes that do not depend on each other keep the order they came in.
import type { NodeProto } from '../onnx/codec.ts';

/**
 * @param producer the node that makes a tensor, if one does
 * @returns fewer nodes than given when they form a circle: those on and behind it are missing
 */
export function sortTopologically(
  nodes: readonly NodeProto[],
  producer: (tensor: string) => NodeProto | undefined,
): NodeProto[] {
  const users = new Map<NodeProto, NodeProto[]>();
  const waitsFor = new Map<NodeProto, number>();
  for (const node of nodes) {
    const makers = new Set(node.input.map(producer).filter((maker) => maker !== undefined));
    waitsFor.set(node, makers.size);
    for (const maker of makers) {
      const known = users.get(maker);
      if (known) known.push(node);
      else users.set(maker, [node]);
    }
  }
  // Depth first from the first node on: what follows a node stays near it.
  const ready = nodes.filter((node) => waitsFor.get(node) === 0).reverse();
  const sorted: NodeProto[] = [];
  for (let node = ready.pop(); node; node = ready.pop()) {
    sorted.push(node);
    for (const user of (users.get(node) ?? []).reverse()) {
      const left = waitsFor.get(user)! - 1;
      waitsFor.set(user, left);
      if (left === 0) ready.push(user);
    }
  }
  return sorted;
}
