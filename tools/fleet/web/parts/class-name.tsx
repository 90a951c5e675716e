// The name of a sound class with its colour and mark.
import { lookOf } from '../base/classes.ts';
import { useIsDark } from '../base/theme.ts';

export function ClassName({ label }: { readonly label: string }) {
  return (
    <span class="class">
      <svg width="12" height="12" viewBox="-1.4 -1.4 2.8 2.8" aria-hidden="true">
        <ClassMark label={label} />
      </svg>
      <span class="clip">{label}</span>
    </span>
  );
}

/** The mark alone, around (0, 0), for drawings. */
export function ClassMark({ label, x = 0, y = 0, r = 1 }: { label: string; x?: number; y?: number; r?: number }) {
  const { colour, mark } = lookOf(label, useIsDark());
  if (mark.length === 0) return <circle cx={x} cy={y} r={r} fill={colour} />;
  const corners = mark.map((value, i) => (i % 2 === 0 ? x + r * value : y + r * value));
  return <polygon points={corners.join(' ')} fill={colour} />;
}
