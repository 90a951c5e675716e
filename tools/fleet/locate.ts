// earshot fleet locate: places on the map where several devices heard the same sound, from their recorded events.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { decode, type EventMessage, encode } from '../../runtime/uplink/topics.ts';
import { printJson, UserError } from '../command.ts';
import { DEFAULT_SIGMAS, isPlaced, onMap, type PlacedEvent } from './heard-events.ts';
import { LocalPlane } from './local-plane.ts';
import { DEFAULT_SOURCE_OPTIONS, type LocatedSource, locateSources, type SourceOptions } from './sources.ts';

interface LocateOptions {
  readonly bearingSigma: string;
  readonly headingSigma: string;
  readonly positionSigma: string;
  readonly onsetTolerance: string;
  readonly maximumRange: string;
  readonly maximumEllipse: string;
  readonly json?: boolean;
}

export function fleetLocateCommand(): Command {
  const { onsetToleranceMs, maximumRangeMetres, maximumSemiMajorMetres } = DEFAULT_SOURCE_OPTIONS;
  return new Command('locate')
    .summary('where several devices heard the same sound, from recorded events')
    .description(
      'Reads event messages, one JSON object per line, and crosses the bearings of devices that heard the same class at the\n' +
        'same time. Each place comes with the ellipse that holds it with 95 % probability. Devices need a position and a heading.',
    )
    .argument('<events>', 'file of event messages, JSON lines, as "mosquitto_sub -t seld/v1/+/+/event/+" prints them')
    .option(
      '--bearing-sigma <degrees>',
      "standard deviation of the model's directions",
      `${DEFAULT_SIGMAS.bearingDegrees}`,
    )
    .option(
      '--heading-sigma <degrees>',
      "standard deviation of the devices' headings",
      `${DEFAULT_SIGMAS.headingDegrees}`,
    )
    .option(
      '--position-sigma <metres>',
      "standard deviation of the devices' positions",
      `${DEFAULT_SIGMAS.positionMetres}`,
    )
    .option(
      '--onset-tolerance <ms>',
      'onsets may differ by this much besides the travel of the sound',
      `${onsetToleranceMs}`,
    )
    .option('--maximum-range <metres>', 'sources further from a device are chance crossings', `${maximumRangeMetres}`)
    .option('--maximum-ellipse <metres>', 'longest half axis that is still told', `${maximumSemiMajorMetres}`)
    .option('--json', 'print one JSON object per source')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot fleet locate events.jsonl\n  earshot fleet locate events.jsonl --heading-sigma 5 --json',
    )
    .action(locate);
}

async function locate(file: string, options: LocateOptions): Promise<void> {
  const sigmas = {
    bearingDegrees: positive('--bearing-sigma', options.bearingSigma),
    headingDegrees: positive('--heading-sigma', options.headingSigma, 0),
    positionMetres: positive('--position-sigma', options.positionSigma, 0),
  };
  const limits: SourceOptions = {
    onsetToleranceMs: positive('--onset-tolerance', options.onsetTolerance),
    maximumRangeMetres: positive('--maximum-range', options.maximumRange),
    maximumSemiMajorMetres: positive('--maximum-ellipse', options.maximumEllipse),
  };
  const { events, unplaced } = await readEvents(file);
  if (events.length === 0) {
    throw new UserError(
      `${file} holds no event with position and bearing (${unplaced} without): set position and headingDegrees in the devices' configuration.`,
    );
  }
  const plane = new LocalPlane(events[0]!.position);
  const sources = locateSources(
    events.map((event) => onMap(event, plane, sigmas)),
    limits,
  );
  if (options.json) for (const source of sources) printJson(describe(source, plane));
  else process.stdout.write(`${text(sources, plane, events.length, unplaced)}\n`);
}

/** The last message of each track: it knows the direction best. Events of devices without position or heading are counted. */
async function readEvents(file: string): Promise<{ events: PlacedEvent[]; unplaced: number }> {
  const latest = new Map<string, EventMessage>();
  let line = 0;
  const input = createReadStream(file);
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      if (text.trim() === '') continue;
      const event = parseEvent(text, `${file}, line ${line}`);
      latest.set(`${event.device}/${event.bootId}/${event.track}`, event);
    }
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  const all = [...latest.values()];
  const events = all.filter(isPlaced);
  return { events, unplaced: all.length - events.length };
}

function parseEvent(text: string, where: string): EventMessage {
  try {
    const event = JSON.parse(text) as EventMessage;
    const decoded = decode(encode('event', event).topic, text);
    return decoded!.message as EventMessage;
  } catch (cause) {
    throw new UserError(`${where} is no event message: ${(cause as Error).message}.`, { cause });
  }
}

function describe(source: LocatedSource, plane: LocalPlane) {
  const { semiMajorMetres, semiMinorMetres, axisBearingDegrees } = source.fix.ellipse;
  return {
    type: 'source',
    class: source.label,
    ...plane.toPlace(source.fix),
    startTime: new Date(source.onsetMs).toISOString(),
    endTime: new Date(source.endMs).toISOString(),
    ellipse95: { semiMajorMetres, semiMinorMetres, axisBearingDegrees },
    chiSquare: source.fix.chiSquare,
    ambiguous: source.isAmbiguous,
    heardBy: source.heard.map(({ device, id }, i) => ({ device, id, residualDegrees: source.fix.residualsDegrees[i] })),
  };
}

function text(sources: readonly LocatedSource[], plane: LocalPlane, events: number, unplaced: number): string {
  const lines = sources.map((source) => {
    const { latitude, longitude } = plane.toPlace(source.fix);
    const { semiMajorMetres: a, semiMinorMetres: b, axisBearingDegrees: axis } = source.fix.ellipse;
    const devices = source.heard.map(({ device }) => device).join(', ');
    return (
      `${new Date(source.onsetMs).toISOString()}  ${source.label.padEnd(14)} ${latitude.toFixed(6)}, ${longitude.toFixed(6)}  ` +
      `± ${a.toFixed(0)} m along ${axis.toFixed(0)}°, ${b.toFixed(0)} m across  heard by ${devices}${source.isAmbiguous ? '  (one of several ways to cross)' : ''}`
    );
  });
  const without = unplaced > 0 ? `; ${unplaced} more without position or heading` : '';
  return [...lines, `${sources.length} sources from ${events} events${without}`].join('\n');
}

function positive(name: string, text: string, least = Number.MIN_VALUE): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value < Number.POSITIVE_INFINITY)) {
    throw new UserError(`${name} ${text}: give a ${least > 0 ? 'positive number' : 'number, 0 or more'}.`);
  }
  return value;
}
