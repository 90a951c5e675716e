// Which sounds are worth a clip: rules by class, score and direction, each with what it may keep in a day.
import type { ClipRule } from '../clip-settings.ts';
import type { SoundEvent } from '../signals.ts';

/** A clip that a rule caused. */
export interface CountedClip {
  readonly rule: string;
  readonly seconds: number;
  /** Unix time in milliseconds. */
  readonly startMs: number;
}

interface Used {
  day: string;
  clips: number;
  seconds: number;
}

export type NamedRule = ClipRule & { readonly name: string };

/** A rule about a class that the model does not know: a mistake of the settings. */
export class ClipRuleError extends Error {
  override name = 'UserError';
}

/** The rules in their order; the first that fits a sound and has something left for today keeps it. */
export class ClipRules {
  readonly #rules: readonly NamedRule[];
  readonly #used = new Map<string, Used>();

  /** @throws ClipRuleError for a class the model does not know, or two rules of one name */
  constructor(rules: readonly ClipRule[], labels: readonly string[]) {
    this.#rules = rules.map((rule, i) => ({ ...rule, name: rule.name ?? `rule-${i + 1}` }));
    for (const { name, classes = [] } of this.#rules) {
      const unknown = classes.find((label) => !labels.includes(label));
      if (unknown !== undefined)
        throw new ClipRuleError(
          `clips.rules: ${name} wants the class "${unknown}", which the model does not know: it knows ${labels.join(', ')}.`,
        );
    }
    const names = this.#rules.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new ClipRuleError(`clips.rules: two rules are called ${twice}: rename one.`);
  }

  /** The rules that a sound fits, whatever they have left. */
  matching(event: Pick<SoundEvent, 'label' | 'score' | 'azimuth' | 'elevation'>): NamedRule[] {
    return this.#rules.filter(({ classes, minimumScore, sector }) => {
      if (classes && !classes.includes(event.label)) return false;
      if (event.score < minimumScore) return false;
      if (event.elevation < sector.elevation.from || event.elevation > sector.elevation.to) return false;
      return isInTurn(event.azimuth, sector.azimuth.from, sector.azimuth.to);
    });
  }

  /**
   * Whether a rule may begin another clip on the day of a moment. Its minutes may be exceeded by the clip that is being written.
   * @param planned clips of the rule that are not counted yet
   */
  hasLeft({ name, dailyClips, dailyMinutes }: NamedRule, atMs: number, planned = 0): boolean {
    const used = this.#usedOn(name, atMs);
    const clipsLeft = (dailyClips ?? Number.POSITIVE_INFINITY) - used.clips - planned;
    return clipsLeft > 0 && used.seconds < 60 * (dailyMinutes ?? Number.POSITIVE_INFINITY);
  }

  /** Counts a clip on the day it began; for those already in the folder too, so that a restart gives no second ration. */
  count({ rule, seconds, startMs }: CountedClip): void {
    const used = this.#usedOn(rule, startMs);
    used.clips += 1;
    used.seconds += seconds;
  }

  #usedOn(rule: string, atMs: number): Used {
    const day = new Date(atMs).toISOString().slice(0, 10);
    let used = this.#used.get(rule);
    if (used?.day !== day) {
      used = { day, clips: 0, seconds: 0 };
      this.#used.set(rule, used);
    }
    return used;
  }
}

/** Whether an azimuth lies counter-clockwise between two others; from 150 to -150 leads across the back. */
function isInTurn(azimuth: number, from: number, to: number): boolean {
  return from <= to ? azimuth >= from && azimuth <= to : azimuth >= from || azimuth <= to;
}
