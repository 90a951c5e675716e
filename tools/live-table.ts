// What is heard, as it is heard: a table that grows line by line, with what sounds now below it.
import { styleText } from 'node:util';
import { classLevel, type EventMessage } from '../runtime/uplink/topics.ts';
import { createLiveText } from './progress.ts';

type Style = Parameters<typeof styleText>[0];

const COLOURS: readonly Style[] = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'red', 'white'];
/** Seen from above, the front at the top of the screen; azimuth grows to the left. */
const ARROWS = ['↑', '↖', '←', '↙', '↓', '↘', '→', '↗'];
const CLASS_WIDTH = 13;
const BAR_WIDTH = 24;

export interface LiveTable {
  /** Prints the head of the table. */
  begin(): void;
  /** @param delayMs from the onset in the air to here; undefined where time is not real */
  add(message: EventMessage, delayMs?: number): void;
  /** @param streamSeconds sound heard, of totalSeconds */
  tick(streamSeconds: number, totalSeconds: number): void;
  finish(): void;
}

/** A table on standard output: in place in a terminal, plain lines elsewhere. */
export function createLiveTable(labels: readonly string[]): LiveTable {
  // Some terminals, such as that of a container without one attached, say that they have no rows.
  const isTerminal = process.stdout.isTTY === true && process.stdout.rows > 0;
  const live = isTerminal ? createLiveText(process.stdout) : undefined;
  const print = (line: string) => (live ? live.persist(line) : process.stdout.write(`${line}\n`));
  const paint = (style: Style, text: string) => (isTerminal && !process.env.NO_COLOR ? styleText(style, text) : text);
  const colourOf = (label: string) =>
    COLOURS[Math.max(0, labels.map(classLevel).indexOf(classLevel(label))) % COLOURS.length]!;
  const sounding = new Map<number, EventMessage>();

  return {
    begin() {
      print(paint('bold', '    time  class            azimuth  elevation  score  phase                 delay'));
    },
    add(message, delayMs) {
      if (message.phase === 'end') sounding.delete(message.track);
      else sounding.set(message.track, message);
      if (message.phase === 'update') return;
      const colour = colourOf(message.class);
      const isOnset = message.phase === 'new';
      const name = paint(colour, `${isOnset ? '●' : '○'} ${message.class.padEnd(CLASS_WIDTH)}`);
      const phase = isOnset ? 'onset' : `offset after ${(message.endSeconds - message.startSeconds).toFixed(1)} s`;
      const delay = isOnset && delayMs !== undefined ? `${(delayMs / 1000).toFixed(2)} s` : '';
      const line = `${moment(isOnset ? message.startSeconds : message.endSeconds)}  ${name}${where(message)}  ${phase.padEnd(19)} ${delay.padStart(7)}`;
      print(isOnset ? line : paint('dim', line));
    },
    tick(streamSeconds, totalSeconds) {
      if (!live) return;
      const now = [...sounding.values()].map(
        (message) =>
          `  ${paint(colourOf(message.class), `◉ ${message.class.padEnd(CLASS_WIDTH)}`)}${where(message)}  for ${(streamSeconds - message.startSeconds).toFixed(1)} s`,
      );
      const known = Number.isFinite(totalSeconds) && totalSeconds > 0;
      const filled = known ? Math.round((BAR_WIDTH * streamSeconds) / totalSeconds) : 0;
      const bar = known ? ` ${'━'.repeat(filled)}${paint('dim', '─'.repeat(BAR_WIDTH - filled))}` : '';
      live([...now, `${moment(streamSeconds)}${bar}${known ? ` ${moment(totalSeconds).trim()}` : ''}`].join('\n'));
    },
    finish() {
      live?.clear();
    },
  };
}

function where({ azimuth, elevation, score }: EventMessage): string {
  const arrow = ARROWS[((Math.round(azimuth / 45) % 8) + 8) % 8];
  return `${arrow} ${degrees(azimuth, 5)}  ${degrees(elevation, 8)}   ${score.toFixed(2)}`;
}

function degrees(angle: number, width: number): string {
  const rounded = Math.round(angle);
  return `${rounded === 0 ? 0 : rounded}°`.padStart(width);
}

/** 0:07.5 */
function moment(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const text = `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}`;
  return text.padStart(8);
}
