// Rollouts, wishes, alarms and webhooks over HTTP: as the page asks, as the terminal asks, and who may not.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { raiseAlarm } from '../../../../tools/fleet/alarm-store.ts';
import { diff, set, show as showConfig } from '../../../../tools/fleet/config.ts';
import { keepDeviceMessages } from '../../../../tools/fleet/device-store.ts';
import { addToken } from '../../../../tools/fleet/http/accounts.ts';
import { connectHub } from '../../../../tools/fleet/hub-client.ts';
import { create, list, show } from '../../../../tools/fleet/rollout.ts';
import { databaseDesk, hubDesk, type RolloutDesk } from '../../../../tools/fleet/rollout-desk.ts';
import { stepRollouts } from '../../../../tools/fleet/rollout-runner.ts';
import { type HubServer, startHubServer } from './hub-server.ts';

let hub: HubServer;
let folder: string;
let desk: RolloutDesk;

beforeAll(async () => {
  hub = await startHubServer();
  folder = await mkdtemp(join(tmpdir(), 'earshot-desk-'));
  const time = new Date().toISOString();
  const state = (device: string, is: 'ready' | 'disconnected') => ({
    kind: 'state' as const,
    message: {
      schema: 'seld/state/1' as const,
      site: 'mill',
      device,
      bootId: 'b1',
      sessionSeq: 1,
      state: is,
      version: '0.1.0',
      time,
    },
  });
  await keepDeviceMessages(hub.database, [state('a', 'ready'), state('b', 'ready'), state('c', 'disconnected')]);
  const file = join(folder, 'token');
  await writeFile(file, await addToken(hub.database, { name: 'operator', days: 1 }, Date.now()), { mode: 0o600 });
  desk = hubDesk(await connectHub({ url: hub.url, tokenFile: file }));
}, 120_000);

afterAll(async () => {
  await hub.stop();
  await rm(folder, { recursive: true });
});

async function printed(work: () => Promise<void>): Promise<string> {
  let text = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += piece;
    return true;
  });
  try {
    await work();
  } finally {
    write.mockRestore();
  }
  return text;
}

const definition = (name: string, more: object = {}) => ({
  ...{
    name,
    change: { settings: { healthSeconds: 10 } },
    target: { rule: { sites: ['mill'] } },
    waves: [{ devices: 1, approval: true }, {}],
  },
  ...more,
});

test('a rollout is previewed, begun, approved, paused, resumed and aborted over HTTP, and all of it is in the audit', async () => {
  const operator = await hub.signIn('operator');
  const told: unknown[] = [];
  const hear = hub.hub.bus.on('rollout', (news) => void told.push(news));
  const preview = await (await operator.send('POST', 'rollouts/preview', definition('r1'))).json();
  expect(preview).toMatchObject({
    name: 'r1',
    waves: [{ approval: true, devices: [expect.any(String)] }, { devices: [expect.any(String), expect.any(String)] }],
  });
  expect(await (await operator.get('rollouts')).json()).toEqual({ rollouts: [] });
  const made = await operator.send('POST', 'rollouts', definition('r1'));
  expect(await made.json()).toMatchObject({
    name: 'r1',
    status: 'awaiting-approval',
    wave: 1,
    waves: [{ pending: 1 }, { pending: 2 }],
    createdBy: 'operator',
  });
  const send = async (order: string, body?: object) =>
    (await operator.send('POST', `rollouts/r1/${order}`, body)).json();
  expect(await send('approve')).toMatchObject({ status: 'running' });
  expect(await send('pause', { reason: 'lunch' })).toMatchObject({ status: 'paused', reason: 'lunch' });
  expect(await send('approve')).toEqual({ error: expect.stringMatching(/paused \(lunch\) and cannot be approved/) });
  expect(await send('resume', {})).toMatchObject({ status: 'running' });
  expect(await send('abort', { reason: 'enough', rollBack: true })).toMatchObject({
    status: 'aborted',
    waves: [{ out: 1 }, { out: 2 }],
  });
  const details = await (await operator.get('rollouts/r1?phase=out')).json();
  expect(details).toMatchObject({
    definition: { name: 'r1', successPercent: 90 },
    devices: [{ phase: 'out' }, { phase: 'out' }, { phase: 'out' }],
  });
  expect(details.log.map(({ who, what }: { who: string; what: string }) => `${who}: ${what}`).reverse()).toEqual([
    'operator: created for 3 devices in 2 waves',
    'operator: wave 1 approved',
    'operator: paused: lunch',
    'operator: resumed',
    'operator: aborted: enough; taken back from 0 devices',
  ]);
  expect(told).toHaveLength(5);
  hear();
  const audit = await (await (await hub.signIn('admin')).get('audit')).json();
  const words = audit.entries.map(({ who, what, about }: Record<string, string>) => `${who} ${what} ${about}`);
  expect(words).toContain('operator POST /rollouts/{id}/abort r1');
  expect((await operator.get('rollouts/none')).status).toBe(400);
});

test('a viewer looks on and may not order; only an admin sees webhooks', async () => {
  const [viewer, operator] = [await hub.signIn('viewer'), await hub.signIn('operator')];
  for (const [method, path, body] of [
    ['POST', 'rollouts', definition('r9')],
    ['POST', 'rollouts/r1/resume', {}],
    ['PUT', 'devices/mill/a/note', { addTags: ['x'] }],
    ['PUT', 'alarm-rules/deaf', {}],
    ['POST', 'alarms/1/acknowledge', undefined],
  ] as const) {
    expect([path, (await viewer.send(method, path, body)).status]).toEqual([path, 403]);
  }
  for (const path of ['rollouts', 'desired', 'alarms', 'alarm-rules'])
    expect((await viewer.get(path)).status).toBe(200);
  expect((await operator.get('webhooks')).status).toBe(403);
  expect((await fetch(`${hub.url}/api/v1/rollouts`)).status).toBe(401);
  expect((await operator.send('POST', 'rollouts', definition('r9'), { 'x-csrf-token': 'wrong' })).status).toBe(403);
});

test('a webhook is added with its secret shown once, and not to a private address unless allowed', async () => {
  const admin = await hub.signIn('admin');
  const refused = await admin.send('POST', 'webhooks', { url: 'http://169.254.169.254/latest', topics: ['alarm'] });
  expect([refused.status, await refused.json()]).toEqual([
    400,
    { error: expect.stringMatching(/not on the public internet/) },
  ]);
  const added = await (
    await admin.send('POST', 'webhooks', { url: 'https://example.com/hook', topics: ['alarm', 'rollout'] })
  ).json();
  expect(added).toEqual({ id: expect.any(Number), secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) });
  const listed = await (await admin.get('webhooks')).text();
  expect(JSON.parse(listed).webhooks).toMatchObject([{ url: 'https://example.com/hook', waiting: 0, disabled: null }]);
  expect(listed).not.toContain(added.secret);
  const audit = await (await admin.get('audit')).text();
  expect(audit).not.toContain(added.secret);
  expect((await admin.send('POST', `webhooks/${added.id}/enable`)).status).toBe(204);
  expect((await admin.send('DELETE', `webhooks/${added.id}`)).status).toBe(204);
});

test('alarms are listed, acknowledged and silenced; rules are changed and come back', async () => {
  const operator = await hub.signIn('operator');
  const given = { severity: 'critical', message: '<b>deaf</b>', isFlapping: false, nowMs: Date.now() };
  const { id } = await raiseAlarm(hub.database, { rule: 'deaf', site: 'mill', device: 'a' }, given);
  const { alarms } = await (await operator.get('alarms?open=true')).json();
  expect(alarms).toMatchObject([{ id, rule: 'deaf', message: '<b>deaf</b>', acknowledged: null, silencedUntil: null }]);
  expect(await (await operator.send('POST', `alarms/${id}/acknowledge`)).json()).toMatchObject({
    acknowledgedBy: 'operator',
  });
  const until = '2027-01-01T00:00:00.000Z';
  expect(await (await operator.send('POST', `alarms/${id}/silence`, { until })).json()).toMatchObject({
    silencedUntil: until,
  });
  expect(await (await operator.send('POST', `alarms/${id}/silence`, { until: null })).json()).toMatchObject({
    silencedUntil: null,
  });
  const siren = { name: 'siren', kind: 'event', classes: ['siren'] };
  const { rules } = await (await operator.send('PUT', 'alarm-rules/siren', siren)).json();
  expect(rules.map(({ name }: { name: string }) => name)).toContain('siren');
  expect((await operator.send('PUT', 'alarm-rules/other', siren)).status).toBe(400);
  expect((await operator.send('PUT', 'alarm-rules/siren', { ...siren, kind: 'none' })).status).toBe(400);
  expect((await operator.send('DELETE', 'alarm-rules/siren')).status).toBe(204);
  expect(await (await operator.send('DELETE', 'alarm-rules/deaf')).json()).toEqual({
    error: expect.stringMatching(/hub's own rules/),
  });
});

test('the terminal sets, shows and compares wishes at the hub, and refuses an older version', async () => {
  const given = { set: ['headingDegrees=270'], unset: [] };
  expect(await printed(() => set(desk, ['mill/a'], { ...given, dryRun: true }))).toBe(
    'mill/a: headingDegrees = 270 (dry run: nothing changed)\n',
  );
  expect(await printed(() => set(desk, ['mill/a', 'mill/b'], given))).toBe(
    'mill/a: headingDegrees = 270\nmill/b: headingDegrees = 270\n',
  );
  expect(await printed(() => set(desk, ['mill/a'], given))).toBe('mill/a: is wished so already\n');
  await expect(set(desk, ['mill/a'], { set: ['headingDegrees=1'], unset: [], expect: '0' })).rejects.toThrow(
    /version 1, not 0: somebody changed them/,
  );
  const text = await printed(() => showConfig(desk, ['mill/a'], {}));
  expect(text).toMatch(/^mill\/a: version 1 by operator, .*not at the broker yet\n {2}headingDegrees = 270\n/);
  expect(await printed(() => showConfig(desk, [], {}))).toMatch(/DEVICE +WISHED[\s\S]*mill\/c +-/);
  expect(await printed(() => diff(desk, [], {}))).toBe(
    'mill/a: version 1 is wished, the device has said nothing of its settings\nmill/b: version 1 is wished, the device has said nothing of its settings\n',
  );
  expect(process.exitCode).toBe(1);
  process.exitCode = 0;
  await printed(() => set(desk, ['mill/b'], { set: [], unset: ['headingDegrees'] }));
  for (const [options, message] of [
    [{ set: ['headingDegrees'], unset: [] }, /give KEY=VALUE/],
    [{ set: ['headingDegrees=north'], unset: [] }, /north is no JSON/],
    [{ set: ['headingDegrees=400'], unset: [] }, /headingDegrees: Too big/],
    [{ set: ['headingDegree=4'], unset: [] }, /the nearest that is: headingDegrees/],
    [{ set: [], unset: [] }, /Nothing to change/],
  ] as const) {
    await expect(set(desk, ['mill/a'], options)).rejects.toThrow(message);
  }
  await expect(showConfig(desk, ['mill/none'], {})).rejects.toThrow(/knows no device mill\/none/);
});

test('the terminal previews, begins, lists and shows rollouts; the dry run begins nothing', async () => {
  const file = join(folder, 'r2.json');
  const windowed = JSON.stringify(
    definition('r2', { waves: [{ devices: 1 }, {}], window: { from: '00:00', to: '00:00' } }),
  );
  await writeFile(file, windowed);
  const text = await printed(() => create(desk, file, { dryRun: true }));
  expect(text).toMatch(
    /^r2: 3 devices in 2 waves \(dry run: nothing begun\)\n {2}wave 1: 1 devices, [01] online now\n/,
  );
  expect(text).toContain('3 devices have no time zone: their window is that of UTC');
  await writeFile(
    file,
    JSON.stringify(definition('r2', { waves: [{}], target: { devices: ['mill/a', 'mill/typo'] } })),
  );
  expect(await printed(() => create(desk, file, { dryRun: true }))).toContain('never heard: mill/typo (1)');
  await writeFile(file, windowed);
  await desk.note({ site: 'mill', device: 'a' }, { addTags: ['roof'], removeTags: [], zone: 'Europe/Berlin' });
  expect(await printed(() => create(desk, file, { dryRun: true }))).toContain('2 devices have no time zone');
  expect(await printed(() => create(desk, file, {}))).toMatch(/^rollout \d+ r2: running, wave 1 of 2\n$/);
  await stepRollouts(hub.database, Date.now());
  expect(await printed(() => list(desk, {}))).toMatch(/r2 +running +1\/2/);
  const shown = await printed(() => show(desk, 'r2', { limit: '10' }));
  expect(shown).toMatch(/What happened\n.*operator: created for 3 devices in 2 waves/);
  const json = JSON.parse(await printed(() => show(desk, 'r2', { limit: '10', json: true })));
  expect(json).toMatchObject({ type: 'rollout', name: 'r2', devices: [{ wave: 1 }, { wave: 2 }, { wave: 2 }] });
  await expect(show(desk, 'r2', { limit: '10', phase: 'lost' })).rejects.toThrow(/--phase lost: give one of pending/);
  await writeFile(file, '{"name": ');
  await expect(create(desk, file, {})).rejects.toThrow(/r2.json is no JSON/);
  await expect(create(desk, join(folder, 'none.json'), {})).rejects.toThrow(/none.json cannot be read/);
});

test('without a hub the same orders go into its database, under the name of the account', async () => {
  const direct = await databaseDesk(hub.database);
  await direct.order('r2', { order: 'abort', reason: 'not today', rollBack: false });
  expect((await direct.show('r2', { limit: 0 })).status).toBe('aborted');
  expect((await direct.list()).map(({ name }) => name)).toEqual(['r2', 'r1']);
  const audit = await (await (await hub.signIn('admin')).get('audit')).json();
  expect(audit.entries[1]).toMatchObject({
    what: 'abort rollout',
    about: 'r2',
    who: expect.stringMatching(/\(command\)$/),
  });
});
