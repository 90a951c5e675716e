// Which stretches of the stream are to be kept: windows around sounds that grow and merge, marks, continuous recordings.
import type { SoundEvent } from '../signals.ts';
import type { ClipDetection } from './clips-sidecar.ts';

export type ClipReason = 'rule' | 'mark' | 'continuous';

/** One clip to be, from its cause to its end. Positions are indices of the stream. */
export interface Plan {
  readonly reason: ClipReason;
  readonly rule: string | null;
  note: string | null;
  from: number;
  /** Moves on while its sounds go on. */
  until: number;
  /** The sounds it was made for that have not ended. */
  readonly going: Set<number>;
  /** True once samples of it were taken: it cannot begin earlier any more. */
  begun: boolean;
}

export interface PlanSettings {
  readonly sampleRate: number;
  readonly preRollSeconds: number;
  readonly postRollSeconds: number;
  readonly maximumSeconds: number;
}

/** The clips to be, in the order of their beginnings; the first is the one being written. */
export class Plans {
  readonly #settings: PlanSettings;
  #plans: Plan[] = [];

  constructor(settings: PlanSettings) {
    this.#settings = settings;
  }

  get first(): Plan | undefined {
    return this.#plans[0];
  }

  get length(): number {
    return this.#plans.length;
  }

  /** Clips of a rule that are planned or being written. */
  countOf(rule: string): number {
    return this.#plans.filter((plan) => plan.rule === rule).length;
  }

  /** Whether a sound would be joined to a planned clip. */
  touches({ startSeconds, endSeconds }: SoundEvent): boolean {
    const from = (startSeconds - this.#settings.preRollSeconds) * this.#settings.sampleRate;
    return this.#plans.some((plan) => from <= plan.until && this.#end(endSeconds) >= plan.from);
  }

  /** The first is done, or given up. */
  shift(): void {
    this.#plans.shift();
  }

  clear(): void {
    this.#plans = [];
  }

  /** Nothing follows: what still goes on ends with what has been heard. */
  endAll(): void {
    for (const plan of this.#plans) plan.going.clear();
  }

  /** Keeps a sound that fits a rule; one that overlaps a planned clip is joined to it. */
  keepSound(event: SoundEvent, rule: string): void {
    this.#keep('rule', rule, null, event.startSeconds, event.endSeconds, event);
  }

  /** Keeps the present with its pre-roll. */
  keepMark(atSeconds: number, seconds: number, note: string | null): void {
    this.#keep('mark', null, note, atSeconds, atSeconds + seconds, undefined);
  }

  /** A sound that clips wait for goes on or has ended. */
  follow({ trackId, phase, endSeconds }: SoundEvent): void {
    for (const plan of this.#plans) {
      if (!plan.going.has(trackId)) continue;
      plan.until = Math.min(Math.max(plan.until, this.#end(endSeconds)), this.#latestEnd(plan));
      if (phase === 'offset') plan.going.delete(trackId);
    }
  }

  /** Whether a plan can become no longer. */
  isSettled(plan: Plan): boolean {
    return plan.going.size === 0 || plan.until >= this.#latestEnd(plan);
  }

  #keep(
    reason: ClipReason,
    rule: string | null,
    note: string | null,
    startSeconds: number,
    endSeconds: number,
    event: SoundEvent | undefined,
  ): void {
    const { sampleRate, preRollSeconds } = this.#settings;
    let from = Math.max(0, Math.round((startSeconds - preRollSeconds) * sampleRate));
    const until = this.#end(endSeconds);
    const goesOn = event && event.phase !== 'offset';
    for (const plan of this.#plans) {
      if (from > plan.until || until < plan.from) continue;
      if (!plan.begun && from < plan.from && plan.until - from <= this.#maximum) plan.from = from;
      plan.until = Math.min(Math.max(plan.until, until), this.#latestEnd(plan));
      plan.note ??= note;
      if (goesOn) plan.going.add(event.trackId);
      if (plan.until >= until) return;
      from = Math.max(from, plan.until); // what the longest clip cannot hold is the next one
    }
    const plan: Plan = { reason, rule, note, from, until, going: new Set(), begun: false };
    if (goesOn) plan.going.add(event.trackId);
    plan.until = Math.min(plan.until, this.#latestEnd(plan));
    this.#plans.push(plan);
    this.#plans.sort((a, b) => Number(b.begun) - Number(a.begun) || a.from - b.from);
  }

  get #maximum(): number {
    return Math.round(this.#settings.maximumSeconds * this.#settings.sampleRate);
  }

  #latestEnd({ from }: Plan): number {
    return from + this.#maximum;
  }

  #end(endSeconds: number): number {
    return Math.round((endSeconds + this.#settings.postRollSeconds) * this.#settings.sampleRate);
  }
}

/** What a sidecar says of a sound. */
export function detectionOf({
  trackId,
  label,
  score,
  azimuth,
  elevation,
  startSeconds,
  endSeconds,
}: SoundEvent): ClipDetection {
  return { track: trackId, class: label, score, azimuth, elevation, startSeconds, endSeconds };
}
