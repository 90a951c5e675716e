// The pages keep their word: every command they name exists with its options, every link leads somewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { program } from '../tools/program.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'recordings/README.md',
];
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

const earshot = await program();

/** The command of these words, as far as they name one; the rest is what it is given. */
function resolve(words: readonly string[]): { command: Command; given: readonly string[] } {
  let command = earshot;
  let depth = 0;
  for (let next = sub(command, words[0]); next; next = sub(command, words[depth])) {
    command = next;
    depth += 1;
  }
  return { command, given: words.slice(depth) };
}

function sub(command: Command, word: string | undefined): Command | undefined {
  return command.commands.find((each) => each.name() === word);
}

/** Those of the commands above it are taken too. */
function optionsOf(command: Command): string[] {
  const above = command.parent ? optionsOf(command.parent) : ['--help', '--debug'];
  return [...above, ...command.options.flatMap(({ long }) => long ?? [])];
}

/** All that the program can be asked to do: groups are only names. */
function leaves(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

/** As --help prints it, with what is said after it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

/** What a reader would type: the lines of code blocks and what stands in backquotes, without comments. */
const typed = PAGES.flatMap((page) =>
  [...read(page).matchAll(/^```\w*\n(.*?)^```|`([^`\n]+)`/gms)]
    .flatMap((match) => (match[1] ?? match[2]!).split('\n'))
    .map((line) => ({ page, line: line.replace(/#.*/, '').trim() })),
);
const earshotLines = typed
  .filter(({ line }) => /^(npx )?earshot [a-z]/.test(line))
  .map(({ page, line }) => ({ page, line: line.replace(/^npx /, '') }));

test('the pages name commands', () => {
  expect(earshotLines.length).toBeGreaterThan(8);
});

test('every command that a page names exists, with every option it is given', () => {
  const wrong = earshotLines.filter(({ line }) => {
    const { command, given } = resolve(line.split(/\s+/).slice(1));
    // A group with a word that it does not list is no command.
    if (
      command === earshot ||
      (command.commands.length > 0 && command.registeredArguments.length === 0 && /^[a-z]/.test(given[0] ?? '--'))
    )
      return true;
    const options = optionsOf(command);
    return given.filter((word) => word.startsWith('--')).some((word) => !options.includes(word.split('=')[0]!));
  });
  expect(wrong).toEqual([]);
});

test('the options that pages give to npm start are options of earshot run', () => {
  const given = typed
    .filter(({ line }) => line.startsWith('npm start'))
    .flatMap(({ line }) => line.split(' -- ')[1]?.match(/--\w+/g) ?? []);
  expect(given.length).toBeGreaterThan(1);
  const options = optionsOf(resolve(['run']).command);
  expect(given.filter((option) => !options.includes(option))).toEqual([]);
});

test('every npm script that a page names exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const names = typed.flatMap(({ line }) => line.match(/^npm (?:run )?([a-z]+)/)?.[1] ?? []);
  expect(names.filter((name) => name !== 'ci' && !(name in scripts))).toEqual([]);
});

test('every link of the pages leads to a file', () => {
  const broken = PAGES.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !target.includes('://') && !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

test('every command explains itself with examples', () => {
  const commands = leaves(earshot);
  expect(commands.length).toBeGreaterThan(50);
  const silent = commands.filter((command) => {
    // Commands within commands may leave the examples to the one above.
    for (let each: Command | null = command; each && each !== earshot; each = each.parent)
      if (/examples?:/i.test(helpOf(each))) return false;
    return true;
  });
  expect(silent.map((command) => `${command.parent?.name()} ${command.name()}`)).toEqual([]);
});
