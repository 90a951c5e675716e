// The log: JSON lines, a limit for each kind of line, no secret.
import { createLog, type LogOptions, logCommand } from '../../../runtime/device/log.ts';
import { hideSecrets, withoutSecrets } from '../../../runtime/device/secrets.ts';

function logTo(lines: string[], options: Partial<LogOptions> = {}) {
  return createLog({ write: (line) => lines.push(line), plain: false, ...options });
}

test('a line is one JSON object with time, level, code and message', () => {
  const lines: string[] = [];
  logTo(lines).warn('broker-lost', 'No broker answers.', { retrySeconds: 4 });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toEqual({
    ...{ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), level: 'warn', code: 'broker-lost' },
    ...{ msg: 'No broker answers.', retrySeconds: 4 },
  });
});

test('a person at a terminal reads plain lines', () => {
  const lines: string[] = [];
  logTo(lines, { plain: true }).error('disk-full', 'Nothing can be recorded.', { freeBytes: 0 });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d error disk-full: Nothing can be recorded\. \{"freeBytes":0\}\n$/);
});

test('a kind of line that repeats is held back after ten in a minute, and their number is told', () => {
  const lines: string[] = [];
  let now = 0;
  const log = logTo(lines, { now: () => now });
  for (let k = 0; k < 500; k += 1) log.warn('overrun', 'Sound was lost.');
  log.info('other', 'Something else is told all the same.');
  expect(lines).toHaveLength(11);
  now = 60_000;
  log.warn('overrun', 'Sound was lost.');
  expect(JSON.parse(lines[11]!)).toMatchObject({ code: 'overrun', heldBack: 490 });
  expect(lines).toHaveLength(13);
});

test('what was held back is told when the log ends', () => {
  const lines: string[] = [];
  const log = logTo(lines, { perMinute: 1 });
  log.info('a', 'x');
  log.info('a', 'x');
  log.flush();
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ code: 'a', heldBack: 1 });
});

const PEM = '-----BEGIN PRIVATE KEY-----\nMIIBCANARY\n-----END PRIVATE KEY-----';

test('secrets are hidden by the name of their key, in URLs, in texts and as private keys', () => {
  const lines: string[] = [];
  const log = logTo(lines);
  log.info('config', 'mqtts://ear:canary@broker:8883 refused password=canary', {
    ...{ broker: 'mqtts://ear:canary@broker:8883', tls: { passphrase: 'canary', key: PEM, caFile: '/etc/ca.pem' } },
    ...{ list: [{ apiToken: 'canary' }], cause: new Error('token: canary'), keyFile: '/etc/earshot/device.key' },
  });
  const text = lines.join('');
  expect(text).not.toMatch(/canary/i);
  expect(text).toContain('/etc/ca.pem');
  expect(text).toContain('/etc/earshot/device.key');
  expect(text).toContain('@broker:8883');
});

test('what is no secret stays as it is', () => {
  const value = { headingDegrees: 90, labels: ['keyboard', 'password'], position: null, passes: 3 };
  expect(hideSecrets(value)).toEqual(value);
  expect(withoutSecrets('https://example.org/a?b=c is fine at 12:00')).toBe(
    'https://example.org/a?b=c is fine at 12:00',
  );
});

test('the newest lines can be asked for from far away, with secrets hidden', () => {
  const log = createLog({ write: () => undefined, plain: true, perMinute: 1000 });
  for (let i = 1; i <= 300; i++) log.info('counted', `line ${i}`, { password: 'hunter2' });
  const command = logCommand(log);
  const lines = command({ lines: 2 }).lines.map((line) => JSON.parse(line) as { msg: string });
  expect(lines.map(({ msg }) => msg)).toEqual(['line 299', 'line 300']);
  expect(command({}).lines).toHaveLength(50);
  expect(command({ lines: 200 }).lines.join()).not.toContain('hunter2');
  for (const given of [0, 201, 1.5, 'all']) expect(() => command({ lines: given })).toThrow('lines must be 1 to 200');
});
