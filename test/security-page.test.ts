// docs/security.md keeps its word: every test that it names exists, and every threat has a proof or says why it has none.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
const threats = page
  .split('## Threats')[1]!
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .filter((line) => !line.startsWith('|---'));
const named = [...page.matchAll(/“([^”]+)” \(`(test\/[^`]+)`\)/g)].map(([, title, file]) => ({
  title: title!,
  file: file!,
}));

test('the page names tests, and a row for each of the eighteen threats', () => {
  expect(named.length).toBeGreaterThan(30);
  expect(threats.length).toBe(18);
});

test('every test that the page names exists under that title', () => {
  const missing = named.filter(({ title, file }) => {
    if (!existsSync(join(ROOT, file))) return true;
    const text = readFileSync(join(ROOT, file), 'utf8');
    return !["'", '"', '`'].some((quote) =>
      text.includes(quote + title.replaceAll("'", quote === "'" ? "\\'" : "'") + quote),
    );
  });
  expect(missing).toEqual([]);
});

test('every threat has a test, or says what is not here', () => {
  const bare = threats.filter((line) => !/“[^”]+” \(`test\//.test(line) && !line.includes('not here'));
  expect(bare).toEqual([]);
});
