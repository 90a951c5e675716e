// The unit of systemd: what it promises is what the service keeps, and systemd itself takes it.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../runtime/config.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const UNIT = new URL('../../../runtime/device/systemd/earshot.service', import.meta.url);
const text = readFileSync(UNIT, 'utf8');

/** Values of a directive, in order. */
function values(name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1]!);
}

const missing = spawnSync('systemd-analyze', ['--version']).error !== undefined;
const withSystemd = missing ? test.skip : test;
if (missing) console.warn('Left out: systemd-analyze not found; apt-get install -y systemd');

test('the service is watched, started again for ever, and tells when it is ready', () => {
  expect([values('Type'), values('NotifyAccess'), values('Restart')]).toEqual([['notify'], ['all'], ['always']]);
  expect(values('StartLimitIntervalSec')).toEqual(['0']);
  expect(Number(values('WatchdogSec')[0])).toBeGreaterThanOrEqual(10);
});

test('its folders are those that the settings have by default, and the command is one that exists', () => {
  const { stateFolder } = parseConfig({}, 'defaults');
  expect(stateFolder).toBe(`/var/lib/${values('StateDirectory')[0]}`);
  expect(values('WorkingDirectory')).toEqual([stateFolder]);
  expect(values('ExecStart')[0]).toMatch(/launcher\.mjs \/opt\/earshot -- run --config \/etc\/earshot\/device\.json$/);
  expect(values('ConfigurationDirectory')).toEqual(['earshot']);
});

test('it runs as a user of its own on a read-only system, with sound cards and GPU alone', () => {
  expect([values('User'), values('ProtectSystem'), values('NoNewPrivileges')]).toEqual([
    ['earshot'],
    ['strict'],
    ['yes'],
  ]);
  expect(values('CapabilityBoundingSet')).toEqual(['']);
  expect(values('DevicePolicy')).toEqual(['closed']);
  expect(values('DeviceAllow')).toEqual(expect.arrayContaining(['char-alsa rw', 'char-nv* rw', '/dev/nvmap rw']));
  expect(values('MemoryMax')).toHaveLength(1);
  expect(values('MemoryDenyWriteExecute')).toEqual([]); // V8 could not run
  const users = readFileSync(new URL('earshot.sysusers', UNIT), 'utf8');
  for (const group of values('SupplementaryGroups')[0]!.split(' ')) expect(users).toContain(`m earshot ${group}`);
});

/** The unit with programs that this machine has. */
async function here(): Promise<string> {
  const file = join(await temporaryFolder(), 'earshot.service');
  writeFileSync(file, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  return file;
}

withSystemd('systemd takes every directive', async () => {
  const { stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', await here()], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('earshot.service'))).toEqual([]);
  expect(status).toBe(0);
});

withSystemd('systemd rates its exposure as that of a well confined service', async () => {
  const args = ['security', '--offline=true', '--no-pager', await here()];
  const { stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  const exposure = /Overall exposure level for earshot\.service: ([\d.]+)/.exec(stdout)?.[1];
  expect(Number(exposure)).toBeLessThan(2.5); // 10 is no protection; it needs the network and devices
});
