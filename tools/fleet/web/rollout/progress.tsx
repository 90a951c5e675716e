// How far the devices of a rollout, or of one wave, are: a bar of phases, and the same in words.
import { type Counts, PHASES, totalOf } from './phases.ts';

export function Progress({ counts }: { readonly counts: Counts }) {
  const total = totalOf(counts);
  const shown = PHASES.filter(({ phase }) => (counts[phase] ?? 0) > 0);
  return (
    <div class="rollout-progress">
      <div class="progress" aria-hidden="true">
        {shown.map(({ phase, tone }) => (
          <div key={phase} style={{ width: `${(100 * counts[phase]!) / total}%`, background: tone }} />
        ))}
      </div>
      <span class="small faint">
        {shown.map(({ phase, word }) => `${counts[phase]} ${word}`).join(', ') || 'no device'}
      </span>
    </div>
  );
}
