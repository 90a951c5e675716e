// The page for users says of the boards what their profiles say.
import { readFileSync } from 'node:fs';
import { boardModules } from '../../boards/board.ts';
import { faultIn } from '../../tools/board/flash-faults.ts';
import { boardTable } from '../../tools/board/show.ts';

const page = readFileSync(new URL('../../docs/boards.md', import.meta.url), 'utf8');

test('docs/boards.md has the table that "earshot board show --table" prints', () => {
  const table = /<!-- the table of .*-->\n([\s\S]*?)\n<!-- end of the table -->/.exec(page)?.[1];
  expect(table?.trim()).toBe(boardTable());
  expect(table!.trim().split('\n')).toHaveLength(boardModules().length + 2);
});

test('what the page says of the tools is what flash recognises', () => {
  const quoted = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
  const lines = quoted.filter((line) => !boardModules().some(({ module }) => module.name === line));
  expect(lines.length).toBeGreaterThan(6);
  expect(lines.filter((line) => faultIn(line) === undefined)).toEqual([]);
});

test('USB ids of the page are those of the profiles', () => {
  const known = boardModules().flatMap(({ board, module }) => [
    ...[...module.recoveryUsb, ...board.usb.gadget, ...board.usb.flashing],
    ...board.consoles.flatMap(({ usb }) => usb ?? []),
  ]);
  const named = [...page.matchAll(/\b0955:[0-9a-f]{4}\b/g)].map((match) => match[0]);
  expect(named.filter((id) => !known.includes(id))).toEqual([]);
});
