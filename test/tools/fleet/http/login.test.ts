// Who gets in, what he may, what a foreign page may not, and what stands in the book: over real HTTP, with a real database.

import { addToken, IDLE_MS, LONGEST_MS } from '../../../../tools/fleet/http/accounts.ts';
import { readAudit } from '../../../../tools/fleet/http/audit.ts';
import { type HubServer, login, PASSWORD, startHubServer } from './hub-server.ts';

let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer();
});
afterAll(() => hub.stop());

const errorOf = async (response: Response) => ((await response.json()) as { error: string }).error;

test('without login nothing is told but that the hub lives', async () => {
  const paths = [
    'devices',
    'events',
    'session',
    'openapi.json',
    'users',
    'audit',
    'stream',
    'figures',
    'clips/1/audio',
  ];
  for (const path of paths) {
    const response = await fetch(`${hub.url}/api/v1/${path}`);
    expect([path, response.status, await errorOf(response)]).toEqual([path, 401, expect.stringContaining('sign in')]);
  }
  for (const path of ['/api/v1/nothing', '/api', '/../etc/passwd', '/devices']) {
    expect([path, (await fetch(hub.url + path)).status]).toEqual([path, 404]);
  }
  expect(await (await fetch(`${hub.url}/healthz`)).json()).toEqual({ status: 'ok' });
});

test('a login gives a cookie that no script and no other site gets, and a session that tells who one is', async () => {
  const response = await login(hub.url, 'operator', PASSWORD);
  expect(response.status).toBe(200);
  const cookie = response.headers.get('set-cookie')!;
  expect(cookie).toMatch(/^earshot_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  const client = await hub.signIn('operator');
  const session = await (await client.get('session')).json();
  expect(session).toEqual({ name: 'operator', role: 'operator', csrfToken: client.csrfToken });
  expect((await client.send('POST', 'logout')).status).toBe(204);
  expect((await client.get('session')).status).toBe(401);
});

test('a wrong password and an unknown name get the same words, and neither stands in the book', async () => {
  const wrong = await login(hub.url, 'viewer', 'not the password');
  const unknown = await login(hub.url, 'my-secret-typed-here', PASSWORD);
  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  expect(await errorOf(wrong)).toBe(await errorOf(unknown));
  const book = await readAudit(hub.database, 10);
  expect(book.slice(0, 2).map(({ who, what }) => [who, what])).toEqual([
    ['(unknown)', 'login refused'],
    ['viewer', 'login refused'],
  ]);
  expect(JSON.stringify(book)).not.toMatch(/not the password|my-secret|correct horse/);
});

test('a session ends when it was not used for long, and after its longest time whatever happens', async () => {
  const idle = await hub.signIn('viewer');
  hub.later(IDLE_MS - 60_000);
  expect((await idle.get('session')).status).toBe(200);
  hub.later(IDLE_MS - 60_000);
  expect((await idle.get('session')).status).toBe(200);
  hub.later(IDLE_MS + 1);
  expect((await idle.get('session')).status).toBe(401);
  const busy = await hub.signIn('viewer');
  for (let ms = 0; ms < LONGEST_MS; ms += IDLE_MS / 2) {
    expect((await busy.get('session')).status).toBe(200);
    hub.later(IDLE_MS / 2);
  }
  expect((await busy.get('session')).status).toBe(401);
});

test('what changes something needs the token of its session, and a page of ours', async () => {
  const [admin, other] = [await hub.signIn('admin'), await hub.signIn('admin')];
  const user = { name: 'newcomer', role: 'viewer', password: 'twelve characters' };
  const missing = await admin.send('POST', 'users', user, { 'x-csrf-token': '' });
  expect([missing.status, await errorOf(missing)]).toEqual([403, expect.stringContaining('x-csrf-token')]);
  expect((await admin.send('POST', 'users', user, { 'x-csrf-token': other.csrfToken })).status).toBe(403);
  const foreign = await admin.send('POST', 'users', user, { origin: 'https://evil.example' });
  expect([foreign.status, await errorOf(foreign)]).toEqual([403, expect.stringContaining('another site')]);
  expect((await admin.send('POST', 'users', user, { origin: hub.url })).status).toBe(200);
  expect((await admin.send('POST', 'users', user)).status).toBe(400);
  expect((await admin.send('DELETE', 'users/newcomer')).status).toBe(204);
});

test('each role may what it may, and a refusal says which role it takes', async () => {
  const [viewer, operator] = [await hub.signIn('viewer'), await hub.signIn('operator')];
  for (const client of [viewer, operator]) {
    expect((await client.get('devices')).status).toBe(200);
    for (const path of ['users', 'audit']) expect((await client.get(path)).status).toBe(403);
  }
  const command = { name: 'mark' };
  const refused = await viewer.send('POST', 'devices/yard/north/commands', command);
  expect([refused.status, await errorOf(refused)]).toEqual([403, 'viewer is viewer; this needs the role operator.']);
  expect((await operator.send('POST', 'devices/yard/north/commands', command)).status).toBe(404);
  expect((await operator.send('PUT', 'devices/yard/north/desired', {})).status).toBe(428);
});

test('programs send a token, which needs no other proof, loses what its user loses, and expires', async () => {
  const now = Date.now();
  const token = await addToken(hub.database, { name: 'operator', role: 'admin', days: 1 }, now);
  const get = (path: string, given = token) =>
    fetch(`${hub.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${given}` } });
  const short = await addToken(hub.database, { name: 'admin', days: 400 }, now);
  expect(await (await get('session', short)).json()).toEqual({ name: 'admin', role: 'admin', csrfToken: '' });
  expect((await get('users')).status).toBe(401); // the hub's clock is a week ahead by now
  const rows = await hub.database.query<{ token: string }>('select token_hash as token from api_token');
  expect(JSON.stringify(rows)).not.toContain(short);
  expect((await get('session', `${short}x`)).status).toBe(401);
  const weaker = await addToken(hub.database, { name: 'operator', role: 'admin', days: 400 }, now);
  expect(((await (await get('session', weaker)).json()) as { role: string }).role).toBe('operator');
});

test('the own password is changed with the old one, and other sessions end', async () => {
  const admin = await hub.signIn('admin');
  await admin.send('POST', 'users', { name: 'changer', role: 'viewer', password: PASSWORD });
  const [here, there] = [await hub.signIn('changer'), await hub.signIn('changer')];
  const next = 'another long password';
  expect((await here.send('POST', 'password', { current: 'wrong', password: next })).status).toBe(403);
  expect((await here.send('POST', 'password', { current: PASSWORD, password: 'short' })).status).toBe(400);
  expect((await here.send('POST', 'password', { current: PASSWORD, password: next })).status).toBe(204);
  expect([(await here.get('session')).status, (await there.get('session')).status]).toEqual([200, 401]);
  expect((await login(hub.url, 'changer', PASSWORD)).status).toBe(401);
  expect((await login(hub.url, 'changer', next)).status).toBe(200);
  const lastAdmin = await admin.send('DELETE', 'users/admin');
  expect([lastAdmin.status, await errorOf(lastAdmin)]).toEqual([400, expect.stringContaining('last admin')]);
  const book = await (await admin.get('audit')).text();
  expect(book).not.toMatch(/another long|correct horse/);
  expect(book).toContain('POST /password');
});

test('every answer forbids inline scripts, frames, sniffing and caching', async () => {
  for (const path of ['/healthz', '/api/v1/session', '/nothing']) {
    const { headers } = await fetch(hub.url + path);
    const policy = headers.get('content-security-policy')!;
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).not.toMatch(/unsafe|\*|http:/);
    expect(headers.get('x-frame-options')).toMatch(/deny/i);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
  }
});

test('metrics are for this machine or a token, not for a proxy or a foreign name', async () => {
  const own = await fetch(`${hub.url}/metrics`);
  expect(own.status).toBe(200);
  const text = await own.text();
  expect(text).toMatch(/^earshot_hub_broker_connected 1$/m);
  expect(text).toMatch(/^earshot_hub_http_requests_total{method="POST",route="\/api\/v1\/login",status="200"} \d+$/m);
  expect((await fetch(`${hub.url}/metrics`, { headers: { 'x-forwarded-for': '10.0.0.9' } })).status).toBe(401);
});

test('too many tries lock a name and an address for a while, even with the right password', async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) statuses.push((await login(hub.url, 'nobody-here', `guess number ${i}`)).status);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  let last = await login(hub.url, 'admin', 'wrong password');
  for (let i = 0; i < 12 && last.status !== 429; i++) last = await login(hub.url, 'admin', 'wrong password');
  expect(last.status).toBe(429);
  const right = await login(hub.url, 'admin', PASSWORD);
  expect([right.status, await errorOf(right)]).toEqual([429, expect.stringContaining('try again in')]);
});

test('bodies that are too large, no JSON, or hold what nobody knows are refused', async () => {
  const post = (body: string) =>
    fetch(`${hub.url}/api/v1/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect((await post(JSON.stringify({ name: 'x', password: 'y'.repeat(300_000) }))).status).toBe(413);
  expect((await post('{"name":')).status).toBe(400);
  const polluted = await post('{"name":"a","password":"b","__proto__":{"role":"admin"}}');
  expect(polluted.status).toBe(400);
  expect((await post('{"name":"a","password":"b","role":"admin"}')).status).toBe(400);
  expect(hub.troubles).toEqual([]);
});
