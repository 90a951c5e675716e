// Which of the boards that are plugged in shall be flashed: the one that was named, and no other.
import type { BoardChoice } from '../../boards/board.ts';
import { UserError } from '../command.ts';
import { NO_USB } from './next-step.ts';
import type { Plugged } from './plugged.ts';

export interface TargetOptions {
  /** Places such as 1-8.4; empty: the only one. */
  readonly instances: readonly string[];
  /** All boards of this kind. */
  readonly all: boolean;
}

export interface Targets {
  /** USB places of the boards. */
  readonly instances: readonly string[];
  readonly notes: readonly string[];
}

/** Recovery mode is a high-speed device. */
const HIGH_SPEED_MBPS = 480;

/** @throws UserError when no board, another board, or more boards than were named are in recovery mode */
export function chooseTargets(
  found: readonly Plugged[] | undefined,
  choice: BoardChoice,
  options: TargetOptions,
): Targets {
  if (!found) throw new UserError(NO_USB);
  const ours = found.filter((each) => each.modules.some(({ module }) => module.name === choice.module.name));
  if (options.instances.length > 0) {
    for (const instance of options.instances) checkNamed(instance, found, ours, choice);
    return {
      instances: options.instances,
      notes: notesOn(ours.filter(({ device }) => options.instances.includes(device.instance))),
    };
  }
  if (ours.length === 0) throw new UserError(whyNone(found, choice));
  const places = ours.map(({ device }) => device.instance);
  if (ours.length > 1 && !options.all) {
    throw new UserError(
      `${ours.length} boards are in recovery mode, at ${places.join(' and ')}: name one with "--instance ${places[0]}", or flash all of them with --all.`,
    );
  }
  return { instances: places, notes: notesOn(ours) };
}

function checkNamed(instance: string, found: readonly Plugged[], ours: readonly Plugged[], choice: BoardChoice): void {
  if (ours.some(({ device }) => device.instance === instance)) return;
  const there = found.find(({ device }) => device.instance === instance);
  if (there) throw new UserError(whyNone([there], choice));
  const places = ours.map(({ device }) => device.instance);
  throw new UserError(
    `Nothing is plugged in at ${instance}: ${places.length > 0 ? `${choice.module.name} is in recovery mode at ${places.join(', ')}` : whyNone(found, choice)}.`.replace(
      /\.\.$/,
      '.',
    ),
  );
}

/** Says what is there instead: the most telling first. */
function whyNone(found: readonly Plugged[], { board, module }: BoardChoice): string {
  const enter = `put it into recovery mode: ${lowerFirst(board.recoveryEntry ?? 'it has none')}`;
  const of = (kind: Plugged['kind']) => found.find((each) => each.kind === kind);
  const other = of('recovery');
  if (other) {
    const names = other.modules.map((each) => each.module.name).join(' or ');
    return `The board in recovery mode at ${other.device.instance} is ${names} (${other.device.id}), not ${module.name}: plug in the right one, or give "--board ${names.split(' ')[0]}".`;
  }
  const flashing = of('flashing');
  if (flashing) {
    return `The board at ${flashing.device.instance} is half flashed (${flashing.device.id}): cut its power, then ${enter}.`;
  }
  const booted = of('booted');
  if (booted) {
    return `The board at ${booted.device.instance} is booted (${booted.device.id}), not in recovery mode: ${enter}.`;
  }
  if (of('debug'))
    return `Only the debug port of the board is plugged in: plug in its flashing port too, and ${enter}.`;
  return `No ${module.name} is in recovery mode: connect its flashing port with a data cable, without a hub, and ${enter}.`;
}

const lowerFirst = (text: string) => text.slice(0, 1).toLowerCase() + text.slice(1);

function notesOn(targets: readonly Plugged[]): string[] {
  return targets.flatMap(({ device: { instance, speedMbps } }) => [
    ...(speedMbps !== null && speedMbps < HIGH_SPEED_MBPS
      ? [`The board at ${instance} runs at ${speedMbps} Mbit/s instead of ${HIGH_SPEED_MBPS}: take another cable.`]
      : []),
    ...(instance.includes('.')
      ? [`The board at ${instance} hangs on a hub, which has broken flashing: if it fails, plug it into the PC.`]
      : []),
  ]);
}
