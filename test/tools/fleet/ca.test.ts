// The fleet's authority, judged by OpenSSL: what it signs, refuses, revokes and remembers.
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceKey, deviceRequest, storeCertificate } from '../../../runtime/device/device-key.ts';
import { makeKey, makeRequest, readCertificate, readRevocationList } from '../../../runtime/device/x509.ts';
import { initAuthority, renewAuthority } from '../../../tools/fleet/ca-init.ts';
import { readRegister } from '../../../tools/fleet/ca-register.ts';
import { revoke } from '../../../tools/fleet/ca-revoke.ts';
import { signOperator, signRequest, signServer } from '../../../tools/fleet/ca-sign.ts';

const PASSPHRASE = 'correct horse battery staple';
const MILL = { site: 'north', device: 'mill-3' };
let work: string;
let folder: string;

beforeEach(async () => {
  work = mkdtempSync(join(tmpdir(), 'earshot-ca-'));
  folder = join(work, 'ca');
  await initAuthority(folder, 'mills', PASSPHRASE);
});
afterEach(() => rmSync(work, { recursive: true }));

const request = (key = makeKey(), name = MILL) =>
  makeRequest(key, { commonName: `${name.site}/${name.device}`, organisationalUnit: name.site });
const put = (name: string, text: string) => {
  writeFileSync(join(work, name), text);
  return join(work, name);
};
const openssl = (...words: string[]) => execFileSync('openssl', words, { encoding: 'utf8', stdio: 'pipe' });
const judge = (chain: string, purpose: string, ...more: string[]) =>
  openssl(
    'verify',
    '-CAfile',
    join(folder, 'broker/devices.pem'),
    '-purpose',
    purpose,
    ...more,
    put('leaf.pem', chain),
  );
const withList = ['-crl_check', '-CRLfile'];

test('a device makes its key, asks, and stores what the authority signed for it', async () => {
  const files = { key: join(work, 'id/device.key'), certificate: join(work, 'id/device.pem') };
  const { chain, notAfter } = await signRequest({ folder, ...MILL, request: await deviceRequest(files.key, MILL) });
  const facts = await storeCertificate(chain, files, MILL);
  expect(facts.subject).toEqual({ commonName: 'north/mill-3', organisationalUnit: 'north' });
  expect(notAfter.getTime() - Date.now()).toBeGreaterThan(729 * 86_400_000);
  expect(statSync(files.key).mode & 0o777).toBe(0o600);
  expect(judge(chain, 'sslclient')).toContain('OK');
  expect(() => judge(chain, 'sslserver')).toThrow(/unsuitable certificate purpose|verification failed/);
});

test('the key of a device is made once', async () => {
  const file = join(work, 'device.key');
  expect(await deviceKey(file)).toBe(await deviceKey(file));
});

test('the certificate of a server names its hosts and is none of a client', async () => {
  const { chain } = await signServer(folder, ['broker.lan', '192.168.1.2']);
  expect(judge(chain, 'sslserver', '-verify_hostname', 'broker.lan', '-verify_ip', '192.168.1.2')).toContain('OK');
  expect(() => judge(chain, 'sslclient')).toThrow();
  await expect(signServer(folder, ['*.lan'])).rejects.toThrow('must be a host name or an address');
});

test('a request that another changed, or whose key its writer has not, is refused', async () => {
  const pem = await request();
  const der = Buffer.from(pem.replace(/-----.*-----|\n/g, ''), 'base64');
  der[der.length - 1]! ^= 1;
  const changed = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  await expect(signRequest({ folder, ...MILL, request: changed })).rejects.toThrow('not signed with the key it is for');
});

test.each([
  ['another device', { site: 'north', device: 'mill-4' }, 'The request is of "north/mill-4", not of north/mill-3'],
  ['a wildcard', { site: 'north', device: '+' }, 'The request is of "north/+"'],
])('a request of %s is refused', async (_, name, message) => {
  await expect(signRequest({ folder, ...MILL, request: await request(makeKey(), name) })).rejects.toThrow(message);
});

test.each([['#'], ['a/b'], ['Mill'], [''], ['x\u001b[2J']])('no certificate has the device name %j', async (device) => {
  await expect(signRequest({ folder, site: 'north', device, request: await request() })).rejects.toThrow(
    'The device "',
  );
});

test('a name longer than a certificate holds is refused with the rule', async () => {
  const name = { site: 'a'.repeat(36), device: 'b'.repeat(36) };
  await expect(signRequest({ folder, ...name, request: await request() })).rejects.toThrow(
    'has 73 characters, a certificate holds 64',
  );
});

test('a request with a weak or unusual key is refused', async () => {
  const key = join(work, 'rsa.key');
  openssl(
    'req',
    '-new',
    '-newkey',
    'rsa:1024',
    '-nodes',
    '-keyout',
    key,
    '-subj',
    '/CN=north\\/mill-3',
    '-out',
    join(work, 'rsa.csr'),
  );
  await expect(signRequest({ folder, ...MILL, request: readFileSync(join(work, 'rsa.csr'), 'utf8') })).rejects.toThrow(
    'must be of the curve P-256',
  );
  await expect(signRequest({ folder, ...MILL, request: 'no request' })).rejects.toThrow('not in PEM');
  await expect(signRequest({ folder, ...MILL, request: `-----BEGIN${'A'.repeat(20_000)}` })).rejects.toThrow(
    'at most 16384 are read',
  );
});

test('asking twice with one key gives the same certificate; another key gets the name only when the old one goes', async () => {
  const key = makeKey();
  const first = await signRequest({ folder, ...MILL, request: await request(key) });
  const second = await signRequest({ folder, ...MILL, request: await request(key) });
  expect(second).toEqual({ ...first, isNew: false });
  await expect(signRequest({ folder, ...MILL, request: await request() })).rejects.toThrow(
    'north/mill-3 has a certificate with another key',
  );
  const other = await signRequest({ folder, ...MILL, request: await request(), replace: true });
  expect(other.serial).not.toBe(first.serial);
  expect((await readRegister(folder)).issues.get(first.serial)?.revoked?.reason).toBe('superseded');
});

test('in the second half of its time a certificate is renewed for the same key', async () => {
  const key = makeKey();
  const first = await signRequest({ folder, ...MILL, request: await request(key), days: 2 });
  const now = new Date(Date.now() + 1.5 * 86_400_000);
  const later = await signRequest({ folder, ...MILL, request: await request(key), now });
  expect(later.isNew).toBe(true);
  expect(later.notAfter.getTime()).toBeGreaterThan(first.notAfter.getTime());
});

test('a revoked certificate stands in the list that OpenSSL reads, others do not', async () => {
  const bad = await signRequest({ folder, ...MILL, request: await request() });
  const good = await signRequest({
    folder,
    site: 'north',
    device: 'mill-4',
    request: await request(makeKey(), { site: 'north', device: 'mill-4' }),
  });
  await revoke(folder, 'north/mill-3', 'keyCompromise');
  const list = join(folder, 'broker/devices.crl');
  expect(() => judge(bad.chain, 'sslclient', ...withList, list)).toThrow(/revoked/);
  expect(judge(good.chain, 'sslclient', ...withList, list)).toContain('OK');
  expect(openssl('crl', '-in', list, '-noout', '-text')).toContain('Key Compromise');
  await expect(revoke(folder, 'north/mill-3', 'unspecified')).rejects.toThrow('north/mill-3 is revoked already');
  await expect(revoke(folder, 'north/mill-9', 'unspecified')).rejects.toThrow('No certificate was ever signed for');
});

test('after the signing authority was renewed old and new certificates hold and can be revoked', async () => {
  const old = await signRequest({ folder, ...MILL, request: await request() });
  await expect(renewAuthority(folder, 'not the passphrase')).rejects.toThrow('does not open');
  await renewAuthority(folder, PASSPHRASE);
  const name = { site: 'north', device: 'mill-4' };
  const fresh = await signRequest({ folder, ...name, request: await request(makeKey(), name) });
  const list = join(folder, 'broker/devices.crl');
  for (const { chain } of [old, fresh]) expect(judge(chain, 'sslclient', ...withList, list)).toContain('OK');
  await revoke(folder, 'north/mill-3', 'unspecified');
  expect(() => judge(old.chain, 'sslclient', ...withList, list)).toThrow(/revoked/);
  expect(judge(fresh.chain, 'sslclient', ...withList, list)).toContain('OK');
});

test('the certificate of a hub is of another authority than those of devices', async () => {
  const { chain, key } = await signOperator(folder, 'hub', 'hub');
  expect(key).toContain('PRIVATE KEY');
  expect(() => judge(chain, 'sslclient')).toThrow();
  expect(openssl('verify', '-CAfile', join(folder, 'broker/operators.pem'), put('hub.pem', chain))).toContain('OK');
  await expect(signOperator(folder, 'hub', 'viewer')).rejects.toThrow('hub has the role hub until');
  await expect(signOperator(folder, 'north/mill-3', 'hub')).rejects.toThrow('must be 1 to 36');
});

test('the key of the root is encrypted, and every other key is for its owner alone', async () => {
  expect(readFileSync(join(folder, 'root.key'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
  expect(openssl('ec', '-in', join(folder, 'root.key'), '-passin', `pass:${PASSPHRASE}`, '-noout', '-text')).toContain(
    'P-256',
  );
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const open = files.filter((file) => statSync(file).isFile() && (statSync(file).mode & 0o077) !== 0);
  expect(open).toEqual([]);
});

test('a folder is made once, with a passphrase that deserves the name', async () => {
  await expect(initAuthority(folder, 'mills', PASSPHRASE)).rejects.toThrow('exists already');
  await expect(initAuthority(join(work, 'other'), 'mills', 'short')).rejects.toThrow('at least 16 are wanted');
  expect(readdirSync(work)).toEqual(['ca']);
});

test('serial numbers are random and positive, of 127 bits', async () => {
  const serials = await Promise.all([1, 2, 3].map(async (n) => (await signServer(folder, [`host-${n}`])).serial));
  expect(new Set(serials).size).toBe(3);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
});

test('two who sign at once wait for each other', async () => {
  const names = Array.from({ length: 6 }, (_, i) => ({ site: 'north', device: `mill-${i}` }));
  await Promise.all(
    names.map(async (name) => signRequest({ folder, ...name, request: await request(makeKey(), name) })),
  );
  const { issues } = await readRegister(folder);
  expect([...issues.values()].map(({ name }) => name).sort()).toEqual(names.map(({ device }) => `north/${device}`));
});

test('a register whose last line was cut off by a crash is read without it and goes on', async () => {
  const { serial } = await signRequest({ folder, ...MILL, request: await request() });
  const file = join(folder, 'index.jsonl');
  const whole = statSync(file).size;
  appendFileSync(file, '{"did":"issued","serial":"4a');
  expect([...(await readRegister(folder)).issues.keys()]).toEqual([serial]);
  await signServer(folder, ['broker.lan']);
  expect((await readRegister(folder)).issues.size).toBe(2);
  truncateSync(file, whole - 1);
  expect((await readRegister(folder)).issues.size).toBe(0);
  writeFileSync(file, 'nonsense\n');
  await expect(readRegister(folder)).rejects.toThrow('is damaged in line 1');
});

test('killed at any moment, the register knows every certificate that anybody got', async () => {
  const script = fileURLToPath(new URL('../../../dist/test/tools/fleet/ca-signer.js', import.meta.url));
  const given: string[] = [];
  for (const ms of [250, 330, 410]) {
    const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, ms));
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
    given.push(...said.split('\n').filter((line) => /^[0-9a-f]{32}$/.test(line)));
  }
  expect(given.length).toBeGreaterThan(5);
  const { issues } = await readRegister(folder);
  expect(given.filter((serial) => !issues.has(serial))).toEqual([]);
  expect((await signServer(folder, ['after.lan'])).isNew).toBe(true);
}, 30_000);

test('the list of revoked certificates leaves out those whose own time is over', async () => {
  await signRequest({ folder, ...MILL, request: await request(), days: 1 });
  await revoke(folder, 'north/mill-3', 'unspecified');
  const list = () => readRevocationList(readFileSync(join(folder, 'broker/devices.crl'), 'utf8')).serials;
  expect(list()).toHaveLength(1);
  const name = { site: 'north', device: 'mill-4' };
  await signRequest({ folder, ...name, request: await request(makeKey(), name) });
  await revoke(folder, 'north/mill-4', 'unspecified', new Date(Date.now() + 2 * 86_400_000));
  expect(list()).toHaveLength(1);
});

test('a certificate is stored only where its key is', async () => {
  const files = { key: join(work, 'device.key'), certificate: join(work, 'device.pem') };
  const { chain } = await signRequest({ folder, ...MILL, request: await request() });
  await expect(storeCertificate(chain, files, MILL)).rejects.toThrow('belongs to another key');
  await expect(storeCertificate(chain, files, { ...MILL, device: 'mill-4' })).rejects.toThrow(
    'is of north/mill-3, this device is north/mill-4',
  );
  expect(readCertificate(chain).subject.commonName).toBe('north/mill-3');
});
