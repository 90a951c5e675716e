// Text as outlines: the pictures look the same on a bare machine that has no fonts at all. The one door to opentype.js.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype, { type Font } from 'opentype.js';
import { element } from './svg.ts';
import { INK } from './theme.ts';

export type Weight = 'regular' | 'strong';

const FILES: Record<Weight, string> = {
  regular: '@fontsource/inter/files/inter-latin-400-normal.woff',
  strong: '@fontsource/inter/files/inter-latin-600-normal.woff',
};
const require = createRequire(import.meta.url);
const loaded = new Map<Weight, Font>();

function font(weight: Weight): Font {
  let found = loaded.get(weight);
  if (!found) {
    const bytes = readFileSync(require.resolve(FILES[weight]));
    found = opentype.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    loaded.set(weight, found);
  }
  return found;
}

export interface Lettering {
  /** Height of the type in pixels; 12 unless told. */
  size?: number;
  weight?: Weight;
  colour?: string;
  anchor?: 'start' | 'middle' | 'end';
}

/**
 * Outlines of a line of text that begins at (x, y), and its width in pixels. Glyph by glyph with kerning, because
 * opentype.js refuses the typeface's ligature tables.
 */
function setLine(content: string, x: number, y: number, size: number, weight: Weight) {
  const face = font(weight);
  const pixelsPerUnit = size / face.unitsPerEm;
  const glyphs = [...content].map((character) => face.charToGlyph(character));
  const outlines: string[] = [];
  let at = 0;
  glyphs.forEach((glyph, i) => {
    if (i > 0) at += face.getKerningValue(glyphs[i - 1]!, glyph);
    outlines.push(glyph.getPath(x + at * pixelsPerUnit, y, size).toPathData(2));
    at += glyph.advanceWidth ?? 0;
  });
  return { outline: outlines.join(''), width: at * pixelsPerUnit };
}

/** Width in pixels that a text will take. */
export function textWidth(content: string, { size = 12, weight = 'regular' }: Lettering = {}): number {
  return setLine(content, 0, 0, size, weight).width;
}

/** A text whose baseline lies at y; x is its start, middle or end, as anchor says. */
export function text(x: number, y: number, content: string, lettering: Lettering = {}): string {
  const { size = 12, weight = 'regular', colour = INK.text, anchor = 'start' } = lettering;
  const shift = anchor === 'start' ? 0 : textWidth(content, lettering) * (anchor === 'middle' ? 0.5 : 1);
  const { outline } = setLine(content, x - shift, y, size, weight);
  return element('path', { d: outline, fill: colour, 'aria-label': content });
}
