// A board that is none: Debian for arm64 under qemu-system-aarch64, with a serial console on a pty and a network of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { BoardImage } from './image.ts';

/** The address of this machine as the board sees it (qemu's user-mode network). */
export const HOST_AS_SEEN = '10.0.2.2';
const CONSOLE = /char device redirected to (\S+)/;

export class VirtualBoard {
  /** Where the console is, whichever pty qemu got: a link, as udev makes them by id. */
  readonly serial: string;
  readonly #disk: string;
  readonly #image: BoardImage;
  #qemu: ChildProcess | undefined;
  #sshPort = 0;

  /** @param folder for the disk's changes, which are gone on with where they are, and the link to the console */
  constructor(image: BoardImage, folder: string) {
    this.#image = image;
    this.serial = join(folder, 'console');
    this.#disk = join(folder, 'board.qcow2');
    const backing = ['-b', image.disk, '-F', 'raw'];
    if (!existsSync(this.#disk)) execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, this.#disk]);
  }

  /** Port of this machine that leads to the board's port 22. */
  get sshPort(): number {
    return this.#sshPort;
  }

  /** Turns the power on. Resolves when the console is there, long before the board has booted. */
  async powerOn(): Promise<void> {
    this.#sshPort ||= await freePort();
    const { kernel, initrd } = this.#image;
    const qemu = spawn(
      'qemu-system-aarch64',
      [
        ...['-machine', 'virt', '-cpu', 'cortex-a76', '-accel', 'tcg,thread=multi'],
        ...['-smp', '2', '-m', '2048', '-nodefaults', '-nographic', '-no-user-config'],
        ...['-kernel', kernel, '-initrd', initrd, '-append', 'root=/dev/vda rw console=ttyAMA0,115200'],
        ...['-drive', `file=${this.#disk},if=none,id=disk,format=qcow2,cache=writeback`],
        ...[
          '-device',
          'virtio-blk-pci,drive=disk',
          '-device',
          'virtio-net-pci,netdev=net',
          '-device',
          'virtio-rng-pci',
        ],
        ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${this.#sshPort}-:22`],
        ...['-chardev', 'pty,id=console', '-serial', 'chardev:console', '-monitor', 'none'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#qemu = qemu;
    const path = await new Promise<string>((resolve, reject) => {
      let said = '';
      const hear = (data: Buffer) => {
        said += data.toString();
        const match = CONSOLE.exec(said);
        if (match) resolve(match[1]!);
      };
      qemu.stdout.on('data', hear);
      qemu.stderr.on('data', hear);
      qemu.once('error', reject);
      qemu.once('exit', (code) => reject(new Error(`qemu ended with ${code}: ${said}`)));
    });
    rmSync(this.serial, { force: true });
    symlinkSync(path, this.serial);
  }

  /** Pulls the plug: no shutdown, nothing is flushed. */
  async powerCut(): Promise<void> {
    const qemu = this.#qemu;
    if (!qemu || qemu.exitCode !== null || qemu.signalCode !== null) return;
    const gone = new Promise((resolve) => qemu.once('exit', resolve));
    qemu.kill('SIGKILL');
    await gone;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
