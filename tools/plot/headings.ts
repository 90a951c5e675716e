// The title of a picture, the line under it, and the headings of its panels: the same in all pictures of scores.
import { text, textWidth } from './lettering.ts';
import { INK } from './theme.ts';

/** Height that title and note take at the top. */
export const HEAD_HEIGHT = 78;

/** Title and the line under it, made smaller where they would not fit. */
export function drawHead(left: number, width: number, title: string, note: string): string {
  const fitting = (content: string, size: number, weight: 'strong' | 'regular') =>
    Math.min(size, (size * width) / Math.max(1, textWidth(content, { size, weight })));
  return (
    text(left, 36, title, { size: fitting(title, 21, 'strong'), weight: 'strong' }) +
    text(left, 60, note, { size: fitting(note, 13.5, 'regular'), colour: INK.faint })
  );
}

/** Name of a panel in strong letters and what else is to be said in faint ones; y is the base line. */
export function drawHeading(x: number, y: number, name: string, note = ''): string {
  const strong = { size: 13, weight: 'strong' } as const;
  return text(x, y, name, strong) + text(x + textWidth(name, strong) + 7, y, note, { size: 12, colour: INK.faint });
}
