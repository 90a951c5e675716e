// What the hub keeps, over real HTTP: devices, events page after page, exports, clips, wishes, commands that a device answers.
import { connectAsync, type MqttClient } from 'mqtt';
import { type ClipMessage, decode, encode, filterOf } from '../../../../runtime/uplink/topics.ts';
import { keepClips } from '../../../../tools/fleet/clip-store.ts';
import { keepDeviceMessages } from '../../../../tools/fleet/device-store.ts';
import { storeEvents } from '../../../../tools/fleet/event-store.ts';
import { keepHealthHistory } from '../../../../tools/fleet/health-history.ts';
import type { Device, DeviceDetails, EventPage, HealthHistory } from '../../../../tools/fleet/http/contract.ts';
import { fillFleet, fleetEvent, fleetHealth, HOSTILE } from '../fleet-data.ts';
import { type Client, type HubServer, startHubServer } from './hub-server.ts';

let hub: HubServer;
let viewer: Client;
let operator: Client;
beforeAll(async () => {
  hub = await startHubServer();
  await fillFleet(hub.database);
  viewer = await hub.signIn('viewer');
  operator = await hub.signIn('operator');
});
afterAll(() => hub.stop());

const json = async <T>(response: Response) => {
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as T;
};
const errorOf = async (response: Response) => ((await response.json()) as { error: string }).error;

test('devices are listed with what they said last and how much is missing, filtered and sorted', async () => {
  const { devices } = await json<{ devices: Device[] }>(await viewer.get('devices'));
  expect(devices.map(({ site, device, state, missing }) => [`${site}/${device}`, state, missing])).toEqual([
    ['gate/east', 'lost', 0],
    ['yard/north', 'ready', 0],
    ['yard/south', 'ready', 1],
  ]);
  expect(devices[1]!.health).toMatchObject({ celsius: { cpu: 61 } });
  const names = async (query: string) =>
    (await json<{ devices: Device[] }>(await viewer.get(`devices?${query}`))).devices.map(({ device }) => device);
  expect(await names('state=lost')).toEqual(['east']);
  expect(await names('site=yard&sort=temperature')).toEqual(['north', 'south']);
  expect(await names('site=yard&sort=temperature&reverse=true')).toEqual(['south', 'north']);
  expect(await names('search=YARD/S')).toEqual(['south']);
  const wrong = await viewer.get('devices?sort=colour');
  expect([wrong.status, await errorOf(wrong)]).toEqual([400, expect.stringContaining('In the query: sort')]);
  expect((await viewer.get('devices?colour=red')).status).toBe(400);
});

test('one device is told with its gaps and newest events; words of a device come as they are, as JSON', async () => {
  const response = await viewer.get('devices/yard/south');
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const south = await json<DeviceDetails>(response);
  expect(south.info!.model.name).toBe(HOSTILE);
  expect(south.gaps).toEqual([{ site: 'yard', device: 'south', bootId: 'b1', first: 2, last: 2 }]);
  expect(south.events.map(({ seq }) => seq)).toEqual([3, 1]);
  const nobody = await viewer.get('devices/yard/nobody');
  expect([nobody.status, await errorOf(nobody)]).toEqual([404, expect.stringContaining('never heard')]);
  expect((await viewer.get(`devices/yard/${encodeURIComponent("x' or 1=1--")}`)).status).toBe(400);
});

test('health is kept by the minute and told at as many points as a chart has', async () => {
  const base = Date.parse('2026-11-23T00:00:00.000Z');
  const healths = Array.from({ length: 240 }, (_, i) =>
    fleetHealth('yard', 'north', {
      ...{ time: new Date(base + 30_000 * i).toISOString(), celsius: { cpu: i, gpu: 0 } },
      outbox: { queued: i, acknowledged: 0, dropped: 0 },
    }),
  );
  await keepHealthHistory(
    hub.database,
    healths.map((message) => ({ kind: 'health', message })),
  );
  const range = 'from=2026-11-23T00:00:00Z&to=2026-11-23T02:00:00Z';
  const fine = await json<HealthHistory>(await viewer.get(`devices/yard/north/health?${range}`));
  expect(fine.stepSeconds).toBe(60);
  expect(fine.points).toHaveLength(120);
  // Each minute holds its newest word: numbers 1, 3, 5 ...
  expect(fine.points[0]).toMatchObject({ time: '2026-11-23T00:00:00.000Z', celsius: 1, queued: 1, levelDbfs: -21 });
  const coarse = await json<HealthHistory>(await viewer.get(`devices/yard/north/health?${range}&points=12`));
  expect([coarse.stepSeconds, coarse.points.length]).toEqual([600, 12]);
  expect(coarse.points[0]).toMatchObject({ celsius: 10, queued: 19, watts: null });
});

test('pages of events stay in order and complete while new events come', async () => {
  const seen: string[] = [];
  let cursor: string | null = '';
  for (let round = 0; cursor !== null; round++) {
    const query = `events?site=yard&device=north&limit=25${cursor && `&cursor=${cursor}`}`;
    const page: EventPage = await json<EventPage>(await viewer.get(query));
    seen.push(...page.events.map(({ id }) => id));
    cursor = page.next;
    await storeEvents(hub.database, [fleetEvent('yard', 'north', 1000 + round)]);
  }
  expect(seen.filter((id) => Number(id.split('/')[2]) <= 120)).toEqual(
    Array.from({ length: 120 }, (_, i) => `north/b1/${120 - i}`),
  );
  const sirens = await json<EventPage>(
    await viewer.get('events?class=siren&device=north&limit=1000&to=2026-11-23T10:02:01Z'),
  );
  expect(sirens.events).toHaveLength(60);
  expect((await json<EventPage>(await viewer.get('events?minScore=0.9'))).events).toHaveLength(2);
  expect(
    (await json<EventPage>(await viewer.get(`events?class=${encodeURIComponent("'; drop table event; --")}`))).events,
  ).toEqual([]);
  expect((await viewer.get('events?cursor=nonsense')).status).toBe(400);
});

test('an export as CSV runs nothing in a spreadsheet, and as JSON holds the same events', async () => {
  const formula = '=HYPERLINK("http://evil.example","siren")';
  await storeEvents(hub.database, [fleetEvent('gate', 'east', 1, { class: formula, score: 0.99 })]);
  const response = await viewer.get('events/export?format=csv&site=gate');
  expect(response.headers.get('content-type')).toMatch(/^text\/csv/);
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="events.csv"');
  const [head, line] = (await response.text()).split('\r\n');
  expect(head).toMatch(/^start_time,end_time,site,device,class/);
  expect(line).toContain(`"'=HYPERLINK(""http://evil.example"",""siren"")"`);
  const lines = (await (await viewer.get('events/export?format=json&site=gate')).text()).trim().split('\n');
  expect(lines.map((each) => JSON.parse(each).class)).toEqual([formula]);
});

test('what broke the contract is shown as base64, gaps by device', async () => {
  const { messages } = await json<{ messages: { payload: string; reason: string }[] }>(await viewer.get('quarantine'));
  expect(messages).toHaveLength(3);
  expect(Buffer.from(messages[2]!.payload, 'base64')).toEqual(Buffer.of(0xff, 0, 0x1b, 0x5b, 0x32, 0x4a));
  const { gaps } = await json<{ gaps: object[] }>(await viewer.get('gaps?site=yard&device=south'));
  expect(gaps).toHaveLength(1);
});

test('a clip is listed; its sound is played when the device has sent all of it, and the listener stands in the book', async () => {
  const clip: ClipMessage = {
    ...{ schema: 'seld/clip/1', site: 'yard', device: 'north', bootId: 'b1', id: 'north/b1/a.wav', file: 'a.wav' },
    ...{
      bytes: 100,
      sha256: 'a'.repeat(64),
      reason: 'mark',
      startSeconds: 1,
      durationSeconds: 0.01,
      sampleRate: 24_000,
    },
    ...{ startTime: '2026-11-23T10:00:00.000Z', channels: 4, detections: [], time: '2026-11-23T10:00:01.000Z' },
  };
  await keepClips(hub.database, [{ kind: 'clip', message: clip }]);
  const list = () => viewer.get('clips?site=yard').then((r) => json<{ clips: { id: number; hasAudio: boolean }[] }>(r));
  const { id, hasAudio } = (await list()).clips[0]!;
  expect(hasAudio).toBe(false);
  const absent = await viewer.get(`clips/${id}/audio`);
  expect([absent.status, await errorOf(absent)]).toEqual([
    404,
    expect.stringContaining('the command clip-audio with file "a.wav"'),
  ]);
  const samples = Int16Array.from({ length: 240 }, (_, i) => 100 * i - 12_000);
  const bytes = Buffer.from(samples.buffer);
  const part = (number: number, data: Buffer) => ({
    kind: 'clip-audio' as const,
    message: {
      ...{
        schema: 'seld/clip-audio/1' as const,
        site: 'yard',
        device: 'north',
        bootId: 'b2',
        file: 'a.wav',
        part: number,
      },
      ...{ parts: 2, sampleRate: 24_000, data: data.toString('base64'), time: clip.time },
    },
  });
  await keepClips(hub.database, [
    part(2, bytes.subarray(300)),
    { ...part(1, bytes), message: { ...part(1, bytes).message, file: 'b.wav' } },
  ]);
  expect((await list()).clips).toMatchObject([{ hasAudio: false }]);
  await keepClips(hub.database, [part(1, bytes.subarray(0, 300))]);
  expect((await list()).clips).toMatchObject([{ hasAudio: true }]);
  const wav = Buffer.from(await (await viewer.get(`clips/${id}/audio`)).arrayBuffer());
  expect([wav.toString('latin1', 0, 4), wav.toString('latin1', 8, 16), wav.readUInt32LE(24)]).toEqual([
    'RIFF',
    'WAVEfmt ',
    24_000,
  ]);
  expect(wav.subarray(44)).toEqual(bytes);
  const admin = await hub.signIn('admin');
  const { entries } = await json<{ entries: { who: string; what: string; about: string }[] }>(
    await admin.get('audit?limit=5'),
  );
  expect(entries).toContainEqual(
    expect.objectContaining({ who: 'viewer', what: 'listened to a clip', about: 'yard/north/a.wav' }),
  );
  expect((await viewer.get('clips/999/audio')).status).toBe(404);
});

test('two devices that heard the same sound give its place on the map', async () => {
  const heard = (device: string, east: number, bearingDegrees: number) => {
    const longitude = 8 + east / (111_320 * Math.cos((48 * Math.PI) / 180));
    return fleetEvent('hill', device, 1, {
      ...{ position: { latitude: 48, longitude }, bearingDegrees, headingDegrees: 0, azimuth: 0, class: 'chainsaw' },
    });
  };
  // 100 m apart, both look to a point 50 m north of the middle: 45 degrees to the right, and to the left.
  await storeEvents(hub.database, [heard('west', -50, 45), heard('east', 50, 315)]);
  const answer = await viewer.get('sources?site=hill&from=2026-11-23T10:00:00Z&to=2026-11-23T10:05:00Z');
  const { sources, isCut } = await json<{
    sources: { label: string; latitude: number; longitude: number; devices: string[] }[];
    isCut: boolean;
  }>(answer);
  expect(isCut).toBe(false);
  expect(sources).toMatchObject([{ label: 'chainsaw', devices: ['hill/east', 'hill/west'], isAmbiguous: false }]);
  expect((sources[0]!.latitude - 48) * 111_195).toBeCloseTo(50, 0);
  expect(sources[0]!.longitude).toBeCloseTo(8, 5);
  expect((await viewer.get('sources?from=2026-01-01T00:00:00Z')).status).toBe(400);
});

test('a wish is changed by who has seen the newest version, and by no other', async () => {
  const path = 'devices/yard/north/desired';
  const first = await viewer.get(path);
  expect(first.headers.get('etag')).toBe('"0"');
  const change = { settings: { healthSeconds: 10 } };
  expect((await operator.send('PUT', path, change)).status).toBe(428);
  const changed = await operator.send('PUT', path, change, { 'if-match': '"0"' });
  expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"1"']);
  expect(await changed.json()).toMatchObject({ version: 1, settings: { healthSeconds: 10 }, changedBy: 'operator' });
  const late = await operator.send('PUT', path, { settings: { healthSeconds: 20 } }, { 'if-match': '"0"' });
  expect([late.status, await errorOf(late)]).toEqual([412, expect.stringContaining('version 1, not 0')]);
  const bad = await operator.send('PUT', path, { settings: { healthSeconds: -1 } }, { 'if-match': '*' });
  expect([bad.status, await errorOf(bad)]).toEqual([400, expect.stringContaining('healthSeconds')]);
  expect((await viewer.get('devices/yard/nobody/desired')).status).toBe(404);
});

describe('commands', () => {
  let device: MqttClient;
  beforeAll(async () => {
    device = await connectAsync(hub.broker.url);
    device.on('message', (topic, payload) => {
      const heard = decode(topic, payload);
      if (heard?.kind !== 'cmd' || heard.message.name === 'sleep') return;
      const { site, device: name, id, arguments: given } = heard.message;
      const answer = encode('res', {
        ...{ schema: 'seld/res/1', site, device: name, bootId: 'b1', id, name: heard.message.name, status: 'ok' },
        ...{ error: null, result: { given }, time: new Date().toISOString() },
      });
      device.publish(answer.topic, answer.payload, { qos: 1 });
    });
    await device.subscribeAsync(filterOf('cmd', 'yard', 'north'), { qos: 1 });
  });
  afterAll(() => device.endAsync());

  test('a command is answered by the device, and stands in the book with who sent it', async () => {
    const response = await operator.send('POST', 'devices/yard/north/commands', {
      name: 'mark',
      parameters: { seconds: 5 },
    });
    expect(await json(response)).toMatchObject({
      answer: { status: 'ok', name: 'mark', result: { given: { seconds: 5 } } },
    });
    const admin = await hub.signIn('admin');
    const { entries } = await json<{ entries: object[] }>(await admin.get('audit?limit=3'));
    expect(entries).toContainEqual(
      expect.objectContaining({
        ...{
          who: 'operator',
          address: '127.0.0.1',
          what: 'POST /devices/{site}/{device}/commands',
          about: 'yard/north',
        },
        details: { name: 'mark', parameters: { seconds: 5 }, outcome: 'done' },
      }),
    );
  });

  test('a device that does not answer in time gives 202 with the id by which the stream tells it later', async () => {
    const response = await operator.send('POST', 'devices/yard/north/commands', { name: 'sleep', waitSeconds: 0.2 });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ id: expect.stringMatching(/^[\w-]{36}$/), answer: null });
    expect((await operator.send('POST', 'devices/yard/north/commands', { name: 'a/b' })).status).toBe(400);
  });
});

test('devices that have said too little are shown as they are', async () => {
  await keepDeviceMessages(hub.database, [{ kind: 'health', message: fleetHealth('gate', 'east') }]);
  expect(await json<DeviceDetails>(await viewer.get('devices/gate/east'))).toMatchObject({ info: null, config: null });
  expect(await json(await viewer.get('figures'))).toMatchObject({ devices: { lost: 1, ready: 2 }, isOnline: true });
  expect(hub.troubles).toEqual([]);
});
