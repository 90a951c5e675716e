// The state of a device: a word with a mark of its own shape, so that nobody needs the colour.
const LOOKS: Readonly<Record<string, { word: string; tone: string; shape: string }>> = {
  ready: { word: 'ready', tone: 'good', shape: 'M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z' },
  init: { word: 'starting', tone: 'accent', shape: 'M6 1a5 5 0 1 0 5 5H6z' },
  sleeping: { word: 'sleeping', tone: 'faint', shape: 'M8 1a5 5 0 1 0 3 8A4.5 4.5 0 0 1 8 1z' },
  disconnected: { word: 'switched off', tone: 'faint', shape: 'M2 2h8v8H2z' },
  lost: { word: 'lost', tone: 'bad', shape: 'M2 0l4 4 4-4 2 2-4 4 4 4-2 2-4-4-4 4-2-2 4-4-4-4z' },
  alert: { word: 'alert', tone: 'warn', shape: 'M6 0l6 11H0z' },
};
const UNKNOWN = { word: 'not known', tone: 'faint', shape: 'M1 5h10v2H1z' };

export function stateWord(state: string | null): string {
  return (LOOKS[state ?? ''] ?? UNKNOWN).word;
}

export function StateMark({ state }: { readonly state: string | null }) {
  const { tone, shape } = LOOKS[state ?? ''] ?? UNKNOWN;
  return (
    <svg class={tone} width="11" height="11" viewBox="0 0 12 12" aria-hidden="true">
      <path d={shape} fill="currentColor" />
    </svg>
  );
}

export function StateChip({ state }: { readonly state: string | null }) {
  return (
    <span class="chip">
      <StateMark state={state} />
      {stateWord(state)}
    </span>
  );
}
