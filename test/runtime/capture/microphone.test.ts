// A microphone through an arecord whose faults are ordered: every break is counted and told, and the sound comes back.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { microphoneNamed, type Microphone as Profile } from '../../../boards/microphones.ts';
import { channelMixer } from '../../../runtime/capture/channel-mixer.ts';
import { parseDeviceName } from '../../../runtime/capture/device-name.ts';
import { Microphone, type MicrophoneOptions } from '../../../runtime/capture/microphone.ts';
import type { MicrophoneTimes } from '../../../runtime/capture/microphone-figures.ts';
import { MicrophoneHealth } from '../../../runtime/capture/microphone-health.ts';
import type { AudioBlock } from '../../../runtime/signals.ts';
import {
  arecordRuns,
  FAKE_ARECORD,
  type Order,
  orderArecord,
  type PluggedCard,
  plugIn,
  streamOf,
} from '../../fakes/ordered-arecord.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const RATE = 48000;
const QUICK: Partial<MicrophoneTimes> = {
  ...{
    stallMs: 300,
    restartMs: 20,
    reopenMs: 40,
    enumerateMs: 60,
    slowMs: 200,
    absentMs: 50,
    awayMs: 300,
    goodMs: 5000,
  },
};
const AMBIX: Profile = { ...microphoneNamed('ambix'), sampleFormats: ['S24_3LE', 'S32_LE'] };
const H3VR: PluggedCard = {
  ...{ number: 1, id: 'H3VR', title: 'H3-VR', usbId: '1686:ffff', serial: 'A1', port: '1-2' },
  ...{ byId: 'usb-ZOOM_H3-VR_A1-00', stream: streamOf('S24_3LE', 4, '48000') },
};

/** The blocks without the taker's memory: where they lay, and whether the samples are those of the stand-in. */
interface Noted {
  readonly sampleIndex: number;
  readonly length: number;
  readonly discontinuity: number;
  readonly first: number;
}

interface Session {
  readonly folder: string;
  readonly root: string;
  readonly blocks: Noted[];
  readonly microphone: Microphone;
  readonly running: Promise<void>;
}

const sessions: Session[] = [];
afterEach(async () => {
  for (const { microphone } of sessions.splice(0)) await microphone.stop();
});

async function listen(
  runs: Order[][],
  options: Partial<MicrophoneOptions> & { cards?: PluggedCard[] } = {},
  take = async (_: AudioBlock) => {},
): Promise<Session> {
  const folder = await temporaryFolder();
  const root = join(folder, 'root');
  mkdirSync(root);
  plugIn(root, options.cards ?? [H3VR]);
  orderArecord(folder, runs);
  const profile = options.profile ?? AMBIX;
  const mixer = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: 960 });
  const device = parseDeviceName('usb-ZOOM_H3-VR_A1-00');
  const microphone = new Microphone({
    ...{ profile, device, rate: RATE, outputRate: RATE, mixer, program: FAKE_ARECORD, root },
    ...options,
    times: { ...QUICK, ...options.times },
  });
  const blocks: Noted[] = [];
  const running = microphone.start((block) => {
    const [channel] = block.channels;
    const first = Math.round(channel![0]! * 32768);
    blocks.push({ sampleIndex: block.sampleIndex, length: channel!.length, discontinuity: block.discontinuity, first });
    return take(block);
  });
  const session = { folder, root, blocks, microphone, running };
  sessions.push(session);
  return session;
}

async function until(condition: () => boolean, milliseconds = 8000): Promise<void> {
  for (const end = performance.now() + milliseconds; !condition(); await sleep(10))
    if (performance.now() > end) throw new Error(`not within ${milliseconds} ms: ${condition}`);
}

/** Each block begins where the one before ended, plus what it says was lost. */
function expectWhole(blocks: readonly Noted[]): void {
  let next = 0;
  for (const { sampleIndex, length, discontinuity } of blocks) {
    expect(sampleIndex).toBe(next + discontinuity);
    next = sampleIndex + length;
  }
}

test('sound comes in blocks of 20 ms that hold what the card delivered', async () => {
  const { blocks, microphone, folder } = await listen([[]]);
  await until(() => blocks.length >= 25);
  expectWhole(blocks);
  expect(blocks.every(({ length, discontinuity }) => length === 960 && discontinuity === 0)).toBe(true);
  for (const { sampleIndex, first } of blocks) expect(first).toBe((sampleIndex * 4) % 30011);
  expect(microphone.figures).toMatchObject({
    ...{ state: 'listening', complaint: null, restarts: 0, lostSamples: 0, device: 'usb-ZOOM_H3-VR_A1-00' },
    stream: 'hw:CARD=H3VR,DEV=0: 4 channels S24_3LE at 48000 Hz',
  });
  expect(arecordRuns(folder)[0]).toMatchObject({
    device: 'hw:CARD=H3VR,DEV=0',
    channels: '4',
    rate: '48000',
    format: 'S24_3LE',
    'file-type': 'raw',
  });
});

test('an overrun that arecord reports is lost sound in its place, without a new start', async () => {
  const overrun = 'arecord: xrun:1664: overrun!!! (at least 125.000 ms long)';
  const { blocks, microphone } = await listen([[{ play: 0.3 }, { complain: overrun }, { play: 1 }]]);
  await until(() => blocks.some(({ discontinuity }) => discontinuity > 0) && blocks.length > 40);
  expectWhole(blocks);
  expect(microphone.figures).toMatchObject({ overruns: 1, restarts: 0, lostSamples: 6000, state: 'listening' });
  expect(microphone.figures.recent).toEqual([expect.objectContaining({ kind: 'overrun', lostSamples: 6000 })]);
  expect(Math.abs(microphone.figures.recent[0]!.timeMs - Date.now())).toBeLessThan(10_000);
});

test('a stream that stalls is begun again, and what was missed is counted by the clock', async () => {
  const { blocks, microphone } = await listen([[{ play: 0.4 }, { stall: 60_000 }], []]);
  await until(() => blocks.some(({ discontinuity }) => discontinuity > 0));
  expectWhole(blocks);
  const { restartsByReason, lostSamples, recent } = microphone.figures;
  expect(restartsByReason).toEqual({ stalled: 1 });
  expect(recent[0]).toMatchObject({ kind: 'stalled', message: expect.stringContaining('No sound for 0.') });
  expect(lostSamples).toBeGreaterThan(0.3 * RATE);
  expect(lostSamples).toBeLessThan(1.5 * RATE);
});

test('an arecord that ends inside a frame loses no whole one and says that it was cut', async () => {
  const { blocks, microphone } = await listen([[{ play: 0.2 }, { tear: 7 }, { exit: 1 }], []]);
  await until(() => blocks.some(({ discontinuity }) => discontinuity > 0));
  expectWhole(blocks);
  expect(microphone.figures.discontinuities).toEqual({ 'short-read': 1, ended: 1 });
  expect(microphone.figures.recent.at(-1)!.message).toBe('arecord ended with code 1.');
});

test('a microphone that is unplugged and comes back as another card at another socket is found by its name', async () => {
  const gone = 'arecord: pcm_read:2221: read error: No such device';
  const { blocks, microphone, root, folder } = await listen([[{ play: 0.3 }, { complain: gone }, { exit: 1 }], []], {
    cards: [H3VR],
    times: { restartMs: 200 },
  });
  await until(() => microphone.figures.restarts === 1);
  plugIn(root, [{ number: 0, id: 'PCH', title: 'HDA Intel PCH' }]);
  await until(() => microphone.figures.state === 'failed');
  expect(microphone.figures.complaint).toBe(
    'usb-ZOOM_H3-VR_A1-00 is not plugged in; sound cards that record: card:PCH (HDA Intel PCH).',
  );
  plugIn(root, [
    { number: 1, id: 'Webcam', title: 'Webcam' },
    { ...H3VR, number: 2, id: 'H3VR_1', port: '1-4' },
  ]);
  await until(() => microphone.figures.state === 'listening' && blocks.some(({ discontinuity }) => discontinuity > 0));
  expectWhole(blocks);
  expect(arecordRuns(folder).map(({ device }) => device)).toEqual(['hw:CARD=H3VR,DEV=0', 'hw:CARD=H3VR_1,DEV=0']);
  expect(microphone.figures).toMatchObject({
    complaint: null,
    discontinuities: { unplugged: 1, moved: 1 },
    restartsByReason: { unplugged: 1 },
  });
  expect(microphone.figures.recent.at(-1)!.message).toBe(
    'It was card 1 at USB port 1-2 and is now card 2 at USB port 1-4.',
  );
});

test('a device that others hold is asked again ever more slowly, reported as failed, and heard when it is free', async () => {
  const busy = [{ complain: 'arecord: main:831: audio open error: Device or resource busy' }, { exit: 1 }];
  const { microphone, blocks } = await listen([...Array.from({ length: 8 }, () => busy), []]);
  const states = new Set<string>();
  await until(() => {
    states.add(microphone.figures.state);
    return blocks.length > 3;
  }, 15_000);
  expect([...states]).toEqual(expect.arrayContaining(['restarting', 'failed', 'listening']));
  expect(microphone.figures.restartsByReason).toEqual({ busy: 8 });
});

test('garbage among the complaints and notes of alsa-lib disturb nothing', async () => {
  const { microphone, blocks } = await listen([
    [
      { garble: 100_000 },
      { complain: '' },
      { complain: 'ALSA lib confmisc.c:1281: (snd_func_refer) Unable to find definition' },
      { play: 1 },
    ],
  ]);
  await until(() => blocks.length > 20);
  expect(microphone.figures).toMatchObject({ state: 'listening', restarts: 0, discontinuities: {} });
});

test('a card whose settings do not fit is refused with what it offers and what is needed', async () => {
  const { microphone } = await listen([[]], { cards: [{ ...H3VR, stream: streamOf('S16_LE', 2, '44100, 48000') }] });
  await until(() => microphone.figures.complaint !== null);
  expect(microphone.figures.complaint).toBe(
    'H3-VR offers 2 channels S16_LE at 44100/48000 Hz; ambix needs 4 channels S24_3LE or S32_LE at 48000 Hz: choose another microphone.profile or switch its mode.',
  );
});

test('a card that does not say what it has is asked for one sample format after the other', async () => {
  const refused = [{ complain: 'arecord: set_params:1343: Sample format non available' }, { exit: 1 }];
  const { stream, ...silent } = H3VR;
  const { microphone, folder, blocks } = await listen([refused, []], { cards: [silent] });
  await until(() => blocks.length > 3);
  expect(arecordRuns(folder).map(({ format }) => format)).toEqual(['S24_3LE', 'S32_LE']);
  for (const { sampleIndex, first } of blocks.slice(0, 3))
    expect(first).toBe(((sampleIndex - blocks[0]!.sampleIndex) * 4) % 30011);
  expect(microphone.figures.restartsByReason).toEqual({ refused: 1 });
});

test('a card that runs at another rate than it was asked for is not believed', async () => {
  const { microphone } = await listen([
    [{ complain: 'Warning: rate is not accurate (requested = 48000Hz, got = 44100Hz)' }, { play: 60 }],
    [{ play: 60, speed: 0.91875 }],
  ]);
  await until(() => microphone.figures.restartsByReason['wrong-rate'] === 1);
  expect(microphone.figures.complaint ?? microphone.figures.recent.at(-1)?.message).toContain('rate is not accurate');
  await until(() => microphone.figures.restartsByReason['wrong-rate'] === 2, 15_000);
  expect(microphone.figures.complaint).toMatch(/delivers 4[34]\d\d\d samples a second where 48000 were asked for/);
}, 30_000);

test('a taker that is too slow loses the newest blocks, counted, and the order holds', async () => {
  let pause = 0;
  const { blocks, microphone } = await listen([[]], { times: { queueMs: 100 } }, () => sleep(pause));
  await until(() => blocks.length > 5);
  pause = 600;
  await until(() => microphone.figures.queuedBlocks === 5);
  await sleep(300);
  pause = 0;
  await until(() => blocks.some(({ discontinuity }) => discontinuity > 0));
  expectWhole(blocks);
  const dropped = blocks.find(({ discontinuity }) => discontinuity > 0)!.discontinuity;
  expect(microphone.figures).toMatchObject({ discontinuities: { 'slow-taker': 1 }, lostSamples: dropped, restarts: 0 });
  for (const { sampleIndex, first } of blocks) expect(first).toBe((sampleIndex * 4) % 30011);
});

test('a taker that fails ends the source with its error, and no child is left', async () => {
  const { running } = await listen([[]], {}, async () => {
    throw new Error('the network is broken');
  });
  await expect(running).rejects.toThrow('the network is broken');
});

test('a machine without arecord says what to install and goes on trying', async () => {
  const { microphone } = await listen([[]], { program: '/nowhere/arecord' });
  await until(() => microphone.figures.restarts > 1);
  expect(microphone.figures.complaint).toBe('arecord /nowhere/arecord was not found: install alsa-utils.');
  expect(microphone.figures.state).not.toBe('stopped');
});

test('a microphone at 48 kHz feeds a model of 24 kHz, gaps and all', async () => {
  const overrun = 'overrun!!! (at least 100.000 ms long)';
  const { blocks, microphone } = await listen([[{ play: 0.3 }, { complain: overrun }, { play: 1 }]], {
    outputRate: 24000,
  });
  await until(() => blocks.some(({ discontinuity }) => discontinuity > 0) && blocks.length > 40);
  expectWhole(blocks);
  expect(microphone.sampleRate).toBe(24000);
  expect(microphone.figures.recent).toEqual([expect.objectContaining({ kind: 'overrun', lostSamples: 2400 })]);
  const total = blocks.reduce((sum, { length, discontinuity }) => sum + length + discontinuity, 0);
  expect(blocks.at(-1)!.sampleIndex + blocks.at(-1)!.length).toBe(total);
});

function commandOf(pid: string): string {
  try {
    return /^[0-9]+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
  } catch {
    return ''; // it has ended since it was listed
  }
}

test('stopping leaves no child behind', async () => {
  const { microphone, blocks, folder } = await listen([[]]);
  await until(() => blocks.length > 2);
  const commands = () => readdirSync('/proc').map((pid) => commandOf(pid));
  const ours = () => commands().filter((line) => line.includes('arecord.mjs') && line.includes('CARD=H3VR')).length;
  const before = ours();
  await microphone.stop();
  expect(ours()).toBe(before - 1);
  expect(microphone.figures).toMatchObject({ state: 'stopped', restarts: 0 });
  expect(arecordRuns(folder)).toHaveLength(1);
});

test('what the signal says against the microphone stands among its figures', async () => {
  const health = new MicrophoneHealth({ profile: AMBIX, sampleRate: RATE, blockFrames: 960 });
  const { microphone } = await listen([[]], { health });
  await until(() => microphone.figures.channels.some(({ levelDbfs }) => levelDbfs > -60));
  expect(microphone.figures.channels.map(({ name, channel }) => [name, channel])).toEqual([
    ['W', 1],
    ['Y', 2],
    ['Z', 3],
    ['X', 4],
  ]);
  expect(microphone.figures.faults).toEqual([]);
});
