// Events over time, one lane for each class; each sound is one bar from its onset to its end.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { EventAnswer } from '../base/answers.ts';
import { lookOf } from '../base/classes.ts';
import { soundsOf } from '../base/sounds.ts';
import { useIsDark } from '../base/theme.ts';
import { clockTime, counted, localTime } from '../base/words.ts';
import { ClassMark } from '../parts/class-name.tsx';

interface TimelineProps {
  readonly events: readonly EventAnswer[];
  readonly fromMs: number;
  readonly toMs: number;
}

const LANE = 26;
const NAMES = 112;
const FOOT = 22;
const TICKS = 5;

export function Timeline({ events, fromMs, toMs }: TimelineProps) {
  const box = useRef<SVGSVGElement>(null);
  const isDark = useIsDark();
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    watcher.observe(box.current!);
    return () => watcher.disconnect();
  }, []);
  const lanes = lanesOf(events);
  const x = (ms: number) => NAMES + (Math.max(0, ms - fromMs) / (toMs - fromMs)) * Math.max(0, width - NAMES - 8);
  const height = LANE * lanes.length + FOOT;
  return (
    <svg ref={box} class="timeline" height={height} role="img" aria-label={spoken(lanes)}>
      {Array.from({ length: TICKS }, (_, i) => fromMs + (i / (TICKS - 1)) * (toMs - fromMs)).map((ms, i) => (
        <g key={i}>
          <line x1={x(ms)} x2={x(ms)} y1={0} y2={height - FOOT} />
          <text x={x(ms)} y={height - 5} text-anchor={i === 0 ? 'start' : i === TICKS - 1 ? 'end' : 'middle'}>
            {clockTime(new Date(ms))}
          </text>
        </g>
      ))}
      {lanes.map(({ label, sounds }, lane) => (
        <g key={label}>
          <ClassMark label={label} x={8} y={LANE * lane + LANE / 2} r={5} />
          <text class="lane-name" x={20} y={LANE * lane + LANE / 2 + 4}>
            {label.length > 14 ? `${label.slice(0, 13)}…` : label}
          </text>
          {sounds.map((sound) => {
            const left = x(Date.parse(sound.startTime));
            return (
              <rect
                key={`${sound.bootId}/${sound.track}`}
                x={left}
                y={LANE * lane + 5}
                width={Math.max(3, x(Date.parse(sound.endTime)) - left)}
                height={LANE - 10}
                rx={2}
                fill={lookOf(label, isDark).colour}
                fill-opacity={0.35 + 0.65 * sound.score}
              >
                <title>{`${label}, ${localTime(sound.startTime)}, score ${sound.score.toFixed(2)}`}</title>
              </rect>
            );
          })}
        </g>
      ))}
    </svg>
  );
}

interface Lane {
  readonly label: string;
  readonly sounds: readonly EventAnswer[];
}

/** By class, the newest message of each sound; the most frequent class first. */
function lanesOf(events: readonly EventAnswer[]): Lane[] {
  const lanes = Map.groupBy(soundsOf(events), (event) => event.class);
  return [...lanes].map(([label, sounds]) => ({ label, sounds })).sort((a, b) => b.sounds.length - a.sounds.length);
}

function spoken(lanes: readonly Lane[]): string {
  return `Timeline: ${lanes.map(({ label, sounds }) => `${label}, ${counted(sounds.length, 'sound')}`).join('; ')}.`;
}
