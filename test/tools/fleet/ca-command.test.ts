// earshot fleet ca and earshot fleet acl as they are typed.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { earshot, jsonLines } from '../../earshot.ts';

const CLI = fileURLToPath(new URL('../../../dist/tools/cli.js', import.meta.url));
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'earshot-ca-command-'));
});
afterAll(() => rmSync(work, { recursive: true }));

/** With something on standard input. */
function piped(input: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [CLI, ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin!.end(input);
  });
}

test('an authority is made, signs, gives rules, revokes and lists; the passphrase comes by a pipe or a private file', async () => {
  const ca = join(work, 'ca');
  const short = await piped('too short\n', 'fleet', 'ca', 'init', ca);
  expect([short.code, short.stderr]).toEqual([1, expect.stringContaining('at least 16 are wanted')]);
  expect(existsSync(ca)).toBe(false);
  const made = await piped('a passphrase of the tests\n', 'fleet', 'ca', 'init', ca, '--name', 'mills');
  expect([made.code, made.stdout]).toEqual([0, expect.stringContaining('root.key')]);
  const operator = await earshot(['fleet', 'ca', 'operator', 'hub', '--role', 'hub', '--ca', ca, '--json']);
  expect(jsonLines(operator.stdout)).toMatchObject([{ name: 'hub', files: { key: join(ca, 'people/hub.key') } }]);
  expect(statSync(join(ca, 'people/hub.key')).mode & 0o777).toBe(0o600);
  const acl = await earshot(['fleet', 'acl', '--ca', ca, '--json']);
  expect(jsonLines(acl.stdout)).toMatchObject([{ people: 1, silenced: 0 }]);
  expect(readFileSync(join(ca, 'broker/access'), 'utf8')).toContain('user hub');
  const [list, revoked] = await Promise.all([
    earshot(['fleet', 'ca', 'list', '--ca', ca, '--json']),
    earshot(['fleet', 'ca', 'revoke', 'mill', '--ca', ca]),
  ]);
  expect(jsonLines(list.stdout)).toMatchObject([{ name: 'hub', role: 'hub', state: 'holds' }]);
  expect([revoked.code, revoked.stderr]).toEqual([
    1,
    expect.stringContaining('No certificate was ever signed for "mill"'),
  ]);
  const file = join(work, 'passphrase');
  writeFileSync(file, 'a passphrase of the tests\n', { mode: 0o644 });
  const open = await earshot(['fleet', 'ca', 'renew', '--ca', ca, '--passphrase-file', file]);
  expect([open.code, open.stderr]).toEqual([1, expect.stringContaining('can be read by others')]);
}, 180_000);

test('a folder that is no authority is told in one sentence', async () => {
  for (const words of [['list'], ['enrol-token', 'north/mill-3']]) {
    const { code, stderr } = await earshot(['fleet', 'ca', ...words, '--ca', join(work, 'none')]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: .*none is no folder of an authority[^\n]*\n$/)]);
  }
}, 180_000);
