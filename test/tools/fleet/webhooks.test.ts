// Webhooks against a real HTTP server that fails as ordered: signatures, retries over days, bounds, and where they may not go.
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type Database, openDatabase } from '../../../tools/fleet/database.ts';
import { migrate } from '../../../tools/fleet/migrations.ts';
import { checkWebhookUrl, isPublic, publicLookup } from '../../../tools/fleet/webhook-address.ts';
import { post } from '../../../tools/fleet/webhook-post.ts';
import { pauseMs, WebhookSender } from '../../../tools/fleet/webhook-sender.ts';
import { newSecret, signatureHeaders } from '../../../tools/fleet/webhook-signature.ts';
import {
  addWebhook,
  enableWebhook,
  enqueue,
  listWebhooks,
  NewWebhook,
  removeWebhook,
  type Telling,
} from '../../../tools/fleet/webhook-store.ts';
import { postgresTest, startPostgres } from '../../postgres.ts';

const HOUR = 3_600_000;

test('the signature is that of the Standard Webhooks test vector', () => {
  // From the specification's reference libraries (github.com/standard-webhooks/standard-webhooks, libraries/*/test).
  const headers = signatureHeaders(
    ...(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek'] as const),
    ...([1_614_265_330_000, '{"test": 2432232314}'] as const),
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
  expect(Buffer.from(newSecret().slice(6), 'base64')).toHaveLength(32);
});

test.each([
  ...['8.8.8.8', '93.184.215.14', '172.15.255.255', '172.32.0.0', '2606:2800:21f:cb07::1', '::ffff:8.8.8.8'].map(
    (ip) => [ip, true],
  ),
  ...['127.0.0.1', '127.9.9.9', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254'].map(
    (ip) => [ip, false],
  ),
  ...['0.0.0.0', '100.64.0.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1'].map((ip) => [ip, false]),
  ...['::', '::1', 'fe80::1', 'fd00::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '64:ff9b::a00:1'].map(
    (ip) => [ip, false],
  ),
  ...['2002:7f00:1::', '2001::1', '::7f00:1', 'no address'].map((ip) => [ip, false]),
] as [string, boolean][])('%s is on the public internet: %s', (address, expected) => {
  expect(isPublic(address)).toBe(expected);
});

test.each([
  'http://localhost/x',
  'http://127.0.0.1:8080/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://2130706433/', // 127.0.0.1 as one number, as URL parsers read it
  'http://0x7f.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://a.localhost/',
])('a webhook to %s is refused unless private addresses are allowed', (url) => {
  expect(() => checkWebhookUrl(url, false)).toThrow(/is not on the public internet/);
  expect(() => checkWebhookUrl(url, true)).not.toThrow();
});

test.each([
  ['file:///etc/passwd', /goes to an http or https URL/],
  ['gopher://x/', /goes to an http or https URL/],
  ['nonsense', /goes to an http or https URL/],
  ['https://user:secret@example.com/', /holds a password/],
])('%s is no address of a webhook', (url, message) => {
  expect(() => checkWebhookUrl(url, true)).toThrow(message);
});

test('a name that leads to this machine is refused when it is looked up, not only by its letters', async () => {
  const error = await new Promise((resolve) => publicLookup('localhost', { all: true }, resolve));
  expect((error as Error).message).toMatch(/localhost \(.*\) is not on the public internet/);
});

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers as ordered: with a status, or hang (no answer), or drop (the connection breaks). */
class Receiver {
  readonly heard: Heard[] = [];
  answers: (number | 'hang' | 'drop')[] = [];
  headers: Record<string, string> = {};
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  async start(): Promise<this> {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        this.heard.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
        const answer = this.answers.length > 1 ? this.answers.shift()! : (this.answers[0] ?? 204);
        if (answer === 'drop') request.socket.destroy();
        else if (answer !== 'hang') response.writeHead(answer, this.headers).end('thanks');
      });
    });
    await new Promise<void>((resolve) => this.#server!.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server!.address() as { port: number }).port;
    return this;
  }

  async stop(): Promise<void> {
    this.#server!.closeAllConnections();
    await new Promise((resolve) => this.#server!.close(resolve));
  }
}

interface Stage {
  readonly database: Database;
  readonly receiver: Receiver;
  readonly clock: { nowMs: number };
  readonly sender: () => WebhookSender;
  readonly add: (more?: object) => Promise<{ id: number; secret: string }>;
  readonly disabled: string[];
}

function stageTest(title: string, work: (stage: Stage) => Promise<void>): void {
  postgresTest(
    title,
    async () => {
      const [postgres, receiver] = await Promise.all([startPostgres(['fsync=off']), new Receiver().start()]);
      const database = await openDatabase(postgres.url);
      await migrate(database);
      const clock = { nowMs: Date.parse('2026-11-23T10:00:00Z') };
      const disabled: string[] = [];
      const sender = () =>
        new WebhookSender({
          ...{ database, nowMs: () => clock.nowMs, timeoutMs: 300, random: () => 1 },
          onDisabled: ({ reason }) => void disabled.push(reason),
        });
      const add = (more: object = {}) =>
        addWebhook(
          database,
          NewWebhook.parse({ url: receiver.url, topics: ['alarm'], allowPrivate: true, ...more }),
          'ann',
        );
      try {
        await work({ database, receiver, clock, sender, add, disabled });
      } finally {
        await database.close();
        await receiver.stop();
        await postgres.stop();
      }
    },
    60_000,
  );
}

const telling = (key: string, more: Partial<Telling> = {}): Telling => ({
  ...{
    topic: 'alarm',
    key,
    type: 'alarm.raised',
    time: '2026-11-23T10:00:00.000Z',
    source: '/yard/north',
    data: { rule: 'deaf' },
  },
  ...more,
});

stageTest(
  'a happening arrives once, signed, in the form that was asked for',
  async ({ database, receiver, clock, sender, add }) => {
    const { secret } = await add();
    await add({ format: 'cloudevents' });
    expect(await enqueue(database, [telling('a1'), telling('a1')], clock.nowMs)).toBe(2);
    expect(await enqueue(database, [telling('a1')], clock.nowMs)).toBe(0);
    expect(await sender().work()).toBe(2);
    expect(await sender().work()).toBe(0);
    const plain = receiver.heard.find(({ headers }) => headers['content-type'] === 'application/json')!;
    expect(JSON.parse(plain.body)).toEqual({
      type: 'alarm.raised',
      timestamp: '2026-11-23T10:00:00.000Z',
      data: { rule: 'deaf' },
    });
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = plain.headers;
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    expect(signature).toBe(
      `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${plain.body}`).digest('base64')}`,
    );
    expect(Number(timestamp)).toBe(clock.nowMs / 1000);
    const cloud = receiver.heard.find(({ headers }) => headers['content-type'] === 'application/cloudevents+json')!;
    expect(JSON.parse(cloud.body)).toEqual({
      ...{
        specversion: '1.0',
        id: 'a1',
        source: '/yard/north',
        type: 'earshot.alarm.raised',
        time: '2026-11-23T10:00:00.000Z',
      },
      ...{ datacontenttype: 'application/json', data: { rule: 'deaf' } },
    });
    const shown = JSON.stringify(await listWebhooks(database));
    expect(shown).not.toContain(secret);
  },
);

stageTest(
  'a receiver that is away gets everything later, with growing pauses, also from another hub',
  async ({ database, receiver, clock, sender, add }) => {
    await add();
    receiver.answers = [503, 'hang', 'drop', 204];
    await enqueue(database, [telling('a1'), telling('a2')], clock.nowMs);
    const tries: number[] = [];
    for (let minute = 0; minute < 10; minute += 1) {
      await sender().work(); // a new one each time, as after a restart
      if (receiver.heard.length > tries.length) tries.push(minute);
      clock.nowMs += 10_000;
    }
    // Pauses of 10, 10 and 20 s at most: two messages take turns, and one failure holds back both.
    expect(receiver.heard).toHaveLength(5);
    const [webhook] = await listWebhooks(database);
    expect(webhook).toMatchObject({ waiting: 0, delivered: 2, failingSince: null });
    const ids = receiver.heard.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids)).toEqual(new Set(['msg_1_a1', 'msg_1_a2']));
    const signatures = receiver.heard.map(({ headers }) => headers['webhook-signature']);
    expect(new Set(signatures).size).toBe(5); // the time of the try is signed
  },
);

stageTest(
  'a message that is refused does not hold back the others, and is given up after a day',
  async ({ database, receiver, clock, sender, add }) => {
    await add();
    receiver.answers = [400, 204];
    await enqueue(database, [telling('a1'), telling('a2')], clock.nowMs);
    expect(await sender().work()).toBe(1);
    receiver.answers = [400];
    for (let hour = 0; hour < 30; hour += 1) {
      clock.nowMs += HOUR;
      await sender().work();
    }
    expect((await listWebhooks(database))[0]).toMatchObject({ delivered: 1, givenUp: 1, waiting: 0, disabled: null });
    expect(receiver.heard.length).toBeGreaterThan(12);
    expect(receiver.heard.length).toBeLessThan(30);
  },
);

stageTest(
  'who takes nothing for three days, or says that it is gone, is switched off until somebody switches it on',
  async ({ database, receiver, clock, sender, add, disabled }) => {
    const { id } = await add();
    receiver.answers = [500];
    for (let hour = 0; hour < 100; hour += 1) {
      await enqueue(database, [telling(`h${hour}`)], clock.nowMs);
      await sender().work();
      clock.nowMs += HOUR;
    }
    expect(disabled).toEqual(['nothing was taken for 3 days: answered with status 500']);
    const tries = receiver.heard.length;
    expect(await enqueue(database, [telling('late')], clock.nowMs)).toBe(0);
    await sender().work();
    expect(receiver.heard).toHaveLength(tries);
    await enableWebhook(database, id);
    receiver.answers = [410];
    await enqueue(database, [telling('again')], clock.nowMs);
    await sender().work();
    expect(disabled[1]).toMatch(/gone \(status 410\)/);
    await removeWebhook(database, id);
    expect(await listWebhooks(database)).toEqual([]);
    await expect(removeWebhook(database, id)).rejects.toThrow(/There is no webhook 1/);
  },
);

stageTest(
  'a redirect is not followed, and a pause that the receiver asks for is kept',
  async ({ database, receiver, clock, sender, add }) => {
    await add();
    receiver.headers = { location: 'http://127.0.0.1:1/elsewhere', 'retry-after': '600' };
    receiver.answers = [302, 429, 204];
    await enqueue(database, [telling('a1')], clock.nowMs);
    await sender().work();
    const errors = await database.query<{ error: string }>('select error from webhook_delivery');
    expect(errors[0]!.error).toBe('answered with status 302 (redirects are not followed)');
    clock.nowMs += 700_000;
    await sender().work();
    clock.nowMs += 590_000;
    expect(await sender().work()).toBe(0);
    clock.nowMs += 60_000;
    expect(await sender().work()).toBe(1);
  },
);

stageTest('the queue of a webhook is bounded: the oldest go and are counted', async ({ database, clock, add }) => {
  await add();
  for (let i = 0; i < 3; i += 1) {
    await enqueue(
      database,
      Array.from({ length: 4000 }, (_, j) => telling(`k${i}-${j}`)),
      clock.nowMs + i,
    );
  }
  expect((await listWebhooks(database))[0]).toMatchObject({ waiting: 10_000, dropped: 2000 });
  const [oldest] = await database.query<{ id: string }>('select id from webhook_delivery order by created limit 1');
  expect(oldest!.id).toMatch(/^msg_1_k0-/);
});

stageTest('webhooks get what they asked for: topics, sites, classes and scores', async ({ database, clock, add }) => {
  await add({ topics: ['event'], classes: ['siren'], minScore: 0.5 });
  await add({ topics: ['alarm', 'rollout'], sites: ['yard'] });
  const event = (name: string, score: number) =>
    telling(`${name}${score}`, { topic: 'event', type: 'event.new', site: 'yard', class: name, score });
  const alarm = (site: string) => telling(site, { site });
  const given = [
    event('siren', 0.9),
    event('siren', 0.4),
    event('bark', 0.9),
    alarm('yard'),
    alarm('mill'),
    telling('r', { topic: 'rollout' }),
  ];
  expect(await enqueue(database, given, clock.nowMs)).toBe(3);
  const rows = await database.query<{ id: string }>('select id from webhook_delivery order by id');
  expect(rows.map(({ id }) => id)).toEqual(['msg_1_siren0.9', 'msg_2_r', 'msg_2_yard']);
});

test('without leave for private addresses nothing is sent to this machine, by number or by name', async () => {
  const receiver = await new Receiver().start();
  const given = {
    secret: newSecret(),
    id: 'm',
    body: '{}',
    contentType: 'application/json',
    nowMs: Date.now(),
    timeoutMs: 1000,
  };
  try {
    for (const url of [receiver.url, receiver.url.replace('127.0.0.1', 'localhost')]) {
      const answer = await post({ ...given, url, allowPrivate: false });
      expect(answer).toMatchObject({ status: null, error: expect.stringMatching(/not on the public internet/) });
    }
    // hostname whose letters say nothing: refused by the address that it leads to
    const named = await post({
      ...given,
      url: receiver.url.replace('127.0.0.1', 'ip6-localhost'),
      allowPrivate: false,
    });
    expect(named.status).toBeNull();
    expect(receiver.heard).toEqual([]);
    expect(await post({ ...given, url: receiver.url, allowPrivate: true })).toMatchObject({ status: 204, error: null });
  } finally {
    await receiver.stop();
  }
});

test('pauses are drawn from 0 to a bound that doubles up to two hours', () => {
  expect([1, 2, 3, 20, 1000].map((attempts) => pauseMs(attempts, () => 1))).toEqual([
    10_000,
    20_000,
    40_000,
    2 * HOUR,
    2 * HOUR,
  ]);
  expect(pauseMs(5, () => 0)).toBe(0);
});
