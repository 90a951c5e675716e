// Text of strangers in a terminal: what a device says of itself may hold commands to the terminal, and must not reach it as such.

/** Controls, directions, invisible and unassigned marks: what a terminal acts on, or what makes two names look alike. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const COMBINING = /^[\p{Mn}\p{Me}]$/u;
/** Scripts and pictures that terminals draw two columns wide (Unicode Standard Annex 11). */
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]$/u;

/** The text with everything that a terminal would obey shown as its code: ESC becomes \x1b, a bidirectional override \u{202e}. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (mark) => {
    const code = mark.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** Columns that printable text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const mark of text) width += markWidth(mark);
  return width;
}

/** Printable text in exactly so many columns: filled with spaces, or cut with an ellipsis. */
export function fitted(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const own = textWidth(text);
  if (own <= width) return align === 'left' ? text + ' '.repeat(width - own) : ' '.repeat(width - own) + text;
  if (width <= 0) return '';
  let cut = '';
  let used = 0;
  for (const mark of text) {
    if (used + markWidth(mark) > width - 1) break;
    cut += mark;
    used += markWidth(mark);
  }
  return `${cut}…${' '.repeat(width - 1 - used)}`;
}

function markWidth(mark: string): number {
  if (mark.charCodeAt(0) < 0x300) return 1;
  if (COMBINING.test(mark)) return 0;
  return WIDE.test(mark) ? 2 : 1;
}
