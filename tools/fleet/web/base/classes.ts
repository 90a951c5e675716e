// The colour and mark of each class: by its place among all classes that the fleet's models know, as in the project's pictures.
import { classStyle } from '../../../class-style.ts';

const known = new Map<string, number>();
/** Ground of the panels in both themes, as relative luminance (WCAG 2.2). */
const LUMINANCE = { light: 1, dark: luminance([25, 31, 39]) };
/** WCAG asks 3 of graphical objects; thin lines on a dark ground need more to be told apart. */
const LEAST_CONTRAST = { light: 3, dark: 4.5 };

/** Gives classes their places; those that have one keep it. */
export function learnClasses(labels: readonly string[]): void {
  for (const label of labels) if (!known.has(label)) known.set(label, known.size);
}

export function knownClasses(): string[] {
  return [...known.keys()];
}

/** Of a class seen for the first time: the next place. */
export function lookOf(label: string, isDark: boolean): { colour: string; mark: readonly number[] } {
  learnClasses([label]);
  const { colour, mark } = classStyle(known.get(label)!);
  return { colour: readable(colour, isDark), mark };
}

const mixed = new Map<string, string>();

/** The colour itself, or mixed with white (black) until it stands out from a dark (light) ground. */
function readable(hex: string, isDark: boolean): string {
  const key = `${hex} ${isDark}`;
  const found = mixed.get(key);
  if (found) return found;
  const from = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  const towards = isDark ? 255 : 0;
  const ground = isDark ? LUMINANCE.dark : LUMINANCE.light;
  const least = isDark ? LEAST_CONTRAST.dark : LEAST_CONTRAST.light;
  let colour = from;
  for (let share = 0.02; contrast(luminance(colour), ground) < least && share < 1; share += 0.02) {
    colour = from.map((value) => Math.round(value + share * (towards - value)));
  }
  const result = `rgb(${colour.join(' ')})`;
  mixed.set(key, result);
  return result;
}

/** Relative luminance of sRGB 0..255 (WCAG 2.2). */
function luminance(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: number, b: number): number {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
