// Nodes whose results nobody sees, and constants that nobody reads.
import type { Rewrite } from './rewrite.ts';

export const removeDead: Rewrite = {
  name: 'dead',
  summary: 'nodes and constants that nothing uses: removed',
  exactness: 'equal',
  apply(graph) {
    let count = 0;
    const used = (tensor: string) => graph.isOutput(tensor) || graph.consumers(tensor).length > 0;
    // Backwards: the nodes that only a dead node used are seen after it.
    for (const node of graph.sorted().reverse()) {
      if (node.output.some(used)) continue;
      graph.remove(node);
      count += 1;
    }
    for (const { name } of graph.initializers) {
      // One that is listed as an input belongs to the model's face.
      if (used(name) || !graph.initializer(name)) continue;
      graph.removeInitializer(name);
      count += 1;
    }
    return count;
  },
};
