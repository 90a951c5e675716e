// earshot fleet watch: the fleet as it is now, in a terminal, until Ctrl-C.
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { printJson } from '../command.ts';
import { onInterruption } from '../interruption.ts';
import { DEVICE_ORDERS, type DeviceFacts, deviceOrder, factsOf } from './device-facts.ts';
import { wholeNumber } from './event-options.ts';
import type { StoredEvent } from './event-search.ts';
import { EVENT_HEAD, eventLine } from './events.ts';
import { type FleetView, type ViewOptions, viewing, withViewOptions } from './fleet-view.ts';
import { Screen } from './screen.ts';
import { printable } from './terminal-text.ts';
import { afterKey, KEPT_EVENTS, type Picture, pictureLines } from './watch-picture.ts';

interface WatchOptions {
  readonly interval: string;
  readonly sort: string;
  readonly json?: boolean;
}

/** What a watcher does with what it learns. */
interface Watcher {
  devices(devices: readonly DeviceFacts[]): void;
  event(event: StoredEvent): void;
  trouble(message: string | null): void;
}

const REDRAW_MS = 1000;
/** Many events may come at once: what a person cannot read is not drawn. */
const SOONEST_MS = 100;

export function fleetWatchCommand(): Command {
  const command = new Command('watch')
    .summary('show devices and events as they are, until Ctrl-C')
    .option('--sort <order>', DEVICE_ORDERS.join(', '), 'name')
    .option('--interval <seconds>', 'between two looks at the devices', '2')
    .option('--json', 'print one JSON object per event and per device that changes');
  return withViewOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet watch\n  earshot fleet watch --sort faults\n' +
        '  earshot fleet watch --json | grep lost\n\nWithout a terminal it prints lines: events, and what changes of devices.',
    )
    .action((options: WatchOptions & ViewOptions) => viewing(options, (view) => watch(view, options)));
}

async function watch(view: FleetView, options: WatchOptions): Promise<void> {
  const ending = new AbortController();
  onInterruption(() => ending.abort());
  const seconds = wholeNumber('--interval', options.interval, 1, 3600);
  const order = deviceOrder(options.sort);
  const isScreen = !options.json && process.stdout.isTTY === true && process.stdout.rows > 0;
  const run = (watcher: Watcher) => learn(view, watcher, seconds * 1000, ending.signal);
  if (isScreen) await onScreen(order, ending, run);
  else await run(inLines(options.json ?? false));
}

/** Asks for devices again and again and follows the events, until the signal ends both. A hub that is away is waited for. */
async function learn(view: FleetView, watcher: Watcher, everyMs: number, signal: AbortSignal): Promise<void> {
  const rest = () => pause(everyMs, undefined, { signal }).catch(() => undefined);
  watcher.devices((await view.devices()).map(factsOf)); // a wrong address or token ends it at once
  const { events } = await view.events({}, { limit: KEPT_EVENTS });
  for (const event of events.reverse()) watcher.event(event);
  const tell = (error: unknown) => {
    if ((error as Error).name !== 'UserError') throw error;
    watcher.trouble((error as Error).message);
  };
  const looking = async () => {
    for (await rest(); !signal.aborted; await rest()) {
      await view
        .devices()
        .then((devices) => watcher.devices(devices.map(factsOf)))
        .then(() => watcher.trouble(null))
        .catch(tell);
    }
  };
  const following = async () => {
    while (!signal.aborted) {
      try {
        for await (const event of view.follow({}, signal)) watcher.event(event);
      } catch (error) {
        tell(error);
        await rest();
      }
    }
  };
  await Promise.all([looking(), following()]);
}

async function onScreen(
  order: Picture['order'],
  ending: AbortController,
  run: (watcher: Watcher) => Promise<void>,
): Promise<void> {
  let picture: Picture = { devices: [], events: [], order, isReversed: false, scroll: 0, trouble: null };
  const paints = !process.env.NO_COLOR;
  let drawing: NodeJS.Timeout | undefined;
  const draw = () => {
    clearTimeout(drawing);
    drawing = undefined;
    screen.draw(pictureLines(picture, screen.size, paints));
  };
  const soon = (change: Partial<Picture>) => {
    picture = { ...picture, ...change };
    drawing ??= setTimeout(draw, SOONEST_MS);
  };
  const onKey = (key: string) => {
    const next = afterKey(picture, key, screen.size);
    if (!next) return ending.abort();
    picture = next;
    draw();
  };
  const screen = new Screen(process.stdout, process.stdin, onKey, draw);
  const clock = setInterval(draw, REDRAW_MS);
  screen.enter();
  try {
    await run({
      devices: (devices) => soon({ devices }),
      event: (event) => soon({ events: [event, ...picture.events].slice(0, KEPT_EVENTS) }),
      trouble: (trouble) => soon({ trouble }),
    });
  } finally {
    clearInterval(clock);
    clearTimeout(drawing);
    screen.leave();
  }
}

/** For pipes and files: a line for each event and for each device whose state or faults change. */
function inLines(json: boolean): Watcher {
  const last = new Map<string, string>();
  let toldTrouble: string | null = null;
  if (!json) process.stdout.write(`${EVENT_HEAD}\n`);
  return {
    devices(devices) {
      for (const facts of devices) {
        const name = `${facts.site}/${facts.device}`;
        const words = [facts.state ?? '-', ...facts.faults].join(' ');
        if (last.get(name) === words) continue;
        last.set(name, words);
        if (json) printJson({ type: 'device', ...facts });
        else
          process.stdout.write(
            `${printable(`${new Date().toISOString().slice(0, 23).replace('T', ' ')}  ${name}  ${words}`)}\n`,
          );
      }
    },
    event: (event) => (json ? printJson({ type: 'event', ...event }) : process.stdout.write(`${eventLine(event)}\n`)),
    trouble(message) {
      if (message !== null && message !== toldTrouble) process.stderr.write(`${message}\n`);
      toldTrouble = message;
    },
  };
}
