// earshot doctor: every check says what it found, and a failure what to do; the bundle for support holds no secret.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../runtime/config.ts';
import { type Broker, startBroker } from '../../tools/broker.ts';
import { brokerChecks } from '../../tools/doctor-broker.ts';
import { examine, examineAll, type NamedFinding } from '../../tools/doctor-checks.ts';
import { deviceChecks } from '../../tools/doctor-device.ts';
import { writeReport } from '../../tools/doctor-report.ts';
import { earshot, jsonLines } from '../earshot.ts';
import { LOUDNESS_FOLDER, temporaryFolder, writeRecording } from '../loudness-model.ts';

test('each thing that earshot needs is looked at, and what is missing comes with the way out', async () => {
  const { code, stdout } = await earshot(['doctor', '--json']);
  const findings = jsonLines(stdout);
  const names = [
    'node',
    'architecture',
    'glibc',
    'models',
    'inference',
    'bundled recording',
    'pictures',
    'disk',
    'clock',
  ];
  expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining([...names, 'alsa', 'training']));
  for (const name of ['node', 'glibc', 'pictures']) {
    expect(findings.find(({ check }) => check === name)).toMatchObject({ verdict: 'ok' });
  }
  for (const { verdict, wayOut } of findings) expect(verdict === 'ok').toBe(wayOut === undefined);
  expect(code).toBe(findings.some(({ verdict }) => verdict === 'fail') ? 1 : 0);
});

test('people get one line for each finding', async () => {
  const { stdout } = await earshot(['doctor']);
  expect(stdout).toMatch(/^ok +node +Node \d+\.\d+\.\d+ on /);
});

test('a check that throws is a finding, not a crash', async () => {
  const look = async () => {
    throw new Error('the disk is on fire\nwith details');
  };
  expect(await examine({ missing: 'fail', wayOut: 'call the fire brigade', look })).toEqual({
    verdict: 'fail',
    found: 'the disk is on fire',
    wayOut: 'call the fire brigade',
  });
});

test('what leans on a failed check is skipped, also at second hand', async () => {
  const check = (name: string, needs: string[], fails = false) => ({
    ...{ name, needs, missing: 'fail' as const, wayOut: 'x' },
    look: async () => {
      if (fails) throw new Error('broken');
      return 'fine';
    },
  });
  const findings = [];
  const checks = [check('a', [], true), check('b', ['a']), check('c', ['b']), check('d', [])];
  for await (const finding of examineAll(checks)) findings.push([finding.check, finding.verdict]);
  expect(findings).toEqual([
    ['a', 'fail'],
    ['b', 'skipped'],
    ['c', 'skipped'],
    ['d', 'ok'],
  ]);
});

describe('with the settings of a device', () => {
  let broker: Broker;
  let folder: string;
  beforeAll(async () => {
    broker = await startBroker();
    folder = await temporaryFolder();
    mkdirSync(join(folder, 'state'));
    const sounds = [{ label: 'low' as const, startSeconds: 0, endSeconds: 2, azimuth: 0, elevation: 0 }];
    writeRecording(join(folder, 'sound.wav'), { seconds: 2, sampleRate: 24000, sounds });
  });
  afterAll(() => broker.stop());

  async function findings(changes: Record<string, unknown>) {
    const config = parseConfig(
      {
        ...{ model: LOUDNESS_FOLDER, stateFolder: join(folder, 'state'), broker: broker.url },
        ...{ microphone: { recording: join(folder, 'sound.wav') }, ...changes },
      },
      'test',
    );
    const found: NamedFinding[] = [];
    for await (const finding of examineAll([...deviceChecks(config), ...brokerChecks(config)])) found.push(finding);
    return (name: string) => found.find(({ check }) => check === name);
  }

  test('model, microphone and the whole way to the broker are looked at', async () => {
    const of = await findings({});
    expect(of('model')).toMatchObject({ verdict: 'ok', found: expect.stringMatching(/^loudness/) });
    expect(of('microphone')).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/^4 channels at 24000 Hz, peak -/),
    });
    for (const step of ['DNS', 'TCP', 'MQTT', 'publish']) expect(of(`broker ${step}`)).toMatchObject({ verdict: 'ok' });
    expect(of('broker TLS')).toBeUndefined();
  });

  test('a broker that is not there fails at its step, and the steps behind it are skipped', async () => {
    const of = await findings({ broker: 'mqtt://127.0.0.1:9' });
    expect(of('broker DNS')!.verdict).toBe('ok');
    expect(of('broker TCP')).toMatchObject({ verdict: 'fail', wayOut: expect.stringMatching(/port 9/) });
    expect([of('broker MQTT')!.verdict, of('broker publish')!.verdict]).toEqual(['skipped', 'skipped']);
  });

  test('a name that is not known fails at once, and so does a port that does not speak TLS', async () => {
    const unknown = await findings({ broker: 'mqtt://no-such-host.invalid' });
    expect(unknown('broker DNS')!.verdict).toBe('fail');
    expect(unknown('broker TCP')!.verdict).toBe('skipped');
    const plain = await findings({ broker: broker.url.replace('mqtt:', 'mqtts:') });
    expect(plain('broker TCP')!.verdict).toBe('ok');
    expect(plain('broker TLS')!.verdict).toBe('fail');
    expect(plain('broker MQTT')!.verdict).toBe('skipped');
  });

  test('a microphone that gives nothing and a model that is not there are told', async () => {
    writeRecording(join(folder, 'silence.wav'), { seconds: 2, sampleRate: 24000, sounds: [] });
    const silent = await findings({ microphone: { recording: join(folder, 'silence.wav') } });
    expect(silent('microphone')).toMatchObject({ verdict: 'fail', found: expect.stringMatching(/perfect silence/) });
    const lost = await findings({ model: '/nowhere' });
    expect([lost('model')!.verdict, lost('microphone')!.verdict]).toEqual(['fail', 'skipped']);
  });
});

const CANARY = 'canary-7f3a';

test('the support bundle holds what helps and no secret, wherever one was planted', async () => {
  const folder = await temporaryFolder();
  const state = join(folder, 'state');
  mkdirSync(state);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, CANARY);
  chmodSync(passwordFile, 0o600);
  const configFile = join(folder, 'device.json');
  const pem = `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----`;
  const settings = {
    ...{ device: 'ear-3', broker: `mqtts://user:${CANARY}@broker:8883`, credentials: { username: 'u', passwordFile } },
    ...{
      password: CANARY,
      nested: [{ apiToken: CANARY }],
      note: pem,
      position: { latitude: 48.123456, longitude: 11.5 },
    },
  };
  writeFileSync(configFile, JSON.stringify(settings));
  writeFileSync(join(state, 'last-exit.json'), `{"ended": {"reason": "failed: mqtt://x:${CANARY}@y refused"}}`);
  writeFileSync(join(state, 'remote-settings.json'), `{"secret": "${CANARY}", broken`);
  const file = join(folder, 'report.tar.gz');
  const check = { check: 'broker MQTT', verdict: 'fail' as const, found: `password=${CANARY} refused`, wayOut: 'x' };
  const entries = await writeReport(file, { findings: [check], configFile, stateFolder: state });
  expect(entries).toEqual(expect.arrayContaining(['findings.json', 'settings.json', 'machine.json', 'last-exit.json']));
  execFileSync('tar', ['xzf', file, '-C', folder]);
  const unpacked = join(folder, 'earshot-report');
  const text = readdirSync(unpacked)
    .map((name) => readFileSync(join(unpacked, name), 'utf8'))
    .join('\n');
  expect(text).not.toContain(CANARY);
  expect(text).not.toContain('48.123456');
  expect(text).toContain('ear-3');
  expect(text).toContain(passwordFile);
  const json = (name: string) => JSON.parse(readFileSync(join(unpacked, name), 'utf8'));
  expect(json('findings.json')[0].check).toBe('broker MQTT');
  expect(json('settings.json')).toMatchObject({ device: 'ear-3', credentials: { username: 'u', passwordFile } });
});

test('settings with a mistake are told, the device is not looked at, and --report lists what it wrote', async () => {
  const folder = await temporaryFolder();
  const [config, report] = [join(folder, 'device.json'), join(folder, 'support.tar.gz')];
  writeFileSync(config, JSON.stringify({ brocker: 'mqtt://127.0.0.1' }));
  const { stdout, code } = await earshot(['doctor', '--config', config, '--report', report]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^fail +settings +.*nearest is broker/m);
  expect(stdout).not.toContain('broker DNS');
  expect(stdout).toContain(`${report} holds: findings.json, versions.json, machine.json, settings.json`);
  expect(execFileSync('tar', ['tzf', report], { encoding: 'utf8' })).toContain('earshot-report/machine.json');
});
