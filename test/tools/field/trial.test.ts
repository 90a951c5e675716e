// `earshot field evaluate --recordings`: heard on this machine, judged, compared, told, and gone on with after a break.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { MqttLink } from '../../../runtime/uplink/mqtt.ts';
import { decode, type EvaluationMessage, filterOf } from '../../../runtime/uplink/topics.ts';
import { startBroker } from '../../../tools/broker.ts';
import { agreementOf } from '../../../tools/field/agreement.ts';
import { evaluateCommand } from '../../../tools/field/evaluate.ts';
import { falseAlarms } from '../../../tools/field/false-alarms.ts';
import { matchSounds } from '../../../tools/field/matching.ts';
import { packActivity, type TrialResult, unpackActivity } from '../../../tools/field/trial-result.ts';
import { formatEvents, type SceneEvent } from '../../../tools/scene-csv.ts';
import { jsonLines } from '../../earshot.ts';
import { LOUDNESS_FOLDER, type TestSound, writeRecording } from '../../loudness-model.ts';

const CLI = fileURLToPath(new URL('../../../bin/earshot.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'earshot-trial-'));
afterAll(() => rmSync(root, { recursive: true }));
const at = (...names: string[]) => join(root, ...names);

const LABELS = ['low', 'high'];
const sound = (
  label: 'low' | 'high',
  startSeconds: number,
  endSeconds: number,
  azimuth = 0,
  elevation = 0,
): TestSound & SceneEvent => ({
  ...{ label, classIndex: LABELS.indexOf(label), startSeconds, endSeconds, azimuth, elevation },
});

/** Two labelled recordings, of which the labels leave out a sound of the second, and one that nobody has labelled. */
function makeRecordings(): { recordings: string; reference: string } {
  const [recordings, reference] = [at('yard'), at('labels')];
  for (const folder of [recordings, reference]) mkdirSync(folder, { recursive: true });
  const scenes: Record<string, TestSound[]> = {
    'yard-2': [sound('low', 1, 3, 60), sound('high', 2, 4, -100, 30)],
    'yard-10': [sound('high', 1, 2, 0), sound('low', 3, 4.5, 180, -40)],
    night: [sound('low', 2, 3, 90)],
  };
  for (const [name, sounds] of Object.entries(scenes)) {
    writeRecording(join(recordings, `${name}.wav`), { seconds: 6, sampleRate: 24_000, sounds });
    if (name !== 'night')
      writeFileSync(join(reference, `${name}.csv`), formatEvents(sounds.slice(0, name === 'yard-10' ? 1 : 2)));
  }
  return { recordings, reference };
}

const folders = makeRecordings();
const command = (out: string, ...more: string[]) => [
  ...['--recordings', folders.recordings, '--reference', folders.reference],
  ...['--model', LOUDNESS_FOLDER, '--out', out, ...more],
];

afterEach(() => jest.restoreAllMocks());

/** Runs the command in this process. @returns what it prints on standard output */
async function evaluate(args: readonly string[]): Promise<string> {
  let printed = '';
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  await evaluateCommand()
    .exitOverride()
    .parseAsync([...args], { from: 'user' })
    .finally(() => out.mockRestore());
  return printed;
}

test('a trial scores what has labels, counts false alarms, writes a report and tells the broker', async () => {
  const broker = await startBroker();
  const heard: EvaluationMessage[] = [];
  const listener = new MqttLink({ url: broker.url, clientId: 'test' });
  await listener.start();
  await listener.subscribe([filterOf('evaluation')], (topic, payload) => {
    const decoded = decode(topic, payload);
    if (decoded?.kind === 'evaluation') heard.push(decoded.message);
  });
  try {
    const outcome = await evaluate(command(at('out'), '--broker', broker.url, '--json'));
    const [all, ...classes] = jsonLines(outcome) as Record<string, never>[];
    expect(all).toMatchObject({ type: 'evaluation', model: 'loudness', recordings: 3, agreement: null });
    expect(all!.seconds).toBeCloseTo(18, 6);
    expect(classes.map((line) => line.class)).toEqual(LABELS);
    // The label that is missing makes one false alarm in 12 s; the night has one sound in 6 s.
    expect(all!.labelled).toMatchObject({
      alarms: 1,
      perHour: expect.closeTo(300, 6),
      perClass: { low: 300, high: 0 },
    });
    expect(all!.unlabelled).toMatchObject({ alarms: 1, perHour: expect.closeTo(600, 6) });
    for (let i = 0; i < 100 && heard.length === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard[0]).toMatchObject({
      ...{ schema: 'seld/evaluation/1', site: 'bench', device: 'earshot', recordings: 3, falseAlarmsPerHour: 600 },
      figures: { F1: (all!.figures as { F1: number }).F1 },
      classes: { high: { F1: (classes[1] as unknown as { F1: number }).F1 } },
    });
  } finally {
    await listener.stop();
    await broker.stop();
  }
  const report = readFileSync(at('out', 'report.html'), 'utf8');
  expect(report).toContain('300.0 false alarms per hour');
  expect(report.match(/<img [^>]*src="data:image\/png;base64,iVBOR/g)).toHaveLength(4 + 2); // scores, and both recordings
  const result: TrialResult = JSON.parse(readFileSync(at('out', 'result.json'), 'utf8'));
  expect(result.recordings.map(({ name, events }) => [name, events.length])).toEqual([
    ['night', 1],
    ['yard-2', 2],
    ['yard-10', 2],
  ]);
  expect(unpackActivity(result.recordings[0]!.activity)).toHaveLength(60 * 2);
});

test('a second run takes what is there, hears anew what has changed, and says how far two results agree', async () => {
  expect(await evaluate(command(at('again')))).toContain('False alarms on recordings without labels: 600.0 per hour');
  const entry = at('again', 'heard', 'night.json');
  const kept = JSON.parse(readFileSync(entry, 'utf8'));
  writeFileSync(entry, JSON.stringify({ ...kept, events: [] })); // a mark: this entry must be taken as it is
  const marked = statSync(at('again', 'heard', 'yard-2.json')).mtimeMs;
  const compared = await evaluate(command(at('again'), '--compare', at('again', 'result.json'), '--json'));
  const [all] = jsonLines(compared) as Record<string, Record<string, number>>[];
  expect(all!.agreement).toMatchObject({ recordings: 3, ours: 4, theirs: 5, same: 4, largestDifference: 0 });
  expect(all!.agreement!.eventAgreement).toBeCloseTo(8 / 9, 6);
  expect(statSync(at('again', 'heard', 'yard-2.json')).mtimeMs).toBe(marked);

  writeRecording(join(folders.recordings, 'night.wav'), { seconds: 6, sampleRate: 24_000, sounds: [] });
  const other = await evaluate(command(at('again'), '--json'));
  expect((jsonLines(other)[0] as { unlabelled: unknown }).unlabelled).toMatchObject({ alarms: 0, perHour: 0 });
  expect(JSON.parse(readFileSync(entry, 'utf8')).key).not.toBe(kept.key);
});

test('a trial that is interrupted ends soon, keeps what it heard whole, and goes on', async () => {
  const long = at('long');
  mkdirSync(long);
  for (const name of ['a', 'b'])
    writeRecording(join(long, `${name}.wav`), {
      seconds: name === 'a' ? 4 : 150,
      sampleRate: 24_000,
      sounds: [sound('low', 1, 2)],
    });
  const out = at('broken');
  const args = ['field', 'evaluate', '--recordings', long, '--model', LOUDNESS_FOLDER, '--out', out];
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const first = join(out, 'heard');
  for (let i = 0; i < 600; i += 1) {
    if (readdirSync(root).includes('broken') && readdirSync(first).includes('a.json')) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(stderr).toContain('Interrupted after 1 of 2 recordings; the same command goes on from there.');
  expect(readdirSync(out)).toEqual(['heard']);
  expect(readdirSync(first)).toEqual(['a.json']);
}, 60_000);

test('what makes no sense together is refused before anything is heard', async () => {
  const refusals = [
    [[], 'Give --reference and --prediction to compare files, or --recordings'],
    [['--recordings', folders.recordings], 'add --out yard-evaluated'],
    [command(at('no'), '--prediction', 'x'), '--prediction compares files that are there'],
    [command(at('no'), '--compare', at('labels', 'yard-2.csv')), 'yard-2.csv is no JSON, so no result.json'],
  ] as const;
  for (const [args, message] of refusals) await expect(evaluate(args)).rejects.toThrow(message);
  expect(readdirSync(root)).not.toContain('no');
}, 60_000);

test('events agree one to one, scores frame by frame and on which side of the threshold they lie', () => {
  const result = (events: SceneEvent[], activity: number[], labels = LABELS): TrialResult => ({
    ...{ format: 'earshot-trial', version: 1, backend: 'test', machine: 'test' },
    model: { name: 'yard', sha256: 'ab', labels, onset: [0.5, 0.3] },
    recordings: [
      {
        ...{ name: 'a', key: '', seconds: 10, frameSeconds: 0.1 },
        events: events.map((event) => ({ ...event, score: 0.9 })),
        activity: packActivity(Float32Array.from(activity)),
      },
    ],
  });
  const ours = result([sound('low', 1, 2, 0), sound('low', 5, 6, 0), sound('high', 1, 2)], [0.6, 0.2, 0.4, 0.29]);
  const theirs = result([sound('low', 1.1, 2, 10), sound('high', 8, 9)], [0.55, 0.2, 0.7, 0.31]);
  const agreement = agreementOf(ours, theirs);
  expect(agreement).toMatchObject({ recordings: 1, ours: 3, theirs: 2, same: 1, eventAgreement: 0.4, scores: 4 });
  expect(agreement.startDifference).toBeCloseTo(0.1, 9);
  expect(agreement.directionDifference).toBeCloseTo(10, 9);
  expect(agreement.meanDifference).toBeCloseTo((0.05 + 0 + 0.3 + 0.02) / 4, 4);
  expect(agreement.largestDifference).toBeCloseTo(0.3, 4);
  expect(agreement.decisionAgreement).toBe(0.5);
  expect(() => agreementOf(ours, result([], [], ['low', 'siren']))).toThrow('knows other classes');
});

test('one sound is matched once, and the pieces of a sound are no false alarms', () => {
  const reference = [sound('low', 1, 5)];
  const heard = [sound('low', 1, 2.5), sound('low', 3, 5), sound('high', 1, 5), sound('low', 8, 9)];
  const { pairs, onlyA, onlyB } = matchSounds(heard, reference);
  expect(pairs.map(({ a }) => a)).toEqual([heard[1]]);
  expect([onlyA.length, onlyB.length]).toEqual([3, 0]);
  const alarms = falseAlarms([{ seconds: 1800, events: heard, reference }], LABELS);
  expect(alarms).toEqual({ hours: 0.5, alarms: 2, perHour: 4, perClass: { low: 2, high: 2 } });
  expect(falseAlarms([], LABELS).perHour).toBeNull();
});
