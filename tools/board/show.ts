// earshot board show: a profile as a person reads it, with what its JetPacks cannot run and where each fact is from.
import { Command } from 'commander';
import { type Board, boardModules, boards, cannotRun, jetpacks, STORAGES } from '../../boards/board.ts';
import { printJson } from '../command.ts';
import { findFamily } from '../find-board.ts';

export function boardShowCommand(): Command {
  return new Command('show')
    .summary('print what is known of a board')
    .description(
      'Prints the profile of a board: modules, USB ids, flashing, consoles, JetPacks, sensors, and its sources.',
    )
    .argument('[name]', 'module or family, e.g. orin-nano-8gb; all boards, a line each, when left out')
    .option('--table', 'print all boards as a table in Markdown, as docs/boards.md has it')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      '\nExamples:\n  earshot board show\n  earshot board show orin-nano-8gb\n  earshot board show --table\n',
    )
    .action(show);
}

interface Options {
  readonly json?: boolean;
  readonly table?: boolean;
}

function show(name: string | undefined, { json, table }: Options): void {
  const shown = name === undefined ? boards() : [findFamily(name)];
  if (table) process.stdout.write(`${boardTable()}\n`);
  else if (json) for (const board of shown) printJson(board);
  else if (name === undefined) process.stdout.write(`${shown.flatMap(summaryLines).join('\n')}\n`);
  else process.stdout.write(`${describe(shown[0]!)}\n`);
}

const summaryLines = (board: Board) => board.modules.map((module) => `${module.name.padEnd(14)}  ${module.summary}`);

/** All modules as a table in Markdown. */
export function boardTable(): string {
  const rows = boardModules().map(({ board, module }) => {
    const storages = STORAGES.filter((each) =>
      board.flash.some(({ storage, modules }) => storage === each && (modules?.includes(module.name) ?? true)),
    );
    const unable = jetpacks().filter((each) => board.jetpacks.includes(each.jetpack) && cannotRun(each).length > 0);
    const runs = board.jetpacks.filter((each) => !unable.some(({ jetpack }) => jetpack === each));
    return [
      ...[
        `\`${module.name}\``,
        module.summary.replace(/^Jetson /, ''),
        module.recoveryUsb.join(' '),
        module.parts.join(' '),
      ],
      ...[board.sm === null ? 'none' : `sm_${board.sm}, ${board.precisions.slice(1).join(' ')}`, storages.join(' ')],
      ...[range(runs), range(unable.map(({ jetpack }) => jetpack))],
    ];
  });
  const head = [
    'name',
    'board',
    'recovery mode',
    'module',
    'GPU',
    'flashed to',
    'JetPack',
    'JetPack too old for earshot',
  ];
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell || '-').join(' | ')} |`)
    .join('\n');
}

/** Releases that follow each other as "5.1 to 6.2.2": the profile lists them all. */
function range(releases: readonly string[]): string {
  const order = jetpacks().map(({ jetpack }) => jetpack);
  const groups: string[][] = [];
  for (const release of releases) {
    const last = groups.at(-1);
    if (last && order.indexOf(release) === order.indexOf(last.at(-1)!) + 1) last.push(release);
    else groups.push([release]);
  }
  return groups.map((group) => (group.length > 2 ? `${group[0]} to ${group.at(-1)}` : group.join(', '))).join(', ');
}

const list = (values: readonly (string | number)[]) => values.join(', ') || 'none';

function describe(board: Board): string {
  const { summary, chip, sm, precisions, usb, powerModes, sensors, recoveryEntry, configurations } = board;
  return [
    `${summary}: ${chip}, ${sm === null ? 'no GPU' : `GPU sm_${sm}`}, computes in ${list(precisions)}`,
    '',
    ...section('modules', board.modules.map(moduleLine), board.sources.modules),
    ...section('computes', [], board.sources.compute),
    ...section('recovery', [recoveryEntry ?? 'has none'], board.sources.recoveryEntry),
    ...section('usb', [`booted ${list(usb.gadget)}; while flashed ${list(usb.flashing)}`], board.sources.usb),
    ...section(
      'flash',
      [...board.flash.map(flashLine), `configurations: ${list(configurations)}`],
      board.sources.flash,
    ),
    ...section('consoles', board.consoles.map(consoleLine), board.sources.consoles),
    ...section('jetpacks', jetpackLines(board), board.sources.jetpacks),
    ...section('power', [`modes: ${list(powerModes)}`], board.sources.powerModes),
    ...section(
      'sensors',
      [`power: ${list(sensors.power)}`, `temperatures: ${list(sensors.temperatures)}`],
      board.sources.sensors,
    ),
    'No board has been flashed by earshot yet: see docs/hardware-checklist.md.',
  ].join('\n');
}

const section = (title: string, lines: readonly string[], from: readonly string[]) => [
  ...lines.map((line, i) => `${(i === 0 ? title : '').padEnd(10)}${line}`),
  ...from.map((source, i) => `${(lines.length === 0 && i === 0 ? title : '').padEnd(10)}  from ${source}`),
];

type Module = Board['modules'][number];
const moduleLine = ({ name, memoryGib, dlaCores, parts, recoveryUsb }: Module) =>
  `${name}: ${memoryGib.join('/')} GB, ${dlaCores} DLA, parts ${list(parts)}, recovery mode ${list(recoveryUsb)}`;

function flashLine({ storage, l4t, modules, configuration, program, rootDevice }: Board['flash'][number]): string {
  const only = modules ? ` (${modules.join(', ')})` : '';
  return `${storage}${only} with R${l4t.join(', R')}: ${program} ... ${configuration} ${rootDevice}`;
}

const consoleLine = ({ name, device, baud, usb, connector }: Board['consoles'][number]) =>
  `${name}: ${device} at ${baud} baud, ${usb ? `USB ${usb}` : 'no USB of its own'}: ${connector}`;

function jetpackLines(board: Board): string[] {
  const own = jetpacks().filter(({ jetpack }) => board.jetpacks.includes(jetpack));
  if (own.length === 0) return ['none'];
  return own.map((each) => {
    const { jetpack, l4t, cuda, tensorrt, glibc } = each;
    const lacks = cannotRun(each).map(({ program, glibc: needed }) => `${program} (glibc ${needed})`);
    const warning = lacks.length > 0 ? `; CANNOT RUN ${lacks.join(', ')}` : '';
    return `${jetpack}: L4T ${l4t.join(', ')}, CUDA ${cuda}, TensorRT ${tensorrt}, glibc ${glibc}${warning}`;
  });
}
