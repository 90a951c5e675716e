// earshot run as a user meets it: a recording in, a table, messages, a picture and a summary out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MqttLink } from '../../runtime/uplink/mqtt.ts';
import { decode, filterOf } from '../../runtime/uplink/topics.ts';
import { startBroker } from '../../tools/broker.ts';
import { earshot, jsonLines } from '../earshot.ts';
import { copyOfModel, LOUDNESS_FOLDER, type TestSound, temporaryFolder, writeRecording } from '../loudness-model.ts';

const SOUNDS: TestSound[] = [
  { label: 'low', startSeconds: 0.5, endSeconds: 1.5, azimuth: 90, elevation: 0 },
  { label: 'high', startSeconds: 1, endSeconds: 2.2, azimuth: -45, elevation: 20 },
];
const MODEL = ['--model', LOUDNESS_FOLDER];

let folder: string;
let recording: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  recording = join(folder, 'yard.wav');
  writeRecording(recording, { seconds: 3, sampleRate: 48000, sounds: SOUNDS });
  await writeFile(
    join(folder, 'yard.csv'),
    'sound_event_recording,start_time,end_time,ele,azi,dist\nlow,0.5,1.5,0,90,1\nhigh,1,2.2,20,-45,1\n',
  );
});

test('a recording is heard at real speed, and every sound comes back over MQTT within a second', async () => {
  const out = join(folder, 'real');
  const { code, stdout, stderr } = await earshot(['run', recording, ...MODEL, '--json', '--out', out]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const lines = jsonLines(stdout);
  const events = lines.filter(({ type }) => type === 'event');
  expect(events.map(({ class: label }) => label)).toEqual(['low', 'high']);
  for (const [i, event] of events.entries()) {
    expect(Math.abs((event.azimuth as number) - SOUNDS[i]!.azimuth)).toBeLessThan(5);
    expect(Math.abs((event.elevation as number) - SOUNDS[i]!.elevation)).toBeLessThan(5);
    expect(event.start).toBeCloseTo(SOUNDS[i]!.startSeconds, 1);
    // Sure onsets wait for no look-ahead: the shortest event lasts 0.2 s, and windows end every 0.2 s.
    expect(event.delaySeconds).toBeGreaterThan(0.2);
    expect(event.delaySeconds).toBeLessThan(1);
  }
  const summary = lines.at(-1)!;
  expect(summary).toMatchObject({ type: 'summary', detections: 2, streamSeconds: 3, model: 'loudness' });
  expect(summary.wallSeconds).toBeGreaterThan(2.9);
  expect(summary.messages).toMatchObject({ queued: 0, dropped: 0 });
  const png = await readFile(summary.picture as string);
  expect(png.subarray(1, 4).toString()).toBe('PNG');
});

test('--fast does not wait, and people get a table and a summary', async () => {
  const { code, stdout } = await earshot(['run', recording, ...MODEL, '--fast', '--out', join(folder, 'fast')]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/0:00\.5 {2}● low +← +\d+° +-?\d+° +\d\.\d\d {2}onset/);
  expect(stdout).toMatch(/○ high .* offset after 1\.2 s/);
  expect(stdout).toMatch(/detections +2: high 1, low 1/);
  expect(stdout).toMatch(/share of real time +features \S+ %, inference \S+ %, tracking \S+ %, uplink \S+ %/);
  expect(stdout).toMatch(/picture +\S+yard\.png/);
  expect(await readdir(join(folder, 'fast'))).toEqual(['yard.png']);
});

test("any subscriber of a broker of the user's hears the device", async () => {
  const broker = await startBroker();
  const link = new MqttLink({ url: broker.url, clientId: 'stranger' });
  await link.start();
  const heard: string[] = [];
  await link.subscribe([filterOf('event'), filterOf('state'), filterOf('health')], (topic, payload) => {
    const { kind, message } = decode(topic, payload)!;
    heard.push(kind === 'event' ? `${message.phase} ${message.class} ${message.site}` : kind);
  });
  const config = join(folder, 'device.json');
  await writeFile(config, '{"site": "mill-3", "device": "ear-1", "headingDegrees": 90}');
  const args = ['--fast', '--json', '--config', config, '--broker', broker.url, '--out', join(folder, 'broker')];
  expect((await earshot(['run', recording, ...MODEL, ...args])).code).toBe(0);
  expect(heard.filter((line) => /new|end/.test(line))).toEqual([
    'new low mill-3',
    'new high mill-3',
    'end low mill-3',
    'end high mill-3',
  ]);
  expect(heard).toContain('health');
  expect(heard.at(-1)).toBe('state');
  await link.stop();
  await broker.stop();
});

test('Ctrl-C ends a run with the summary so far', async () => {
  const cli = fileURLToPath(new URL('../../dist/tools/cli.js', import.meta.url));
  const args = [cli, 'run', recording, ...MODEL, '--out', join(folder, 'stopped')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
    if (!stdout.includes('● low') || child.killed) return;
    child.kill('SIGINT');
    child.kill('SIGINT'); // as npm start passes it on a second time
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  expect(stdout).toMatch(/heard +[012]\.\d s/);
});

describe('what cannot work is said in one sentence, with exit code 1, and nothing is written', () => {
  const out = () => join(folder, 'nothing');

  async function refused(args: readonly string[], sentence: RegExp): Promise<void> {
    const { code, stdout, stderr } = await earshot(['run', ...args, '--fast', '--out', out()]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(out())).toBe(false);
  }

  test('a file that is no recording, or not there', async () => {
    const text = join(folder, 'text.wav');
    await writeFile(text, 'hello, this is no sound at all');
    await refused([text, ...MODEL], /text\.wav/);
    await refused([join(folder, 'none.wav'), ...MODEL], /none\.wav: there is no such file/);
  });

  test('weights that are not those of the manifest', async () => {
    const model = await copyOfModel();
    await writeFile(join(model, 'model.onnx'), 'other bytes');
    await refused([recording, '--model', model], /model\.onnx has sha256 .*, its manifest says/);
  });

  test('a setting that does not exist', async () => {
    const config = join(folder, 'typo.json');
    await writeFile(config, '{"devise": "ear-1"}');
    await refused([recording, ...MODEL, '--config', config], /no setting devise; the nearest is device/);
  });

  test('a broker that does not answer', async () => {
    await refused([recording, ...MODEL, '--broker', 'mqtt://127.0.0.1:9'], /No MQTT broker takes us at mqtt:/);
  });

  test('a reference beside the recording with a class the model does not know', async () => {
    const other = join(folder, 'other.wav');
    writeRecording(other, { seconds: 1, sampleRate: 24000, sounds: [] });
    await writeFile(join(folder, 'other.csv'), 'sound_event_recording,start_time,end_time,ele,azi\nlove,0,1,0,0\n');
    await refused([other, ...MODEL], /unknown class "love", did you mean "low"/);
  });
});
