// How loud each channel is: root mean square as a bar, the highest sample as a line, in decibels below full scale.
const FLOOR_DB = -90;
const TICKS = [-90, -60, -30, -12, 0];

interface LevelMetersProps {
  readonly names: readonly string[];
  readonly levelsDbfs: readonly number[];
  readonly peaksDbfs?: readonly number[] | undefined;
}

/** W Y Z X of ambisonics in ACN order, else numbers from 1. */
export function channelNames(format: string | undefined, count: number): string[] {
  if (format === 'foa' && count === 4) return ['W', 'Y', 'Z', 'X'];
  return Array.from({ length: count }, (_, i) => String(i + 1));
}

export function LevelMeters({ names, levelsDbfs, peaksDbfs }: LevelMetersProps) {
  return (
    <div class="meters">
      {levelsDbfs.map((level, i) => (
        <Meter key={names[i] ?? i} name={names[i] ?? String(i + 1)} level={level} peak={peaksDbfs?.[i]} />
      ))}
      <div class="meter-scale" aria-hidden="true">
        {TICKS.map((tick) => (
          <span key={tick} style={{ left: `${100 * share(tick)}%` }}>
            {tick === 0 ? '0 dBFS' : String(tick).replace('-', '−')}
          </span>
        ))}
      </div>
    </div>
  );
}

function Meter({ name, level, peak }: { name: string; level: number; peak: number | undefined }) {
  const isClipped = peak !== undefined && peak >= -0.1;
  return (
    <div class="meter">
      <span class="meter-name">{name}</span>
      <div
        class="meter-bar"
        role="meter"
        aria-label={`channel ${name}`}
        aria-valuemin={FLOOR_DB}
        aria-valuemax={0}
        aria-valuenow={Math.round(level)}
        aria-valuetext={`${Math.round(level)} decibels below full scale${isClipped ? ', clipped' : ''}`}
      >
        <div class="meter-fill" style={{ width: `${100 * share(level)}%` }} />
        {peak !== undefined && (
          <div class={isClipped ? 'meter-peak clipped' : 'meter-peak'} style={{ left: `${100 * share(peak)}%` }} />
        )}
      </div>
      <span class="meter-value">{level <= FLOOR_DB ? 'silent' : `${level.toFixed(1).replace('-', '−')} dB`}</span>
    </div>
  );
}

function share(decibels: number): number {
  return Math.min(1, Math.max(0, 1 - decibels / FLOOR_DB));
}
