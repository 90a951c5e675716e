// The pages keep their word: every command they name exists with its options, every link leads somewhere.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'recordings/README.md',
];
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

const helpTexts = new Map<string, string>();
function help(command: readonly string[]): string {
  const key = command.join(' ');
  const known = helpTexts.get(key);
  if (known !== undefined) return known;
  const text = execFileSync(process.execPath, [join(ROOT, 'bin/earshot.js'), ...command, '--help'], {
    encoding: 'utf8',
  });
  helpTexts.set(key, text);
  return text;
}

/** Names of the commands that a help text lists. */
const listed = (text: string) =>
  [...(text.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z][a-z-]*) /gm)].map((match) => match[1]!);

const GROUPS = ['data', 'model', 'field', 'board', 'fleet'];

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
    const words = line.split(/\s+/).slice(1);
    const command: string[] = [];
    while (listed(help(command)).includes(words[command.length] ?? '')) command.push(words[command.length]!);
    // A group alone is no command, and neither is a word that no group lists.
    const unknown = words[command.length] ?? '--';
    if (command.length === 0 || (listed(help(command)).length > 0 && !unknown.startsWith('-'))) return true;
    const text = help(command);
    return words.filter((word) => word.startsWith('--')).some((option) => !text.includes(option));
  });
  expect(wrong).toEqual([]);
});

test('the options that pages give to npm start are options of earshot run', () => {
  const options = typed
    .filter(({ line }) => line.startsWith('npm start'))
    .flatMap(({ line }) => line.split(' -- ')[1]?.match(/--\w+/g) ?? []);
  expect(options.length).toBeGreaterThan(1);
  expect(options.filter((option) => !help(['run']).includes(option))).toEqual([]);
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
  const commands = listed(help([])).filter((name) => name !== 'help');
  const paths = commands.flatMap((name) =>
    GROUPS.includes(name)
      ? listed(help([name]))
          .filter((sub) => sub !== 'help')
          .map((sub) => [name, sub])
      : [[name]],
  );
  const silent = paths.filter((path) => !/examples?:/i.test(help(path)));
  expect(silent.map((path) => path.join(' '))).toEqual([]);
});
