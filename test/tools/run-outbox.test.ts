// earshot run against a broker that is away or refuses: what people see, and what is kept for later.
import { join } from 'node:path';
import { earshot, jsonLines } from '../earshot.ts';
import { LOUDNESS_FOLDER, temporaryFolder, writeRecording } from '../loudness-model.ts';
import { mosquittoTest, startMosquitto } from '../mosquitto.ts';

let folder: string;
let recording: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  recording = join(folder, 'yard.wav');
  const sounds = [{ label: 'low', startSeconds: 0.5, endSeconds: 1.5, azimuth: 90, elevation: 0 } as const];
  writeRecording(recording, { seconds: 2, sampleRate: 48000, sounds: [...sounds] });
});

function run(...words: string[]) {
  return earshot([
    'run',
    recording,
    '--model',
    LOUDNESS_FOLDER,
    '--fast',
    '--json',
    '--out',
    join(folder, 'out'),
    ...words,
  ]);
}

const summaryOf = (stdout: string) =>
  jsonLines(stdout).at(-1) as { messages: Record<string, number>; detections: number };

mosquittoTest('with an outbox a broker that is away costs no message: the next run brings them', async () => {
  const broker = await startMosquitto();
  try {
    await broker.kill();
    const outbox = join(folder, 'outbox');
    const away = await run('--broker', broker.url, '--outbox', outbox);
    expect(away.code).toBe(0);
    expect(away.stderr).toMatch(/^warning: No MQTT broker takes us at mqtt:.*ECONNREFUSED/);
    expect(summaryOf(away.stdout)).toMatchObject({ detections: 1, messages: { acknowledged: 0, dropped: 0 } });
    const { queued } = summaryOf(away.stdout).messages;
    expect(queued).toBeGreaterThanOrEqual(2);
    await broker.start();
    const near = await run('--broker', broker.url, '--outbox', outbox);
    expect(near.stderr).toBe('');
    const { messages } = summaryOf(near.stdout);
    expect(messages).toMatchObject({ queued: 0, acknowledged: 2 * queued!, received: queued });
  } finally {
    await broker.stop();
  }
});

mosquittoTest('a broker that does not let the device publish is an error that people see', async () => {
  const broker = await startMosquitto('max_inflight_messages 100', 'topic read #');
  try {
    const { code, stderr } = await run('--broker', broker.url);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^warning: The broker does not take seld\/v1\/bench\/earshot\/.*reason code 135/m);
    expect(stderr).toMatch(
      /^error: The broker does not take seld\/.*: allow the device to write it in the access rules/m,
    );
  } finally {
    await broker.stop();
  }
});

test('a password on the command line is refused before anything is played', async () => {
  const { code, stderr } = await run('--broker', 'mqtt://joe:secret@127.0.0.1');
  expect(code).toBe(1);
  expect(stderr).toMatch(/credentials\.passwordFile/);
  expect(stderr).not.toMatch(/secret/);
});
