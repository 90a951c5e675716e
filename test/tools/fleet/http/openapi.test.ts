// The OpenAPI document: valid by the standard's own schema, and neither more nor less than what the server answers.
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Bus } from '../../../../tools/fleet/http/bus.ts';
import { createWebServer } from '../../../../tools/fleet/http/fastify.ts';
import type { Hub } from '../../../../tools/fleet/http/hub.ts';
import { openApi, openApiText } from '../../../../tools/fleet/http/openapi.ts';
import { OPERATIONS } from '../../../../tools/fleet/http/operations.ts';
import { addRoutes } from '../../../../tools/fleet/http/server.ts';

type Document = {
  paths: Record<
    string,
    Record<string, { operationId: string; security?: object[]; parameters?: { name: string; in: string }[] }>
  >;
  components: { schemas: object };
};

test('the document is valid by the schema of OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(openApiText()));
  expect(result).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
});

test('every reference in the document leads somewhere, and no name stands for two things', () => {
  const document = openApi() as unknown as Document;
  const text = JSON.stringify(document);
  const names = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!));
  expect(names.size).toBeGreaterThan(5);
  expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining([...names]));
  expect(text).not.toContain('$defs');
});

test('every route of the server is described, and everything described is a route', async () => {
  const app = await createWebServer({ onTrouble: () => undefined });
  const routes: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (each !== 'HEAD') routes.push(`${each} ${url.replace(/:(\w+)/g, '{$1}')}`);
  });
  await addRoutes(app, { bus: new Bus() } as Hub, {});
  const { paths } = openApi() as unknown as Document;
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  // For machines and devices, who bring no session: told in docs/fleet.md, not in this document.
  const others = [
    ...['GET /healthz', 'GET /metrics', 'GET /enrol/authority', 'POST /enrol', 'POST /enrol/renew'],
    ...['GET /releases/{release}', 'GET /releases/{release}/files/{file}', 'GET /releases/{release}/keys'],
  ];
  expect([...described, ...others].sort()).toEqual(routes.sort());
  await app.close();
});

test('login alone is open; what changes something tells of the token against forgery', () => {
  const { paths } = openApi() as unknown as Document;
  const all = Object.values(paths).flatMap((methods) => Object.entries(methods));
  expect(all.filter(([, { security }]) => security?.length === 0).map(([, { operationId }]) => operationId)).toEqual([
    'login',
  ]);
  for (const [method, { operationId, parameters = [] }] of all) {
    const hasToken = parameters.some(({ name }) => name === 'x-csrf-token');
    expect([operationId, hasToken]).toEqual([operationId, method !== 'get' && operationId !== 'login']);
  }
});

test('no operation notes a secret in the audit', () => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const noted = 'noted' in operation ? operation.noted : [];
    expect([name, noted.filter((field) => /password|secret|token|key|current/i.test(field))]).toEqual([name, []]);
  }
});

test('the document in docs is the one that the server gives', () => {
  const written = readFileSync(new URL('../../../../docs/openapi.json', import.meta.url), 'utf8');
  expect(JSON.parse(written)).toEqual(openApi());
});
