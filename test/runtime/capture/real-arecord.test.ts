// The arecord of alsa-utils over ALSA's own file plugin: no sound card is needed, and nothing stands in for anything.
import { execFileSync, spawnSync } from 'node:child_process';
import { constants, createWriteStream, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { microphoneNamed, type SampleFormat } from '../../../boards/microphones.ts';
import { channelMixer } from '../../../runtime/capture/channel-mixer.ts';
import { parseDeviceName } from '../../../runtime/capture/device-name.ts';
import { Microphone } from '../../../runtime/capture/microphone.ts';
import { BYTES_PER_SAMPLE } from '../../../runtime/capture/sample-bytes.ts';
import { temporaryFolder } from '../../loudness-model.ts';

const RATE = 48000;
const isThere = spawnSync('arecord', ['--version']).status === 0;
const withArecord = isThere ? test : test.skip;
const HOW = isThere ? '' : ' (left out: arecord is missing; apt-get install -y alsa-utils)';

/** Sample k of the interleaved sound, as a whole number of 16 bits. */
const value = (k: number) => ((k * 7919) % 65536) - 32768;

function encode(format: SampleFormat, frames: number, from: number): Buffer {
  const bytes = Buffer.alloc(frames * 4 * BYTES_PER_SAMPLE[format]);
  for (let k = 0; k < 4 * frames; k += 1) {
    const v = value(4 * from + k);
    if (format === 'S16_LE') bytes.writeInt16LE(v, 2 * k);
    else if (format === 'S24_3LE') bytes.writeIntLE(v * 256, 3 * k, 3);
    // above the 24 bits of S24_LE lies what the card left there: here not the sign
    else if (format === 'S24_LE') bytes.writeUInt32LE((((v * 256) & 0xffffff) | 0x55000000) >>> 0, 4 * k);
    else if (format === 'S32_LE') bytes.writeInt32LE(v * 65536, 4 * k);
    else bytes.writeFloatLE(v / 32768, 4 * k);
  }
  return bytes;
}

/** An ALSA device that plays what is written into a pipe. */
async function pipedDevice(): Promise<{ pipe: string }> {
  const folder = await temporaryFolder();
  const pipe = join(folder, 'sound');
  execFileSync('mkfifo', [pipe]);
  const silence = 'pcm.silence { type null }';
  const array = `pcm.array { type file slave.pcm silence file /dev/null infile "${pipe}" format raw }`;
  writeFileSync(join(folder, 'asoundrc'), `${silence}\n${array}\n`);
  process.env.ALSA_CONFIG_PATH = join(folder, 'asoundrc');
  return { pipe };
}

interface Played {
  stop(): void;
}

/** Writes sound into the pipe at real speed, a period at a time. @param pauseAt seconds after which nothing comes for a second */
function play(pipe: string, format: SampleFormat, pauseAt = Number.POSITIVE_INFINITY): Played {
  // opened for reading too, so that the pipe outlives an arecord that is begun again
  const out = createWriteStream('', { fd: openSync(pipe, constants.O_RDWR) });
  let stopped = false;
  const run = async () => {
    let begun = performance.now();
    for (let n = 0; !stopped; n += 960) {
      if (n === pauseAt * RATE) {
        await sleep(1000);
        begun += 1000;
      }
      out.write(encode(format, 960, n));
      await sleep(Math.max(0, begun + (1000 * (n + 960)) / RATE - performance.now()));
    }
    out.destroy();
  };
  void run();
  return {
    stop: () => {
      stopped = true;
    },
  };
}

function microphoneOn(device: string, format: SampleFormat): Microphone {
  const profile = { ...microphoneNamed('ambix'), sampleFormats: [format] };
  const mixer = channelMixer({ profile, format: 'foa', normalization: 'sn3d', longestBlock: 960 });
  return new Microphone({
    ...{ profile, device: parseDeviceName(device), rate: RATE, outputRate: RATE, mixer },
    times: { stallMs: 400, restartMs: 50 },
  });
}

withArecord.each(['S16_LE', 'S24_3LE', 'S24_LE', 'S32_LE', 'FLOAT_LE'] as const)(
  `every sample of %s comes through arecord as it was${HOW}`,
  async (format) => {
    const { pipe } = await pipedDevice();
    const played = play(pipe, format);
    const microphone = microphoneOn('pcm:array', format);
    let wrong = 0;
    let heard = 0;
    await microphone.start((block) => {
      for (const [c, channel] of block.channels.entries())
        for (const [i, sample] of channel.entries())
          if (sample !== value(4 * (block.sampleIndex + i) + c) / 32768) wrong += 1;
      heard += block.channels[0]!.length;
      if (heard > RATE / 2) void microphone.stop();
    });
    played.stop();
    expect(wrong).toBe(0);
    expect(microphone.figures).toMatchObject({
      state: 'stopped',
      restarts: 0,
      discontinuities: {},
      device: 'pcm:array',
    });
  },
);

withArecord(`an arecord whose device falls silent is ended and begun again${HOW}`, async () => {
  const { pipe } = await pipedDevice();
  const played = play(pipe, 'S16_LE', 0.4);
  const microphone = microphoneOn('pcm:array', 'S16_LE');
  let next = 0;
  await microphone.start(({ sampleIndex, discontinuity, channels }) => {
    expect(sampleIndex).toBe(next + discontinuity);
    next = sampleIndex + channels[0]!.length;
    if (next > 2 * RATE) void microphone.stop();
  });
  played.stop();
  expect(microphone.figures.restartsByReason).toEqual({ stalled: 1 });
  expect(microphone.figures.lostSamples).toBeGreaterThan(0.8 * RATE); // the pause was a second, less what the pipe held
  expect(microphone.figures.lostSamples).toBeLessThan(1.4 * RATE);
});

withArecord(`a device that ALSA does not know is told in arecord's own words${HOW}`, async () => {
  await pipedDevice();
  const microphone = microphoneOn('pcm:nosuch', 'S16_LE');
  const running = microphone.start(() => undefined);
  while (microphone.figures.restarts === 0) await sleep(20);
  expect(microphone.figures.complaint).toContain('audio open error: No such file or directory');
  await microphone.stop();
  await running;
});
