// A short look at arm64 within npm test, where qemu-user and Node.js for arm64 are there already (npm run test:arm64 fetches it).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRequest } from '../../runtime/device/x509.ts';
import { workerFile } from '../../runtime/worker-file.ts';
import { cachedNode } from './package.ts';

const LIBRARIES = '/usr/aarch64-linux-gnu';
const isThere =
  existsSync(cachedNode()) &&
  existsSync(join(LIBRARIES, 'lib')) &&
  !spawnSync('qemu-aarch64-static', ['--version']).error;
const onArm64 = isThere ? test : test.skip;
if (!isThere)
  test.skip('(arm64 is left out: apt-get install qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross; npm run test:arm64 brings the rest)', () => {});

onArm64('a key and a certificate request made by arm64 code are taken by the authority here', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-arm64-'));
  try {
    const key = join(folder, 'device.key');
    const module = workerFile(new URL('../../runtime/device/device-key.ts', import.meta.url)).href;
    const code = `import(${JSON.stringify(module)}).then(async ({ deviceRequest }) => {
      console.log(process.arch);
      console.log(await deviceRequest(${JSON.stringify(key)}, { site: 'north', device: 'mill-3' }));
    });`;
    const { stdout, stderr } = spawnSync('qemu-aarch64-static', ['-L', LIBRARIES, cachedNode(), '-e', code], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^arm64\n/);
    expect((await readRequest(stdout.slice(stdout.indexOf('-----BEGIN')))).subject.commonName).toBe('north/mill-3');
    expect(statSync(key).mode & 0o777).toBe(0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
