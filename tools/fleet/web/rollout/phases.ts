// The phases of a device within a rollout, as the page shows them: a word, a tone, and their order in a bar.
import type { RolloutDevice, RolloutSummary } from '../base/answers.ts';

export type Phase = RolloutDevice['phase'];

export const PHASES: readonly { readonly phase: Phase; readonly word: string; readonly tone: string }[] = [
  { phase: 'done', word: 'done', tone: 'var(--good)' },
  { phase: 'proving', word: 'proving', tone: 'color-mix(in oklab, var(--good), var(--panel) 45%)' },
  { phase: 'working', word: 'working', tone: 'var(--accent)' },
  { phase: 'sent', word: 'sent', tone: 'color-mix(in oklab, var(--accent), var(--panel) 45%)' },
  { phase: 'silent', word: 'silent', tone: 'var(--warn)' },
  { phase: 'failed', word: 'failed', tone: 'var(--bad)' },
  { phase: 'excused', word: 'excused', tone: 'color-mix(in oklab, var(--bad), var(--panel) 45%)' },
  { phase: 'reverted', word: 'taken back', tone: 'var(--strong-line)' },
  { phase: 'out', word: 'taken out', tone: 'var(--strong-line)' },
  { phase: 'pending', word: 'waiting', tone: 'var(--line)' },
];

export type Counts = RolloutSummary['waves'][number];

export function totalOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + (count ?? 0), 0);
}

/** All waves as one. */
export function joined(waves: readonly Counts[]): Counts {
  const all: Counts = {};
  for (const wave of waves) {
    for (const { phase } of PHASES) if (wave[phase]) all[phase] = (all[phase] ?? 0) + wave[phase];
  }
  return all;
}

const STATUS_WORDS: Readonly<Record<RolloutSummary['status'], { readonly word: string; readonly tone: string }>> = {
  'awaiting-approval': { word: 'waits for approval', tone: 'warn' },
  running: { word: 'running', tone: '' },
  paused: { word: 'paused', tone: 'warn' },
  stopped: { word: 'stopped by itself', tone: 'bad' },
  aborted: { word: 'aborted', tone: 'bad' },
  done: { word: 'done', tone: '' },
};

export function statusWord(status: RolloutSummary['status']): { readonly word: string; readonly tone: string } {
  return STATUS_WORDS[status];
}
