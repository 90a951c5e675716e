// What a serial console shows, made plain: without colours, cursor moves, line drawing, and what the kernel says in between.

/** Escape sequences of terminals: CSI, OSC, choice of character set, and single ones (ECMA-48; VT100 for the sets). */
const ESC = String.fromCharCode(0x1b);
const BEL = String.fromCharCode(0x07);
const KINDS = ['\\[[0-?]*[ -/]*[@-~]', `\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)`, '[()*+][0-9A-Za-z]', '[ -/]*[0-~]'];
const ESCAPES = new RegExp(`${ESC}(?:${KINDS.join('|')})`, 'g');
const TAB_OR_LINE_END = '\\t\\n';
/** Control characters but tab and line end. */
const CONTROLS = new RegExp(`(?![${TAB_OR_LINE_END}])\\p{Cc}`, 'gu');
/** Box drawing and blocks, which newt draws its pages with (U+2500..U+259F). */
const DRAWING = /[\u2500-\u259f]/g;
/** '[   12.345678] usb 1-1: new device', up to its line end: printk with time, also with <level> or the caller's number. */
const KERNEL = /(?:<\d{1,2}>)?\[\s{0,5}\d{1,6}\.\d{6}\](?:\[\s*[TC]\d+\])? [^\n]*(?:\n|$)/g;

/** A text as a person would read it: no escape sequences, line ends as \n. */
export function plainText(raw: string): string {
  return raw
    .replace(ESCAPES, '')
    .replace(/\r+\n/g, '\n')
    .replace(/\r/g, '\n')
    .replace(CONTROLS, '')
    .replace(DRAWING, ' ');
}

/** Without the lines of the kernel, also where one begins in the middle of a prompt. */
export function withoutKernel(text: string): string {
  return text.replace(KERNEL, '');
}
