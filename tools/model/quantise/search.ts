// Mixed precision under a budget: as many layers in integers as the task's own scores allow.

/** A model with some layers left float, and whether it keeps the budget. */
export interface Trial {
  readonly floatLayers: readonly string[];
  readonly within: boolean;
}

/**
 * Finds the shortest beginning of a list of layers that must stay float, by halving: some five trials for twenty layers.
 * Leaving more of the worst layers float never costs scores but for chance, which halving takes as it comes.
 * @param order layers that gain most from staying float first
 * @param judge tries one; may answer from memory
 * @returns the trial that keeps the budget with the most layers in integers; undefined when not even the float model does
 */
export async function searchWithinBudget<T extends Trial>(
  order: readonly string[],
  judge: (floatLayers: readonly string[]) => Promise<T>,
): Promise<T | undefined> {
  const first = await judge([]);
  if (first.within) return first;
  let [failing, kept] = [0, order.length];
  let best: T | undefined;
  while (kept - failing > 1) {
    const middle = Math.floor((failing + kept) / 2);
    const trial = await judge(order.slice(0, middle));
    if (trial.within) [kept, best] = [middle, trial];
    else failing = middle;
  }
  if (best) return best;
  const last = await judge(order);
  return last.within ? last : undefined;
}
