// Colours of the pictures.

/** Greys of text, frames and grid on a light ground. */
export const INK = {
  ground: '#ffffff',
  panel: '#f7f8fa',
  frame: '#c9ced6',
  grid: '#e4e7ec',
  faint: '#687282',
  text: '#1f2733',
  alarm: '#d1242f',
} as const;

export { type ClassStyle, classStyle } from '../class-style.ts';
