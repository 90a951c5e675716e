// Colours for amounts: one hue from light to dark, as equal in lightness steps as readers can tell (after ColorBrewer's "Blues" and "Oranges").

const RAMPS = {
  blue: ['#f3f7fc', '#d9e7f5', '#b3d0ea', '#7fb2da', '#4a8fc4', '#2469a6', '#12457c', '#0b2c55'].map(channels),
  orange: ['#fff8f2', '#fee7d2', '#fdcfa6', '#fdae6f', '#f58a3e', '#dc6414', '#b04a08', '#7f3206'].map(channels),
};

/** Colour of an amount 0..1; what lies outside takes the nearest end. */
export function rampColour(share: number, hue: keyof typeof RAMPS = 'blue'): string {
  const stops = RAMPS[hue];
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  const mixed = stops[below]!.map((value, c) => value + (place - below) * (stops[below + 1]![c]! - value));
  return `#${mixed.map((value) => Math.round(value).toString(16).padStart(2, '0')).join('')}`;
}

/** Colour of letters that can be read on the ramp's colour of that amount. */
export function letterColour(share: number): string {
  return share > 0.6 ? '#ffffff' : '#1f2733';
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
