import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { plainText, withoutKernel } from '../../../tools/board/console-text.ts';
import { lastingName } from '../../../tools/board/lasting-name.ts';
import { boardRun, provisionAll } from '../../../tools/board/provision-batch.ts';
import { boardStep } from '../../../tools/board/provision-board.ts';
import { readPlans } from '../../../tools/board/provision-csv.ts';
import { wifiStep } from '../../../tools/board/provision-network.ts';
import { type Plan, parsePlan } from '../../../tools/board/provision-plan.ts';
import { settingsOf } from '../../../tools/board/provision-service.ts';
import { type Step, type StepEvent, takeSteps } from '../../../tools/board/provision-step.ts';
import { quoted, type Shell } from '../../../tools/board/shell.ts';
import { Transcript } from '../../../tools/board/transcript.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-provision-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const going = new AbortController().signal;
const mill = (more: object = {}): Plan =>
  parsePlan({ site: 'north', device: 'mill-3', serial: '/dev/ttyACM0', ...more }, 'test');

function list(text: string): string {
  const file = join(folder, 'mills.csv');
  writeFileSync(file, text);
  return file;
}

/** A board that answers every script with the same text. */
function answering(output: string): Shell {
  return {
    name: 'a board',
    run: async () => ({ code: 0, output }),
    put: async () => undefined,
    close: async () => undefined,
  };
}

test('a step that is so already is left alone; one that is not is done, and looked at again', async () => {
  const events: StepEvent[] = [];
  let isSo = false;
  let made = 0;
  const step: Step = {
    ...{ name: 'hostname', aim: 'mill-3', look: async () => ({ isSo, found: isSo ? 'mill-3' : 'tegra-ubuntu' }) },
    async make() {
      made += 1;
      isSo = true;
    },
  };
  await takeSteps([step], (event) => events.push(event), going);
  await takeSteps([step], (event) => events.push(event), going);
  expect(made).toBe(1);
  expect(events.map(({ state, detail }) => `${state} ${detail}`.trim())).toEqual([
    ...['looks', 'works tegra-ubuntu', 'done mill-3'],
    ...['looks', 'already so mill-3'],
  ]);
});

test('a step that was done and does not hold is a failure, and what follows is not begun', async () => {
  const events: StepEvent[] = [];
  const step = {
    name: 'clock',
    aim: '',
    look: async () => ({ isSo: false, found: 'off by 90 s' }),
    make: async () => undefined,
  };
  const next = { ...step, name: 'service' };
  await expect(takeSteps([step, next], (event) => events.push(event), going)).rejects.toThrow(
    'the board still says: off by 90 s',
  );
  expect(events.at(-1)).toMatchObject({ step: 'clock', state: 'failed' });
});

test('a stop is heard between two steps', async () => {
  const stopped = AbortSignal.abort();
  const step = { name: 'clock', aim: '', look: async () => ({ isSo: true, found: '' }), make: async () => undefined };
  await expect(takeSteps([step], () => undefined, stopped)).rejects.toThrow(
    'Stopped before clock; what was done is kept',
  );
});

test('a list of devices becomes plans; what a line leaves empty comes from the options', async () => {
  const file = list(
    'site,device,serial,latitude,longitude,headingDegrees\nnorth,mill-3,/dev/ttyACM0,59.5,18.1,90\nnorth,mill-4,/dev/ttyACM1,,,\n',
  );
  const plans = await readPlans(file, { user: 'ubuntu', settings: { broker: 'mqtts://broker.lan' } });
  expect(plans.map(({ device, user }) => `${device} ${user}`)).toEqual(['mill-3 ubuntu', 'mill-4 ubuntu']);
  expect(plans[0]!.settings).toEqual({
    broker: 'mqtts://broker.lan',
    position: { latitude: 59.5, longitude: 18.1 },
    headingDegrees: 90,
  });
  expect(plans[1]!.settings).toEqual({ broker: 'mqtts://broker.lan' });
});

test.each([
  [
    'a device twice',
    'site,device,serial\nnorth,mill-3,/dev/a\nnorth,mill-3,/dev/b\n',
    'line 3: device north/mill-3 stands in line 2 already',
  ],
  [
    'one cable for two devices',
    'site,device,serial\nnorth,mill-3,/dev/a\nnorth,mill-4,/dev/a\n',
    'line 3: serial /dev/a stands in line 2 already',
  ],
  [
    'a name that no topic can have',
    'site,device,serial\nnorth,Mill 3,/dev/a\n',
    'line 2: device: must be 1 to 36 lower-case',
  ],
  [
    'a column nobody knows',
    'site,device,seriel\nnorth,mill-3,/dev/a\n',
    'line 1: there is no column "seriel", the nearest is serial',
  ],
  ['a missing column', 'device,serial\nmill-3,/dev/a\n', 'line 1: the column site is missing'],
  ['too few values', 'site,device,serial\nnorth,mill-3\n', 'line 2: there are 2 values for 3 columns'],
  [
    'a latitude alone',
    'site,device,serial,latitude,longitude\nnorth,mill-3,/dev/a,59,\n',
    'line 2: latitude and longitude go together',
  ],
  ['no way to the board', 'site,device\nnorth,mill-3\n', 'line 2: serial: a board needs serial'],
  ['nothing at all', '', 'lists no device'],
])('a list with %s is refused before anything starts', async (_, text, error) => {
  await expect(readPlans(list(text), {})).rejects.toThrow(error);
});

test('names that could become commands are refused', () => {
  for (const more of [
    { hostname: 'a; reboot' },
    { user: 'root;' },
    { keeper: '$(id)' },
    { ntp: ['a b'] },
    { host: '-oProxyCommand=x' },
    { wifi: 'a\nb' },
  ])
    expect(() => mill(more)).toThrow(/^test: /);
});

test('a text is one word of the shell whatever it holds', () => {
  expect(quoted('plain-word_1.2/3')).toBe('plain-word_1.2/3');
  expect(quoted("it's $(here)")).toBe(`'it'\\''s $(here)'`);
});

const ORIN = `machine aarch64
glibc 2.35
init systemd
model NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super
compatible nvidia,p3768-0000+p3767-0005-super nvidia,p3767-0005 nvidia,tegra234
serial 1421124011945
tegra # R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025
`;

test('a board says what it is, and another one than was named is left alone', async () => {
  const seen = await boardStep(answering(ORIN), mill({ board: 'orin-nano-8gb' })).look();
  expect(seen).toEqual({
    isSo: true,
    found: 'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super, JetPack 6.2, serial 1421124011945',
  });
  await expect(boardStep(answering(ORIN), mill({ board: 'agx-orin-64gb' })).look()).rejects.toThrow(
    'not a agx-orin-64gb: nothing was changed',
  );
  await expect(boardStep(answering(ORIN), mill({ board: 'orin-nanu' })).look()).rejects.toThrow('did you mean');
});

test('a system that Node.js cannot run on is told before anything is touched', async () => {
  const nano = ORIN.replace('glibc 2.35', 'glibc 2.27');
  await expect(boardStep(answering(nano), mill()).look()).rejects.toThrow(
    'glibc 2.27, Node.js needs 2.28: flash a newer JetPack',
  );
  await expect(boardStep(answering(ORIN.replace('aarch64', 'x86_64')), mill()).look()).rejects.toThrow('is a x86_64');
});

test('settings get site, device and the places of the certificate, and are checked here', () => {
  const settings = JSON.parse(
    settingsOf(mill({ settings: { broker: 'mqtts://broker.lan', tls: { serverName: 'hub' } } }), true),
  );
  expect(settings).toMatchObject({
    site: 'north',
    device: 'mill-3',
    tls: { serverName: 'hub', key: '/var/lib/earshot/identity/device.key' },
  });
  expect(() => settingsOf(mill({ settings: { brokr: 'x' } }), true)).toThrow(
    'settings of north/mill-3: there is no setting brokr',
  );
});

test('a wireless network is told by a file that root alone reads, never in an argument', async () => {
  const put: { file: string; content: string; mode: string }[] = [];
  const scripts: string[] = [];
  const shell: Shell = {
    ...answering(''),
    run: async (script) => {
      scripts.push(script);
      return { code: 0, output: '' };
    },
    put: async (file, content, mode) => void put.push({ file, content: String(content), mode }),
  };
  await wifiStep(shell, 'Mill; 3', 'correct horse\\battery').make(() => undefined);
  expect(put).toHaveLength(1);
  expect(put[0]).toMatchObject({
    mode: '600',
    file: '/etc/NetworkManager/system-connections/earshot-wifi.nmconnection',
  });
  expect(put[0]!.content).toContain('psk=correct horse\\\\battery\n');
  expect(scripts.join('\n')).not.toContain('battery');
  expect(() => wifiStep(shell, 'Mill', 'short')).toThrow('8 to 63 plain characters');
});

test('a transcript hides secrets whole, also when they come in pieces or are assigned', () => {
  const file = join(folder, 'log', 'transcript.log');
  const transcript = new Transcript(file);
  transcript.hide('tr0ub4dor&3');
  transcript.sent('tr0ub4dor&3');
  transcript.heard('echoed: tr0ub');
  transcript.heard('4dor&3 and more\npassword=abc123\n');
  transcript.heard(`${'QUJD'.repeat(30)}\n`);
  const text = readFileSync(file, 'utf8');
  expect(text).not.toMatch(/tr0ub|4dor|abc123|QUJDQUJD/);
  expect(text).toContain('echoed: [hidden] and more');
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('what a terminal draws and what the kernel says in between is left out', () => {
  const page = '\u001b[2J\u001b[1;1H\u001b(0lqqk\u001b(B \u001b[37;44mWho are you?\u001b[0m\r\r\n';
  expect(plainText(page)).toContain('Who are you?\n');
  expect(withoutKernel('tegra-ubuntu login: [   34.100231] random: crng init done\n')).toBe('tegra-ubuntu login: ');
  expect(withoutKernel('a[12] = [ 1.5] stays\n')).toBe('a[12] = [ 1.5] stays\n');
});

test('a name that lasts is left as it is, and a port without one too', () => {
  expect(lastingName('/dev/serial/by-id/usb-x', '/dev/serial/by-id')).toBe('/dev/serial/by-id/usb-x');
  expect(lastingName('/dev/null', join(folder, 'none'))).toBe('/dev/null');
});

test('one board that fails holds up no other, and each keeps its own log', async () => {
  const plans = ['mill-3', 'mill-4'].map((device) =>
    parsePlan({ site: 'north', device, serial: join(folder, `tty-${device}`) }, device),
  );
  const identity = Buffer.from(ssh2.utils.generateKeyPairSync('ed25519').private);
  const runs = plans.map(boardRun);
  const signal = new AbortController().signal;
  const means = { folder, identity, password: 'nvidia' };
  await provisionAll(runs, means, { jobs: 1, resume: false, signal, onChange: () => undefined });
  expect(runs.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
  expect(runs[1]!.failure).toContain(`There is no serial port ${join(folder, 'tty-mill-4')}`);
  expect(readFileSync(join(folder, 'north/mill-3/transcript.log'), 'utf8')).toContain('provisions north/mill-3');
  expect(readFileSync(join(folder, 'north/mill-4/transcript.log'), 'utf8')).toContain('tty-mill-4');
});
