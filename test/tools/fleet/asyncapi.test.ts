// The AsyncAPI document: valid by AsyncAPI's own schema, up to date, and true to what devices send.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { encode } from '../../../runtime/uplink/topics.ts';
import { asyncApi, asyncApiText } from '../../../tools/fleet/asyncapi.ts';

const require = createRequire(import.meta.url);
const root = new URL('../../../', import.meta.url);

function validator() {
  return new Ajv({ strict: false, validateFormats: false, allErrors: true });
}

/** The official schema of AsyncAPI 3.0.0, by its publisher. */
function official() {
  return validator().compile(require('@asyncapi/specs/schemas/3.0.0-without-$id.json'));
}

test('the document follows the official schema of AsyncAPI 3.0, which refuses a broken one', () => {
  const check = official();
  const document = asyncApi();
  check(document);
  expect(check.errors).toBeNull();
  expect(check({ ...document, asyncapi: '2.0.0' })).toBe(false);
  expect(check({ ...document, operations: { tell: { action: 'shout' } } })).toBe(false);
});

test('docs/asyncapi.json is what earshot fleet asyncapi --out docs/asyncapi.json writes', () => {
  expect(readFileSync(new URL('docs/asyncapi.json', root), 'utf8')).toBe(asyncApiText());
});

test('every reference leads somewhere, and every parameter stands in its address', () => {
  const document = JSON.parse(asyncApiText());
  const references = [...asyncApiText().matchAll(/"\$ref": "#\/([^"]+)"/g)].map((match) => match[1]!);
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references.filter((path) => /^(components|channels)/.test(path))) {
    const found = reference.split('/').reduce((part, name) => part?.[name], document);
    expect([reference, typeof found]).toEqual([reference, 'object']);
  }
  for (const { address, parameters } of Object.values(document.channels) as { address: string; parameters: object }[]) {
    expect([...address.matchAll(/{(\w+)}/g)].map((match) => match[1])).toEqual(Object.keys(parameters));
  }
});

test('a message that a device sends is valid by the document, and one that breaks the contract is not', () => {
  const schema = asyncApi().components.messages.event!.payload;
  const check = validator().compile(schema);
  const time = '2026-11-22T10:00:00.000Z';
  const { payload } = encode('event', {
    ...{ schema: 'seld/event/1', site: 'mill', device: 'ear-3', bootId: 'c0ffee01', id: 'ear-3/c0ffee01/7', seq: 7 },
    ...{ track: 3, phase: 'new', class: 'keysDrop', score: 0.9, frame: 'microphone', azimuth: 90, elevation: 0 },
    ...{ direction: [0, 1, 0], spreadDegrees: 2, bearingDegrees: null, headingDegrees: null, position: null },
    ...{ startSeconds: 1, endSeconds: 1.2, startTime: time, endTime: time, sentTime: time },
    clock: { source: 'system', synced: null, offsetMs: null },
  });
  expect(check(JSON.parse(payload))).toBe(true);
  expect(check({ ...JSON.parse(payload), azimuth: 181 })).toBe(false);
  expect(check({ ...JSON.parse(payload), seq: undefined })).toBe(false);
});
