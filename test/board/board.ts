// npm run test:board: a real arm64 Debian under qemu-system-aarch64, from its first boot to a revoked certificate.
// Needs Debian's qemu-system-arm, qemu-utils, qemu-user-static, mmdebstrap, mosquitto and openssh-client; the first run makes the
// disk as root. --keep FOLDER keeps everything there, and goes on with a disk that is there; --until N ends after so many proofs.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { boardImage, missingPrograms } from './image.ts';
import { PROOFS, type Scene } from './proofs.ts';
import { releaseMaker } from './releases.ts';
import { Surroundings } from './surroundings.ts';
import { VirtualBoard } from './virtual-board.ts';

const { values } = parseArgs({ options: { keep: { type: 'string' }, until: { type: 'string' } } });
const began = performance.now();
const clock = () => {
  const seconds = Math.round((performance.now() - began) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};
const tell = (line: string) => void process.stdout.write(`${clock().padStart(6)}  ${line}\n`);

const missing = missingPrograms();
if (missing) {
  process.stderr.write(`${missing}\n`);
  process.exit(1);
}
const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'earshot-board-'));
mkdirSync(folder, { recursive: true });
const image = boardImage(tell);
const around = await Surroundings.start(folder);
const board = new VirtualBoard(image, folder);
const end = async () => {
  await board.powerCut();
  await around.stop();
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
};
process.once('SIGINT', () => void end().finally(() => process.exit(130)));
process.once('SIGTERM', () => void end().finally(() => process.exit(143)));
try {
  await board.powerOn();
  tell(`power is on; its console is ${board.serial}`);
  const scene: Scene = { folder, board, around, releases: releaseMaker(folder), tell };
  for (const { name, prove } of PROOFS.slice(0, Number(values.until ?? PROOFS.length))) {
    const from = performance.now();
    const found = await prove(scene);
    tell(`ok    ${name} (${Math.round((performance.now() - from) / 1000)} s): ${found}`);
  }
} catch (error) {
  tell(`FAIL  ${(error as Error).stack}`);
  process.exitCode = 1;
} finally {
  await end();
}
