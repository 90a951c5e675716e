// Small line drawings, 24 by 24; they decorate words and are silent for screen readers.
const PATHS = {
  fleet: 'M4 6h16M4 12h16M4 18h16M8 4v4M14 10v4M10 16v4',
  map: 'M12 21s7-6.2 7-11a7 7 0 1 0-14 0c0 4.8 7 11 7 11zM12 12.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  events: 'M3 12h3l2-6 3 13 3-16 3 12 1.5-3H21',
  alarms: 'M6 16v-5a6 6 0 1 1 12 0v5l1.5 2h-15zM10 21h4',
  rollouts: 'M12 3v12M7 8l5-5 5 5M4 15v5h16v-5',
  quarantine: 'M12 3l8 3v6c0 4.5-3.2 7.8-8 9-4.8-1.2-8-4.5-8-9V6zM9 9l6 6M15 9l-6 6',
  users:
    'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2.5 20c.6-3.6 3-5.5 6.5-5.500s5.9 1.9 6.5 5.500M16 4a4 4 0 0 1 0 7M17.5 14.800c2.3.600 3.6 2.3 4 5.2',
  webhooks:
    'M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.700 5.700L12 17',
  audit: 'M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg width="18" height="18" viewBox="0 0 24 24" aria-hidden="true">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.7"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** The ear: two arcs and where the sound comes from. */
export function Brand() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round">
        <path d="M14.5 27a12 12 0 1 1 11.5-12.5" />
        <path d="M14 20.500a6 6 0 1 1 6-6.2" />
        <path d="M21 21.500l7.5 7.5" />
      </g>
      <circle cx="14" cy="14.5" r="2" fill="currentColor" />
    </svg>
  );
}
