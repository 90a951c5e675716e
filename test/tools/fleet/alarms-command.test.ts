// earshot fleet alarms and webhooks as a keeper of devices types them, against a real hub.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { raiseAlarm } from '../../../tools/fleet/alarm-store.ts';
import { addToken } from '../../../tools/fleet/http/accounts.ts';
import { earshot, jsonLines } from '../../earshot.ts';
import { type HubServer, startHubServer } from './http/hub-server.ts';

let hub: HubServer;
let folder: string;
beforeAll(async () => {
  hub = await startHubServer();
  folder = await mkdtemp(join(tmpdir(), 'earshot-alarms-'));
  for (const name of ['viewer', 'operator', 'admin']) {
    const token = await addToken(hub.database, { name, days: 1 }, Date.now());
    await writeFile(join(folder, name), `${token}\n`, { mode: 0o600 });
  }
}, 60_000);
afterAll(async () => {
  await hub.stop();
  await rm(folder, { recursive: true });
});

const as = (who: string, ...words: string[]) =>
  earshot(['fleet', ...words, '--hub', hub.url, '--token-file', join(folder, who)]);

/** @returns the one JSON object that the command prints */
async function told(who: string, ...words: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await as(who, ...words, '--json');
  expect(code === 0 ? '' : stderr).toBe('');
  return jsonLines(stdout)[0]!;
}

test('alarms are listed, somebody looks after one, and it is silenced for a while', async () => {
  expect((await as('viewer', 'alarms', 'list')).stdout).toBe('No alarm was ever raised.\n');
  const raised = { severity: 'critical', message: 'not heard\u001b[31m', isFlapping: false, nowMs: Date.now() };
  const { id } = await raiseAlarm(hub.database, { rule: 'device-silent', site: 'mill', device: 'ear-3' }, raised);
  const list = async () => (await as('viewer', 'alarms', 'list', '--open')).stdout;
  expect(await list()).toMatch(/open +critical +device-silent +mill\/ear-3 +\S.* +not heard\\x1b\[31m/);

  expect((await as('viewer', 'alarms', 'acknowledge', String(id))).code).toBe(1);
  const seen = await told('operator', 'alarms', 'acknowledge', String(id));
  expect(seen).toMatchObject({ type: 'alarm', id, acknowledgedBy: expect.stringContaining('operator') });
  expect(await list()).toMatch(/operator\S* has it/);

  const { silencedUntil } = await told('operator', 'alarms', 'silence', String(id), '--hours', '2');
  expect(Date.parse(silencedUntil as string) - Date.now()).toBeCloseTo(7_200_000, -5);
  expect(await list()).toContain('silenced');
  expect(await told('operator', 'alarms', 'silence', String(id), '--end')).toMatchObject({ silencedUntil: null });

  for (const [words, expected] of [
    [['acknowledge', 'device-silent'], /device-silent is no alarm: give its number/],
    [['acknowledge', '99'], /There is no alarm 99/],
    [['silence', String(id), '--hours', 'long'], /--hours long: give a number above 0/],
  ] as const) {
    const { code, stderr } = await as('operator', 'alarms', ...words);
    expect([code, stderr]).toEqual([1, expect.stringMatching(expected)]);
  }
}, 60_000);

test('rules are listed, added from a file, and taken away; a broken one is refused before the hub is asked', async () => {
  const rules = await as('viewer', 'alarms', 'rules');
  expect(rules.stdout).toMatch(/device-silent +on +critical +silent +.*minutes 5/);
  const file = join(folder, 'rule.json');
  await writeFile(file, JSON.stringify({ name: 'siren', kind: 'event', classes: ['siren'], minScore: 0.6 }));
  expect(await told('operator', 'alarms', 'set', file)).toMatchObject({ name: 'siren', kind: 'event', enabled: true });
  expect((await as('viewer', 'alarms', 'rules')).stdout).toMatch(/siren +on +warning +event +.*classes \["siren"\]/);
  expect((await as('operator', 'alarms', 'remove', 'siren')).code).toBe(0);
  const own = await as('operator', 'alarms', 'remove', 'device-silent');
  expect(own.stderr).toMatch(/one of the hub's own rules: set it with "enabled": false/);
  await writeFile(file, JSON.stringify({ name: 'siren', kind: 'event', minScore: 7 }));
  expect((await as('operator', 'alarms', 'set', file)).stderr).toMatch(/rule\.json breaks a rule: minScore/);
  await writeFile(file, '{');
  expect((await as('operator', 'alarms', 'set', file)).stderr).toMatch(/rule\.json holds no rule/);
}, 60_000);

test('a webhook is added with its secret in a file of our own, listed without it, and removed', async () => {
  expect((await as('admin', 'webhooks', 'list')).stdout).toBe('Nobody is called.\n');
  const secretFile = join(folder, 'secret');
  const address = 'https://desk.example.org/earshot';
  const adding = ['webhooks', 'add', address, '--topic', 'alarm', 'event', '--min-score', '0.7'];
  const added = await told('admin', ...adding, '--secret-file', secretFile);
  expect(added).toEqual({ type: 'webhook-added', id: expect.any(Number) });
  expect(await readFile(secretFile, 'utf8')).toMatch(/^whsec_\S{20,}\n$/);
  expect((await stat(secretFile)).mode & 0o777).toBe(0o600);
  const list = await as('admin', 'webhooks', 'list');
  expect(list.stdout).toMatch(new RegExp(`on +alarm event +0 +0 +0 +${address}`));
  expect(list.stdout).not.toContain('whsec_');
  expect((await as('admin', 'webhooks', 'list', '--json')).stdout).not.toContain('whsec_');

  const again = await as('admin', ...adding, '--secret-file', secretFile);
  expect(again.stderr).toMatch(/--secret-file .*secret cannot be made \(it is there already\)/);
  expect((await as('operator', 'webhooks', 'list')).code).toBe(1);
  const unused = join(folder, 'unused');
  const inside = await as(
    ...(['admin', 'webhooks', 'add', 'https://127.0.0.1/x', '--topic', 'alarm', '--secret-file', unused] as const),
  );
  expect(existsSync(unused)).toBe(false);
  expect([inside.code, inside.stderr]).toEqual([1, expect.stringMatching(/127\.0\.0\.1/)]);
  const topic = await as('admin', 'webhooks', 'add', address, '--topic', 'news');
  expect(topic.stderr).toMatch(/The webhook breaks a rule: topics/);

  expect((await as('admin', 'webhooks', 'enable', String(added.id))).stdout).toMatch(/is called again/);
  expect((await as('admin', 'webhooks', 'remove', String(added.id))).stdout).toMatch(/is called no more/);
  expect((await as('admin', 'webhooks', 'list')).stdout).toBe('Nobody is called.\n');
}, 60_000);
