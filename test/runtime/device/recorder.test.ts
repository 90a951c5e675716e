// Clips as the device keeps them: around what fits a rule, with the sound from before it, within the disk, whole or not there.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecording } from '../../../runtime/capture/recording.ts';
import { ClipsConfig, SpeechConfig } from '../../../runtime/clip-settings.ts';
import type { FinishedClip, OpenFile } from '../../../runtime/device/clips-file.ts';
import type { ClipOrigin, Sidecar } from '../../../runtime/device/clips-sidecar.ts';
import { WAVE_HEAD_BYTES } from '../../../runtime/device/clips-wave.ts';
import { Recorder, type RecorderOptions } from '../../../runtime/device/recorder.ts';
import type { EventPhase, SoundEvent } from '../../../runtime/signals.ts';

const RATE = 8000;
const LABELS = ['bark', 'siren', 'speech'];
const ORIGIN: ClipOrigin = {
  ...{ site: 'bench', device: 'mill-3', bootId: 'b00t', version: '0.1.0', microphone: 'test tone', format: 'foa' },
  ...{ model: { name: 'yard', sha256: 'ab'.repeat(32) }, normalization: 'sn3d', headingDegrees: 90 },
  position: { latitude: 50, longitude: 8 },
};
const START_MS = Date.UTC(2026, 10, 23, 12, 0, 0);

const roots: string[] = [];
const folder = () => {
  roots.push(mkdtempSync(join(tmpdir(), 'earshot-clips-')));
  return roots.at(-1)!;
};
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

/** Sample of channel c at an index of the stream: every sample tells where it comes from. */
const sampleAt = (index: number, c: number) => (((index * 4 + c) % 65_521) - 32_760) / 32_768;

/** A device hearing the counting signal, with scores one second behind and events when the test tells them. */
class Bench {
  readonly clips: FinishedClip[] = [];
  readonly troubles: (string | undefined)[] = [];
  readonly recorder: Recorder;
  readonly folder: string;
  readonly #rate: number;
  #index = 0;
  #scored = 0;
  speech: readonly (readonly [number, number])[] = [];
  startMs = START_MS;

  constructor(settings: Record<string, unknown>, options: Partial<RecorderOptions> = {}) {
    this.#rate = options.sampleRate ?? RATE;
    this.folder = (settings.folder as string) ?? folder();
    this.recorder = new Recorder({
      settings: ClipsConfig.parse({ reserveMegabytes: 0, ...settings, folder: this.folder }),
      ...{ privacy: 'none', speech: SpeechConfig.parse({}), labels: LABELS, channels: 4, sampleRate: RATE },
      ...{ origin: ORIGIN, onClip: (clip) => this.clips.push(clip) },
      onTrouble: (error) => this.troubles.push(error?.message),
      ...options,
    });
  }

  /** Lets the stream go on to a moment, in blocks of 50 ms; a loss is a jump of the index before the next block. */
  async hearUntil(seconds: number, lostBefore = 0): Promise<void> {
    let lost = lostBefore;
    for (; this.#index < seconds * this.#rate; this.#index += 400) {
      this.#index += lost;
      const channels = [0, 1, 2, 3].map((c) =>
        Float32Array.from({ length: 400 }, (_, i) => sampleAt(this.#index + i, c)),
      );
      const wallTimeMs = this.startMs + (1000 * this.#index) / this.#rate;
      this.recorder.pushBlock({
        channels,
        sampleRate: this.#rate,
        sampleIndex: this.#index,
        wallTimeMs,
        discontinuity: lost,
      });
      lost = 0;
      for (; this.#scored < this.#index / this.#rate - 1; this.#scored = Math.round(10 * this.#scored + 1) / 10)
        this.#score();
      await this.recorder.ready();
    }
  }

  #score(): void {
    const t = this.#scored + 0.05;
    const speaks = this.speech.some(([from, to]) => t >= from && t < to);
    this.recorder.pushScores({
      ...{ firstFrame: Math.round(this.#scored * 10), frames: 1, frameSeconds: 0.1, discontinuity: false },
      ...{ activity: Float32Array.of(0, 0, speaks ? 0.2 : 0.01), direction: new Float32Array(9) },
    });
  }

  tell(phase: EventPhase, startSeconds: number, endSeconds: number, more: Partial<SoundEvent> = {}): void {
    this.recorder.pushEvent({
      ...{ phase, trackId: 1, label: 'bark', classIndex: 0, azimuth: 10, elevation: 0, direction: [1, 0, 0] },
      ...{ spreadDegrees: 1, score: 0.9, startSeconds, endSeconds },
      ...more,
    });
  }

  files(): string[] {
    return readdirSync(this.folder).sort();
  }
}

async function samplesOf(path: string): Promise<Float32Array[]> {
  const reader = await openRecording(path);
  const planes = [0, 1, 2, 3].map(() => new Float32Array(reader.frames));
  await reader.read(planes);
  await reader.close();
  return planes;
}

const anyBark = { rules: [{ classes: ['bark'] }], preRollSeconds: 2, postRollSeconds: 1 };

test('a bark becomes a clip that begins before it, with all that is known of it beside it', async () => {
  const bench = new Bench(anyBark);
  await bench.recorder.start();
  await bench.hearUntil(6);
  bench.tell('onset', 5, 5.4);
  await bench.hearUntil(7);
  bench.tell('offset', 5, 6.5, { score: 0.8 });
  await bench.hearUntil(12);
  expect(bench.clips).toHaveLength(1);
  const { sidecar, path, bytes, sha256 } = bench.clips[0]!;
  expect(path).toBe(join(bench.folder, '000001-20261123T120003Z-rule-1.wav'));
  expect(bench.files()).toEqual(['000001-20261123T120003Z-rule-1.json', '000001-20261123T120003Z-rule-1.wav']);
  expect(JSON.parse(readFileSync(path.replace('.wav', '.json'), 'utf8'))).toEqual(sidecar);
  expect(sidecar).toMatchObject({
    ...{ format: 'earshot-clip', reason: 'rule', rule: 'rule-1', origin: ORIGIN, complete: true, recovered: false },
    ...{ startSample: 3 * RATE, samples: 4.5 * RATE, startTime: '2026-11-23T12:00:03.000Z', discontinuities: [] },
    detections: [{ track: 1, class: 'bark', score: 0.8, azimuth: 10, elevation: 0, startSeconds: 5, endSeconds: 6.5 }],
  });
  expect(bytes).toBe(statSync(path).size);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  const planes = await samplesOf(path);
  for (const [c, plane] of planes.entries())
    for (let i = 0; i < plane.length; i += 997) expect(plane[i]).toBe(sampleAt(3 * RATE + i, c));
});

test('sounds whose windows overlap become one clip, those apart become two', async () => {
  const bench = new Bench(anyBark);
  await bench.recorder.start();
  await bench.hearUntil(6);
  bench.tell('onset', 5, 5.5);
  bench.tell('offset', 5, 5.5);
  await bench.hearUntil(8);
  bench.tell('onset', 7.5, 7.9, { trackId: 2 }); // its pre-roll begins at 5.5
  bench.tell('offset', 7.5, 8, { trackId: 2 });
  await bench.hearUntil(16);
  bench.tell('onset', 15, 15.5, { trackId: 3 });
  bench.tell('offset', 15, 15.5, { trackId: 3 });
  await bench.hearUntil(22);
  expect(bench.clips.map(({ sidecar }) => [sidecar.startSample / RATE, sidecar.samples / RATE])).toEqual([
    [3, 6],
    [13, 3.5],
  ]);
  expect(bench.clips[0]!.sidecar.detections.map(({ track }) => track)).toEqual([1, 2]);
});

test('a sound that goes on for ever fills the longest clip and no more', async () => {
  const bench = new Bench({ ...anyBark, maximumSeconds: 5 });
  await bench.recorder.start();
  await bench.hearUntil(4);
  bench.tell('onset', 3, 3.5);
  for (let t = 5; t <= 20; t += 1) {
    await bench.hearUntil(t);
    bench.tell('update', 3, t - 0.5);
  }
  await bench.recorder.stop();
  expect(bench.clips.map(({ sidecar }) => [sidecar.startSample / RATE, sidecar.samples / RATE])).toEqual([[1, 5]]);
});

test('only what fits class, score and sector is kept, and a sector may lead across the back', async () => {
  const sector = { azimuth: { from: 150, to: -150 }, elevation: { from: -10, to: 90 } };
  const bench = new Bench({ rules: [{ name: 'behind', classes: ['siren'], minimumScore: 0.5, sector }] });
  await bench.recorder.start();
  await bench.hearUntil(4);
  const siren = { label: 'siren', azimuth: -170, elevation: 0, score: 0.6 };
  const others = [{ label: 'bark' }, { azimuth: 100 }, { elevation: -20 }, { score: 0.4 }];
  for (const [i, other] of others.entries()) bench.tell('offset', 3, 3.5, { trackId: i + 1, ...siren, ...other });
  await bench.hearUntil(20);
  expect(bench.clips).toHaveLength(0);
  bench.tell('onset', 19, 19.2, { trackId: 9, ...siren, score: 0.4 });
  bench.tell('update', 19, 19.8, { trackId: 9, ...siren }); // sure enough only now
  bench.tell('offset', 19, 19.9, { trackId: 9, ...siren });
  await bench.hearUntil(28);
  expect(bench.clips.map(({ sidecar }) => sidecar.rule)).toEqual(['behind']);
});

test('a rule keeps no more in a day than it may, also after a restart', async () => {
  const settings = {
    folder: folder(),
    rules: [{ classes: ['bark'], dailyClips: 2 }],
    preRollSeconds: 0,
    postRollSeconds: 0,
  };
  const barks = async (startMs: number) => {
    const bench = new Bench(settings);
    bench.startMs = startMs;
    await bench.recorder.start();
    for (const [i, t] of [2, 4, 6].entries()) {
      await bench.hearUntil(t + 1);
      bench.tell('offset', t, t + 0.5, { trackId: i + 1 });
    }
    await bench.recorder.stop();
    return [bench.clips.length, bench.recorder.figures.overBudget];
  };
  expect(await barks(START_MS)).toEqual([2, 1]);
  expect(await barks(START_MS + 3_600_000)).toEqual([0, 3]);
  expect(await barks(START_MS + 86_400_000)).toEqual([2, 1]);
});

test('a mark keeps the moment, and 24 bits keep what 16 would round away', async () => {
  const bench = new Bench({ bits: 24, preRollSeconds: 1, postRollSeconds: 0.5 });
  await bench.recorder.start();
  await bench.hearUntil(5);
  bench.recorder.mark('odd rattle', 2);
  await bench.hearUntil(12);
  const { sidecar, path } = bench.clips[0]!;
  expect(sidecar).toMatchObject({ reason: 'mark', note: 'odd rattle', rule: null, bits: 24 });
  expect([sidecar.startSample / RATE, sidecar.samples / RATE]).toEqual([4, 3.5]);
  const planes = await samplesOf(path);
  expect(planes[3]![123]).toBe(sampleAt(4 * RATE + 123, 3));
});

test('a recording on request ends by itself or when told, beside the clips of rules', async () => {
  const bench = new Bench(anyBark);
  await bench.recorder.start();
  await bench.hearUntil(2);
  bench.recorder.record(10, 'night shift');
  await bench.hearUntil(6);
  expect(bench.recorder.isRecording).toBe(true);
  bench.tell('offset', 5, 5.5);
  await bench.hearUntil(15);
  expect(bench.recorder.isRecording).toBe(false);
  const kept = bench.clips.map(({ sidecar }) => [sidecar.reason, sidecar.startSample / RATE, sidecar.samples / RATE]);
  expect(kept.sort()).toEqual([
    ['continuous', 2, 10],
    ['rule', 3, 3.5],
  ]);
  bench.recorder.record(1000);
  await bench.hearUntil(18);
  bench.recorder.stopRecording();
  await bench.hearUntil(20);
  expect(bench.clips.at(-1)!.sidecar).toMatchObject({ reason: 'continuous', samples: 3 * RATE, complete: true });
});

test('a recording longer than its folder goes on in pieces without gaps, of which the oldest go', async () => {
  const bench = new Bench({ megabytes: 1 }); // a quarter is 3.9 s
  await bench.recorder.start();
  bench.recorder.record(60);
  await bench.hearUntil(64);
  const pieces = bench.clips.map(({ sidecar }) => sidecar);
  expect(pieces.length).toBeGreaterThan(14);
  expect(pieces.reduce((sum, { samples }) => sum + samples, 0)).toBe(60 * RATE);
  for (const [i, { startSample, samples }] of pieces.entries())
    if (i > 0) expect(startSample).toBe(pieces[i - 1]!.startSample + pieces[i - 1]!.samples);
    else expect([startSample, samples]).toEqual([0, 31_250]);
  expect(bench.recorder.figures).toMatchObject({ removed: expect.any(Number), refusedForSpace: 0 });
  expect(bench.recorder.figures.keptBytes).toBeLessThanOrEqual(1e6);
});

test('lost samples are no silence: the clip closes the gap and says where it was', async () => {
  const bench = new Bench(anyBark);
  await bench.recorder.start();
  await bench.hearUntil(4);
  bench.tell('onset', 3.5, 3.9);
  await bench.hearUntil(6, 1234);
  bench.tell('offset', 3.5, 5.5);
  await bench.hearUntil(12);
  const { sidecar, path } = bench.clips[0]!;
  expect(sidecar.discontinuities).toEqual([{ atSample: 2.5 * RATE, lostSamples: 1234 }]);
  expect(sidecar.samples).toBe(5 * RATE - 1234);
  const [w] = await samplesOf(path);
  expect([w![2.5 * RATE - 1], w![2.5 * RATE]]).toEqual([sampleAt(4 * RATE - 1, 0), sampleAt(4 * RATE + 1234, 0)]);
});

test('the oldest clips go first, and the bound of the folder holds while a long one is written', async () => {
  const settings = { ...anyBark, preRollSeconds: 0, postRollSeconds: 0, megabytes: 6 };
  const bench = new Bench(settings);
  await bench.recorder.start();
  for (let i = 0; i < 12; i += 1) {
    await bench.hearUntil(12 * i + 12);
    bench.tell('offset', 12 * i + 1, 12 * i + 11, { trackId: i + 1 }); // ten seconds: 640 kB each
    await bench.hearUntil(12 * i + 12.5);
  }
  await bench.recorder.stop();
  const { kept, keptBytes, removed } = bench.recorder.figures;
  expect(bench.clips).toHaveLength(12);
  expect(removed).toBe(12 - kept);
  expect(kept).toBeGreaterThanOrEqual(8); // of 640 kB each
  expect(keptBytes).toBe(bench.files().reduce((sum, name) => sum + statSync(join(bench.folder, name)).size, 0));
  expect(keptBytes).toBeLessThanOrEqual(6e6);
  expect(bench.files().at(-1)).toContain('000012-');
});

test('the reserve of the disk stays free: old clips go for it, and when none is left nothing is kept and it is told', async () => {
  let free = 1e9;
  const bench = new Bench({ ...anyBark, reserveMegabytes: 900 }, { freeBytes: async () => free });
  await bench.recorder.start();
  await bench.hearUntil(4);
  bench.tell('offset', 3, 3.5);
  await bench.hearUntil(10);
  expect(bench.clips).toHaveLength(1);
  free = 8e8; // others fill the disk
  bench.tell('offset', 9, 9.5, { trackId: 2 });
  await bench.hearUntil(20);
  expect(bench.files()).toEqual([]);
  expect(bench.recorder.figures).toMatchObject({ clips: 1, refusedForSpace: 1, removed: 1 });
  expect(bench.troubles.at(-1)).toContain('no room for clips');
  free = 1e9;
  bench.tell('offset', 19, 19.5, { trackId: 3 });
  await bench.hearUntil(30);
  expect(bench.clips).toHaveLength(2);
  expect(bench.troubles.at(-1)).toBeUndefined();
});

test('a disk that fills up under a clip costs that clip, and the device goes on hearing', async () => {
  let left = 100_000;
  const openFile: OpenFile = async (path, flags) => {
    const file = await open(path, flags);
    const write = file.write.bind(file) as (...given: unknown[]) => Promise<{ bytesWritten: number }>;
    file.write = (async (bytes: Uint8Array, ...rest: unknown[]) => {
      left -= bytes.length;
      if (left < 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      return write(bytes, ...rest);
    }) as unknown as FileHandle['write'];
    return file;
  };
  const bench = new Bench(anyBark, { openFile });
  await bench.recorder.start();
  await bench.hearUntil(4);
  bench.tell('offset', 3, 3.5);
  await bench.hearUntil(10);
  expect(bench.clips).toHaveLength(0);
  expect(bench.files()).toEqual([]);
  expect(bench.recorder.figures.failed).toBe(1);
  expect(bench.troubles.at(-1)).toContain('no space left');
  left = 1e9;
  bench.tell('offset', 9, 9.5, { trackId: 2 });
  await bench.hearUntil(16);
  expect(bench.clips).toHaveLength(1);
});

/** A clip as a crash leaves it: under its partial name, the head not yet telling its length. */
async function crashed(privacy: 'none' | 'no-speech', reason: 'rule' | 'continuous'): Promise<string> {
  const bench = new Bench(anyBark);
  await bench.recorder.start();
  await bench.hearUntil(4);
  if (reason === 'rule') bench.tell('offset', 3, 3.5);
  else bench.recorder.record(2);
  await bench.hearUntil(10);
  const { path, sidecar } = bench.clips[0]!;
  const json = path.replace('.wav', '.json');
  const begun: Sidecar = { ...sidecar, privacy, samples: 0, detections: [], complete: false };
  const wav = readFileSync(path);
  wav.writeUInt32LE(WAVE_HEAD_BYTES - 8, 4);
  wav.writeUInt32LE(0, WAVE_HEAD_BYTES - 4);
  writeFileSync(`${path}.partial`, wav.subarray(0, WAVE_HEAD_BYTES + 8 * 1000 + 3)); // 1000 samples and a torn one
  writeFileSync(`${json}.partial`, JSON.stringify(begun));
  rmSync(path);
  rmSync(json);
  return bench.folder;
}

test('what a crash left is completed at the next start', async () => {
  const bench = new Bench({ folder: await crashed('none', 'rule') });
  await bench.recorder.start();
  expect(bench.files()).toHaveLength(2);
  expect(bench.clips[0]!.sidecar).toMatchObject({ samples: 1000, recovered: true, complete: false });
  expect((await samplesOf(bench.clips[0]!.path))[2]![999]).toBe(sampleAt(RATE + 999, 2));
  await bench.hearUntil(3);
  bench.recorder.mark();
  await bench.hearUntil(12);
  expect(bench.clips.at(-1)!.sidecar.file).toMatch(/^000002-/);
});

test('with no-speech a clip cut short by a crash is removed, as its end was never cleared; a recording keeps what was', async () => {
  const clip = new Bench({ folder: await crashed('no-speech', 'rule') });
  await clip.recorder.start();
  expect(clip.files()).toEqual([]);
  const recording = new Bench({ folder: await crashed('no-speech', 'continuous') });
  await recording.recorder.start();
  expect(recording.clips[0]!.sidecar).toMatchObject({ reason: 'continuous', samples: 1000 });
});

test('a part without sound, and a sidecar without its recording, leave nothing behind', async () => {
  const root = await crashed('none', 'rule');
  const [json, wav] = readdirSync(root).sort();
  truncateSync(join(root, wav!), 100);
  writeFileSync(join(root, '000007-20261123T120000Z-mark.json'), '{}');
  const bench = new Bench({ folder: root });
  await bench.recorder.start();
  expect([json, bench.files()]).toEqual([expect.stringContaining('.json.partial'), []]);
});

test('with no-speech a clip is kept only without speech: at its start, in the pre-roll, at its end', async () => {
  const keptWith = async (speech: readonly [number, number][]) => {
    const bench = new Bench(anyBark, { privacy: 'no-speech' });
    bench.speech = speech;
    await bench.recorder.start();
    await bench.hearUntil(11);
    bench.tell('onset', 10, 10.5); // window 8 .. 13
    await bench.hearUntil(13);
    bench.tell('offset', 10, 12);
    await bench.hearUntil(20);
    await bench.recorder.stop();
    return { clips: bench.clips.length, files: bench.files().length, figures: bench.recorder.figures };
  };
  expect(await keptWith([])).toMatchObject({ clips: 1, files: 2 });
  expect(await keptWith([[1, 6.9]])).toMatchObject({ clips: 1 }); // margin of a second: up to 7.9
  for (const speech of [
    [6, 7.2],
    [8, 8.1],
    [9.5, 10.2],
    [12.8, 12.9],
    [13.9, 15],
  ] as [number, number][])
    expect(await keptWith([speech])).toMatchObject({ clips: 0, files: 0, figures: { discardedForSpeech: 1 } });
});

test('with no-speech a recording leaves speech and its margins out, and waits until the scores have cleared a sample', async () => {
  const bench = new Bench({}, { privacy: 'no-speech' });
  bench.speech = [[6, 7]];
  await bench.recorder.start();
  bench.recorder.record(20);
  await bench.hearUntil(22);
  await bench.recorder.stop();
  expect(bench.clips.map(({ sidecar }) => [sidecar.startSample / RATE, sidecar.samples / RATE])).toEqual([
    [0, 5],
    [8, 12],
  ]);
});

test('a recording goes on behind speech whose end lies on a sample but for rounding', async () => {
  // 0.1 s times 17, 0.1 s and the margin of 1 s are a little more than the 134 400 samples they should be.
  const rate = 48_000;
  expect(17 * 0.1 + 0.1 + 1).toBeGreaterThan(Math.ceil((17 * 0.1 + 0.1 + 1) * rate) / rate);
  const bench = new Bench({}, { privacy: 'no-speech', sampleRate: rate });
  bench.speech = [[1.7, 1.8]];
  await bench.recorder.start();
  bench.recorder.record(8);
  await bench.hearUntil(10);
  await bench.recorder.stop();
  expect(bench.clips.map(({ sidecar }) => [sidecar.startSample, sidecar.samples])).toEqual([
    [0, 0.7 * rate],
    [134_400, 8 * rate - 134_400],
  ]);
});

test('what was never scored is taken for speech', async () => {
  const bench = new Bench({}, { privacy: 'no-speech' });
  bench.recorder.pushScores = () => {}; // the network is dead
  await bench.recorder.start();
  bench.recorder.record(10);
  await bench.hearUntil(30);
  await bench.recorder.stop();
  expect(bench.files()).toEqual([]);
});

test('no-speech with a model that does not know speech is refused, and so is a rule about an unknown class', () => {
  const labels = ['bark', 'siren'];
  expect(() => new Bench({}, { privacy: 'no-speech', labels })).toThrow('does not know the class "speech"');
  expect(() => new Bench({ rules: [{ classes: ['cow'] }] })).toThrow('rule-1 wants the class "cow"');
});

test('a stream that begins anew closes what was open and takes no old sound for new', async () => {
  const bench = new Bench(anyBark);
  await bench.recorder.start();
  await bench.hearUntil(5);
  bench.tell('onset', 4, 4.5);
  await bench.hearUntil(5.2);
  await bench.recorder.restart();
  expect(bench.clips[0]!.sidecar).toMatchObject({ complete: false, samples: 3.2 * RATE });
  expect(bench.recorder.figures).toMatchObject({ clips: 1, failed: 0 });
});
