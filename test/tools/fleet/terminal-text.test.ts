// What a hostile device says, in a terminal: shown, never obeyed; tables stay straight.
import fc from 'fast-check';
import { fitted, printable, textWidth } from '../../../tools/fleet/terminal-text.ts';
import { ago, sparkline, tableLines } from '../../../tools/fleet/text-table.ts';

test('commands to the terminal, bidirectional overrides and invisible marks are shown as their codes', () => {
  expect(printable('\x1b[2J\x07\x9b31m')).toBe('\\x1b[2J\\x07\\x9b31m');
  expect(printable('a\u202egnp.exe')).toBe('a\\u{202e}gnp.exe');
  expect(printable('north\u200b\u2066\u{e0041}\r\n')).toBe('north\\u{200b}\\u{2066}\\u{e0041}\\x0d\\x0a');
  expect(printable('\ud800')).toBe('\\u{d800}');
  expect(printable('Straße 北 ✓ °')).toBe('Straße 北 ✓ °');
});

test('no text whatever leaves a control or a change of direction', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('cells have the width asked for, also with wide and combining marks', () => {
  expect(textWidth('北京e\u0301')).toBe(5);
  expect(fitted('北京', 6)).toBe('北京  ');
  expect(fitted('北京市', 4)).toBe('北… ');
  expect(fitted('12', 5, 'right')).toBe('   12');
  expect(fitted('abcdef', 4)).toBe('abc…');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 20 }), (text, width) => {
      expect(textWidth(fitted(printable(text), width))).toBe(width);
    }),
  );
});

test('a table is as wide as its cells, cut at the edge of the terminal', () => {
  const columns = [
    { title: 'NAME', of: (row: { name: string; n: number }) => row.name },
    { title: 'N', of: (row: { name: string; n: number }) => `${row.n}`, align: 'right' as const },
  ];
  const rows = [
    { name: 'a\x1b[31m', n: 7 },
    { name: 'yard/north', n: 1234 },
  ];
  expect(tableLines(columns, rows)).toEqual(['NAME           N', 'a\\x1b[31m      7', 'yard/north  1234']);
  expect(tableLines(columns, rows, 8)).toEqual(['NAME   …', 'a\\x1b[3…', 'yard/no…']);
});

test('moments and rows of values are told as people read them', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');
  expect(
    ['2026-11-23T10:00:09Z', '2026-11-23T09:59:48Z', '2026-11-23T09:30:00Z', '2026-11-20T10:00:00Z', null].map((t) =>
      ago(t, now),
    ),
  ).toEqual(['now', '12 s ago', '30 min ago', '3 d ago', '-']);
  expect(sparkline([1, 2, null, 8])).toBe('▁▂ █');
  expect(sparkline([5, 5])).toBe('▁▁');
});
