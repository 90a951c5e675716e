// fleet watch: on a real pseudo terminal with the real database, given back clean; as lines into a pipe; drawn sparingly.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WriteStream } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import type { DeviceFacts } from '../../../tools/fleet/device-facts.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { Screen } from '../../../tools/fleet/screen.ts';
import { textWidth } from '../../../tools/fleet/terminal-text.ts';
import { afterKey, deviceRows, type Picture, pictureLines } from '../../../tools/fleet/watch-picture.ts';
import { fillFleet, fleetEvent } from './fleet-data.ts';

const CLI = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));
const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

/** What a terminal of this size shows after the bytes: just the commands that a Screen sends. */
function shown(text: string, columns: number, rows: number): string[] {
  const cells = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '));
  let [row, column] = [0, 0];
  for (const piece of text.split('\x1b[').slice(1)) {
    const [, csi, marks] = /^([?0-9;]*[A-Za-z])([\s\S]*)$/.exec(piece)!;
    if (csi!.endsWith('H'))
      [row, column] = csi!
        .slice(0, -1)
        .split(';')
        .map((n) => Number(n) - 1) as [number, number];
    else if (csi === 'K') cells[row]!.fill(' ', column);
    else if (csi === '2J') for (const line of cells) line.fill(' ');
    for (const mark of marks!) {
      if (mark < ' ') continue;
      if (row < rows && column < columns) cells[row]![column] = mark;
      column += textWidth(mark);
    }
  }
  return cells.map((line) => line.join('').trimEnd());
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-watch-'));
  const database: Database = await openDatabase(folder);
  await migrate(database);
  await fillFleet(database);
  await database.close();
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  output: string;
  until(what: RegExp): Promise<void>;
  ended: Promise<number | null>;
}

function start(program: string, args: readonly string[]): Run {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const run: Run = {
    ...{ child, output: '' },
    async until(what) {
      while (!what.test(run.output)) {
        if (child.exitCode !== null) throw new Error(`ended before ${what}: ${run.output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    ended: new Promise((resolve) => child.once('exit', resolve)),
  };
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (bytes) => (run.output += bytes));
  return run;
}

test('in a terminal it shows devices and events, hostile ones harmlessly, and leaves it clean at Ctrl-C', async () => {
  const command = `stty cols 110 rows 20; exec '${process.execPath}' '${CLI}' fleet watch --database '${folder}'`;
  const run = start('script', ['-qec', command, '/dev/null']);
  await run.until(/yard\/north[\s\S]*siren/);
  const picture = shown(run.output.slice(run.output.indexOf(ENTER)), 110, 20);
  expect(picture[0]).toMatch(/\d\d:\d\d:\d\d {2}3 devices {2}· {2}2 ready {2}· {2}1 lost {2}· {2}1 with faults/);
  expect(picture[1]).toMatch(/^DEVICE +STATE/);
  expect(picture[3]).toMatch(/^yard\/north +ready .*microphone-lost$/);
  expect(picture[4]).toContain('\\x1b]0;owned\\x07');
  expect(run.output).not.toContain('\x1b]0;owned');
  expect(picture.some((line) => /yard\/north +(siren|door) +end/.test(line))).toBe(true);
  run.child.stdin!.write('\x03');
  await run.ended;
  expect(run.output.lastIndexOf(LEAVE)).toBeGreaterThan(run.output.lastIndexOf(ENTER));
  expect(run.output).toContain('\x1b[?25h');
  expect(run.output.slice(run.output.lastIndexOf(LEAVE) + LEAVE.length).trim()).toBe('');
}, 60_000);

test('in a pipe it prints lines and ends at the first signal', async () => {
  const run = start(process.execPath, [CLI, 'fleet', 'watch', '--json', '--database', folder]);
  await run.until(/"type":"event"[\s\S]*\n/);
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(0);
  const lines = run.output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ type }) => type === 'device').map(({ device }) => device)).toEqual(['east', 'north', 'south']);
  expect(lines.filter(({ type }) => type === 'event')).toHaveLength(50);
}, 60_000);

const fleet = (count: number): DeviceFacts[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ site: 'yard', device: `d${String(i).padStart(4, '0')}`, state: i % 10 ? 'ready' : 'lost', version: '1' },
    ...{ lastSeen: new Date().toISOString(), model: 'office-foa', backend: 'cuda', celsius: i, levelDbfs: -20 },
    ...{ queued: 0, faults: [] },
  }));
const at = (more: Partial<Picture>): Picture => ({
  ...{ devices: fleet(1000), events: [], order: 'name', isReversed: false, scroll: 0, trouble: null, ...more },
});

test('of a thousand devices one page is shown; keys scroll, sort and leave', () => {
  const size = { columns: 90, rows: 30 };
  const picture = at({ events: [{ ...fleetEvent('yard', 'd1', 1), received: '' }] });
  const lines = pictureLines(picture, size, false);
  expect(lines).toHaveLength(30);
  expect(Math.max(...lines.map(textWidth))).toBe(90);
  const page = deviceRows(size);
  expect(lines[2]).toMatch(/^yard\/d0000/);
  expect(lines[2 + page - 1]).toContain(`yard/d00${page - 1}`);
  const press = (...keys: string[]) => keys.reduce<Picture>((now, key) => afterKey(now, key, size)!, picture);
  expect(press('\x1b[6~', '\x1b[B').scroll).toBe(page + 1);
  expect(press('\x1b[A').scroll).toBe(0);
  expect(press(...new Array(200).fill('\x1b[6~')).scroll).toBe(1000 - page);
  expect(pictureLines(press('s', 's', 's', 's'), size, false)[2]).toMatch(/^yard\/d0999/);
  expect(press('r').isReversed).toBe(true);
  expect([afterKey(picture, 'q', size), afterKey(picture, '\x03', size)]).toEqual([undefined, undefined]);
  for (const rows of [1, 3, 6]) expect(pictureLines(picture, { columns: 10, rows }, true)).toHaveLength(rows);
});

class FakeTerminal extends EventEmitter {
  columns = 40;
  rows = 5;
  written = '';
  write(text: string): boolean {
    this.written += text;
    return true;
  }
  take(): string {
    const text = this.written;
    this.written = '';
    return text;
  }
}

test('only lines that changed are drawn, all of them after a change of size', () => {
  const terminal = new FakeTerminal();
  let resized = 0;
  const screen = new Screen(
    terminal as unknown as WriteStream,
    undefined,
    () => undefined,
    () => {
      resized += 1;
    },
  );
  screen.enter();
  screen.draw(['one', 'two', 'three']);
  terminal.take();
  screen.draw(['one', '2', 'three']);
  const update = terminal.take();
  expect(update).toContain('2');
  expect(update).not.toMatch(/one|three/);
  screen.draw(['one', '2', 'three']);
  expect(terminal.take()).toBe('');
  terminal.rows = 3;
  terminal.emit('resize');
  expect(resized).toBe(1);
  screen.draw(['one', '2', 'three']);
  expect(terminal.take()).toMatch(/one[\s\S]*2[\s\S]*three/);
  screen.leave();
  expect(terminal.take()).toContain(LEAVE);
  expect(terminal.listenerCount('resize')).toBe(0);
});
