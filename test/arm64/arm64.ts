// npm run test:arm64: the runtime as it would be installed on a Jetson, run by qemu-user, hears the same sounds as here.
// Needs Debian's qemu-user-static, libc6-arm64-cross and libstdc++6-arm64-cross, and npm for the packages of arm64; some minutes.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecording } from '../../runtime/capture/recording.ts';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { WavWriter } from '../../tools/data/wav-writer.ts';
import { fetchNode, installPackage } from './package.ts';

const LIBRARIES = '/usr/aarch64-linux-gnu/lib';
const QEMU = 'qemu-aarch64-static';
/** Other vector instructions round otherwise in the last place. */
const TOLERANCE_DEGREES = 0.5;
const TOLERANCE_SECONDS = 0.1001;
const TOLERANCE_SCORE = 0.01;
const SECONDS = 20;

/** onnxruntime reads it, and would take the host's: two cores of a Jetson Orin (Cortex-A78AE). */
const CPU = [0, 1]
  .map(
    (processor) =>
      `processor\t: ${processor}\nBogoMIPS\t: 62.50\nFeatures\t: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp\n` +
      'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd42\nCPU revision\t: 1\n',
  )
  .join('\n');

interface Heard {
  readonly type: string;
  readonly class: string;
  readonly azimuth: number;
  readonly elevation: number;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

if (spawnSync(QEMU, ['--version']).error || !existsSync(LIBRARIES)) {
  process.stderr.write(
    'Install qemu first: apt-get install -y qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross\n',
  );
  process.exit(1);
}
const work = mkdtempSync(join(tmpdir(), 'earshot-arm64-'));
try {
  const node = fetchNode();
  const app = installPackage();
  const sysroot = makeSysroot();
  const recording = await firstSeconds();
  const args = ['bin/earshot.js', 'run', recording, '--fast', '--json', '--threads', '1', '--out', join(work, 'out')];
  const here = hear(process.execPath, args, PACKAGE_ROOT);
  const started = performance.now();
  const there = hear(QEMU, ['-cpu', 'max', '-L', sysroot, node, ...args], app);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`x64 heard ${here.length} sounds, arm64 ${there.length} (${seconds.toFixed(0)} s under qemu)\n`);
  const differences = compare(here, there);
  for (const difference of differences) process.stdout.write(`FAIL  ${difference}\n`);
  if (differences.length > 0) process.exitCode = 1;
  else process.stdout.write('ok    the same sounds, times and directions\n');
} finally {
  rmSync(work, { recursive: true, force: true });
}

function makeSysroot(): string {
  const sysroot = join(work, 'sysroot');
  cpSync(LIBRARIES, join(sysroot, 'lib'), { recursive: true });
  mkdirSync(join(sysroot, 'proc'));
  writeFileSync(join(sysroot, 'proc', 'cpuinfo'), CPU);
  return sysroot;
}

/** The beginning of the bundled recording: qemu takes some twenty times as long as the processor itself. */
async function firstSeconds(): Promise<string> {
  const recording = await openRecording(join(PACKAGE_ROOT, 'recordings', 'office.flac'));
  const frames = SECONDS * recording.sampleRate;
  const samples = Array.from({ length: recording.channels }, () => new Float32Array(frames));
  for (let read = 0; read < frames; ) {
    const count = await recording.read(samples.map((channel) => channel.subarray(read)));
    if (count === 0) break;
    read += count;
  }
  await recording.close();
  const path = join(work, 'office.wav');
  const writer = new WavWriter(path, recording.channels, recording.sampleRate);
  writer.write(samples);
  writer.close();
  return path;
}

function hear(program: string, args: readonly string[], cwd: string): Heard[] {
  const { stdout, stderr, status } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.slice(-2000)}`);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Heard);
  return lines.filter(({ type }) => type === 'event');
}

function compare(here: readonly Heard[], there: readonly Heard[]): string[] {
  if (here.length === 0) return ['nothing was heard'];
  if (here.length !== there.length) return [`${there.length} sounds in place of ${here.length}`];
  return here.flatMap((own, i) => {
    const other = there[i]!;
    const isSame =
      own.class === other.class &&
      Math.abs(own.azimuth - other.azimuth) <= TOLERANCE_DEGREES &&
      Math.abs(own.elevation - other.elevation) <= TOLERANCE_DEGREES &&
      Math.abs(own.score - other.score) <= TOLERANCE_SCORE &&
      Math.abs(own.start - other.start) <= TOLERANCE_SECONDS &&
      Math.abs(own.end - other.end) <= TOLERANCE_SECONDS;
    return isSame ? [] : [`${JSON.stringify(other)} in place of ${JSON.stringify(own)}`];
  });
}
