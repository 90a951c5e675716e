// No secret lies in the repository, and none leaves a device or hub in what they print, log or pack.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hideSecrets, withoutSecrets } from '../runtime/device/secrets.ts';
import { makeKey } from '../runtime/device/x509.ts';
import { initAuthority } from '../tools/fleet/ca-init.ts';
import { makeToken } from '../tools/fleet/ca-tokens.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LARGEST = 5_000_000;

/** What the well-known services and programs give as keys, and passwords within addresses. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  'private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=\s]{40,}-----END/,
  'AWS key': /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
  'GitHub token': /\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b/,
  'npm token': /\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=/,
  'Slack token': /\bxox[abprs]-[A-Za-z0-9-]{20,}/,
  'JSON web token': /\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}/,
  'enrolment token': /\b[A-Za-z0-9_-]{43}\.[0-9a-f]{64}\b/,
};

function findSecrets(text: string): string[] {
  return Object.keys(PATTERNS).filter((name) => PATTERNS[name]!.test(text));
}

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })
  .split('\0')
  .filter(Boolean);

test('the scan finds a key, and tokens as services give them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-secrets-'));
  await initAuthority(join(folder, 'ca'), 'test', 'a passphrase of the tests');
  const { token } = await makeToken(join(folder, 'ca'), 'north/mill-3', 1);
  rmSync(folder, { recursive: true });
  expect(findSecrets(makeKey())).toEqual(['private key']);
  expect(findSecrets(token)).toEqual(['enrolment token']);
  expect(findSecrets(`ghp_${'a1B2'.repeat(9)}`)).toEqual(['GitHub token']);
  expect(tracked.length).toBeGreaterThan(500);
});

test('no private key, token or key file is in the repository', () => {
  const found = tracked
    .filter((file) => statSync(join(ROOT, file), { throwIfNoEntry: false })?.isFile())
    .filter((file) => statSync(join(ROOT, file)).size < LARGEST)
    .flatMap((file) => findSecrets(readFileSync(join(ROOT, file), 'latin1')).map((what) => `${file}: ${what}`));
  expect(found).toEqual([]);
  expect(
    tracked.filter((file) =>
      /\.(key|p12|pfx|jks|env)$|(^|\/)(id_(rsa|ed25519|ecdsa)|\.npmrc\.local|\.env(\..*)?)$/.test(file),
    ),
  ).toEqual([]);
});

test('what a log or report says of keys, passwords and addresses is hidden', () => {
  const key = makeKey();
  const password = randomBytes(12).toString('hex');
  const samples = [
    key,
    `broker mqtt://ears:${password}@broker.lan:1883 is away`,
    `password=${password}`,
    `{"token": "${password}"}`,
  ];
  for (const sample of samples) {
    expect(withoutSecrets(sample)).not.toContain(password);
    expect(withoutSecrets(sample)).not.toContain(key.split('\n')[1]);
  }
  const hidden = JSON.stringify(
    hideSecrets({
      credentials: { password },
      nested: [{ apiToken: password }],
      error: new Error(`token: ${password}`),
    }),
  );
  expect(hidden).not.toContain(password);
});

test('no option of a command takes a secret itself, which process lists would show: files and questions do', () => {
  const commands = tracked
    .filter((file) => /^tools\/.*\.ts$/.test(file))
    .map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const options = commands.flatMap((text) => text.match(/'(?:-\w, )?--[a-z-]+(?: [<[][^'\]>]*[>\]])?'/g) ?? []);
  expect(options.length).toBeGreaterThan(100);
  expect(
    options.filter(
      (option) =>
        /--(password|passphrase|token|secret|pin|key)\b[^-]/.test(option) && !/<(files?|path)(\.\.\.)?>/.test(option),
    ),
  ).toEqual([]);
});
