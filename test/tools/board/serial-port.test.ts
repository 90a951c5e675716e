// Serial ports: what sysfs and udev tell of them, and each way in which one cannot be opened; on ptys that socat makes.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSerialPort, serialPlaces } from '../../../tools/board/serial-port.ts';
import { plugUsb } from '../../fakes/usb-tree.ts';

const DIST = new URL('../../../dist/tools/board/serial-port.js', import.meta.url).href;

let folder: string;
let socat: ChildProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-serial-'));
  const end = (name: string) => `pty,raw,echo=0,link=${join(folder, name)}`;
  socat = spawn('socat', [end('board'), end('host')], { stdio: 'ignore' });
  const missing = new Promise<never>((_, reject) =>
    socat.once('error', () => reject(new Error('socat is missing, which makes the ptys: apt-get install socat'))),
  );
  const made = async () => {
    while (!existsSync(join(folder, 'host'))) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await Promise.race([missing, made()]);
});
afterAll(() => {
  socat.kill();
  rmSync(folder, { recursive: true });
});

const close = (port: { close(done: () => void): void }) => new Promise<void>((resolve) => port.close(resolve));

test('a port carries bytes both ways', async () => {
  const host = await openSerialPort(join(folder, 'host'), 115200);
  const board = await openSerialPort(join(folder, 'board'), 115200);
  for (const [from, to] of [
    [host, board],
    [board, host],
  ] as const) {
    const heard = new Promise<string>((resolve) => to.once('data', (bytes: Buffer) => resolve(bytes.toString())));
    from.write('login: ');
    expect(await heard).toBe('login: ');
  }
  await Promise.all([close(host), close(board)]);
});

test('a port that another program holds names the program', async () => {
  const path = join(folder, 'host');
  const held = spawn('socat', ['-u', `${realpathSync(path)},flock-ex`, 'STDOUT'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const open = async () => {
    const { stdout } = await promisify(execFile)('ls', ['-l', `/proc/${held.pid}/fd`]);
    return stdout.includes(realpathSync(path));
  };
  while (!(await open())) await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(openSerialPort(path, 115200)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(new RegExp(`host is held by .*socat \\(${held.pid}\\).*: close it`)),
  });
  held.kill();
  await new Promise((resolve) => held.once('exit', resolve));
});

test('a port that is not there names those that are', async () => {
  await expect(openSerialPort('/dev/ttyACM77', 115200)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringMatching(/^There is no serial port \/dev\/ttyACM77: .*earshot board list/),
  });
});

test('a port that is not ours says which group to join', async () => {
  const path = realpathSync(join(folder, 'board'));
  chmodSync(path, 0o600);
  const code = `import { openSerialPort } from '${DIST}';
    openSerialPort('${path}', 9600).catch((error) => console.log(error.name + ': ' + error.message));`;
  const [owner, nobody] = [process.getuid!() === 0, { uid: 65534, gid: 65534 }];
  if (!owner) throw new Error('this test gives up the rights of root: run the tests as root, as CI does');
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], nobody);
  chmodSync(path, 0o620);
  expect(stdout).toMatch(
    /^UserError: You may not use \/dev\/pts\/\d+, which belongs to the group \w+: .*usermod -aG \w+ .*--udev/,
  );
});

test('what is no terminal is refused', async () => {
  await expect(openSerialPort('/dev/null', 115200)).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining('/dev/null cannot be used as a serial port'),
  });
});

test('ports are listed from sysfs with the names that last, without udevadm', async () => {
  plugUsb(folder, [
    {
      instance: '1-8.4',
      id: '0955:7020',
      manufacturer: 'NVIDIA',
      product: 'Linux for Tegra',
      serial: '1424623012345',
      ttys: { '02': 'ttyACM0' },
    },
    { instance: '1-2', id: '0403:6001', manufacturer: 'FTDI', product: 'FT232R USB UART', ttys: { '00': 'ttyUSB0' } },
  ]);
  expect(await serialPlaces(folder)).toMatchObject([
    { path: '/dev/ttyUSB0', byId: expect.stringContaining('if00'), usb: { id: '0403:6001', instance: '1-2' } },
    {
      path: '/dev/ttyACM0',
      byId: '/dev/serial/by-id/usb-NVIDIA_Linux_for_Tegra_1424623012345-if02',
      usb: { id: '0955:7020', instance: '1-8.4', interfaceNumber: '02', product: 'Linux for Tegra' },
    },
  ]);
});
