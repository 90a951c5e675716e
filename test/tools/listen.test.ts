// earshot run with the settings of a device: a service that starts, logs JSON lines and ends well when it is told to stop.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../../tools/broker.ts';
import { earshot } from '../earshot.ts';
import { LOUDNESS_FOLDER, temporaryFolder, writeRecording } from '../loudness-model.ts';

const BIN = fileURLToPath(new URL('../../bin/earshot.js', import.meta.url));

test('the service listens until SIGTERM, exits with 0 and leaves the reason behind', async () => {
  const broker = await startBroker();
  const folder = await temporaryFolder();
  const [recording, config, stateFolder] = ['sound.wav', 'device.json', 'state'].map((name) => join(folder, name));
  writeRecording(recording!, { seconds: 2, sampleRate: 24000, sounds: [] });
  const settings = { broker: broker.url, model: LOUDNESS_FOLDER, stateFolder, microphone: { recording } };
  writeFileSync(config!, JSON.stringify(settings));
  const child = spawn(process.execPath, [BIN, 'run', '--config', config!], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (text.includes('"code":"started"')) child.kill('SIGTERM');
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  await broker.stop();
  expect(code).toBe(0);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map((line) => line.code)).toEqual(expect.arrayContaining(['started', 'stopped']));
  expect(JSON.parse(readFileSync(join(stateFolder!, 'last-exit.json'), 'utf8')).ended.reason).toBe('stopped: SIGTERM');
});

test('a service without a broker to talk to is told what is missing', async () => {
  const config = join(await temporaryFolder(), 'device.json');
  writeFileSync(config, JSON.stringify({ microphone: { recording: 'x.wav' } }));
  const { code, stderr } = await earshot(['run', '--config', config]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/name no broker: add "broker"/);
});
