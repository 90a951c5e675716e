// The units by which a device renews its certificate: the same account and settings as the service, once a day, and systemd takes them.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../runtime/device/systemd', import.meta.url));
const NAMES = ['earshot-renew.service', 'earshot-renew.timer', 'earshot-renewed.path', 'earshot-renewed.service'];
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const value = (name: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(read(name))?.[1];

const missing = spawnSync('systemd-analyze', ['--version']).error !== undefined;
const withSystemd = missing ? test.skip : test;
if (missing) console.warn('Left out: systemd-analyze not found; apt-get install -y systemd');

test('renewal runs as the service does, with its settings, and the service is started again when the file changes', () => {
  for (const key of ['User', 'StateDirectory', 'WorkingDirectory', 'UMask', 'ProtectSystem'])
    expect([key, value('earshot-renew.service', key)]).toEqual([key, value('earshot.service', key)]);
  const settings = value('earshot.service', 'ExecStart')!.split(' ').at(-1);
  expect(value('earshot-renew.service', 'ExecStart')).toContain(`enrol --renew --config ${settings}`);
  expect(value('earshot-renewed.path', 'PathChanged')).toMatch(/^\/var\/lib\/earshot\//);
  expect(value('earshot-renewed.service', 'ExecStart')).toContain('try-restart earshot.service');
});

withSystemd('systemd takes every directive of them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-units-'));
  cpSync(FOLDER, folder, { recursive: true });
  for (const name of [...NAMES, 'earshot.service'].filter((each) => each.endsWith('.service')))
    writeFileSync(join(folder, name), read(name).replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  const files = NAMES.map((name) => join(folder, name));
  const { stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('earshot'))).toEqual([]);
  expect(status).toBe(0);
  rmSync(folder, { recursive: true });
});
