// The title of a picture, the line under it, and the headings of its panels: the same in all pictures of scores.
import { text, textWidth } from './lettering.ts';
import { INK } from './theme.ts';

/** Height that title and note take at the top. */
export const HEAD_HEIGHT = 78;

/** Title and the line under it, the title made smaller where it would not fit. */
export function drawHead(left: number, width: number, title: string, note: string): string {
  const weight = 'strong';
  const size = Math.min(21, (21 * width) / Math.max(1, textWidth(title, { size: 21, weight })));
  return text(left, 36, title, { size, weight }) + text(left, 60, note, { size: 13.5, colour: INK.faint });
}

/** Name of a panel in strong letters and what else is to be said in faint ones; y is the base line. */
export function drawHeading(x: number, y: number, name: string, note = ''): string {
  const strong = { size: 13, weight: 'strong' } as const;
  return text(x, y, name, strong) + text(x + textWidth(name, strong) + 7, y, note, { size: 12, colour: INK.faint });
}
