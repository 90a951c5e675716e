// For machines: a sign of life, figures for Prometheus, the description of the API.
import { callerOf } from './caller.ts';
import type { FastifyInstance, FastifyRequest } from './fastify.ts';
import { metricsText, RequestCounts } from './figures.ts';
import type { Hub } from './hub.ts';
import { openApiText } from './openapi.ts';
import { OPERATIONS } from './operations.ts';
import { answer } from './routing.ts';

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const OWN_ADDRESS = /^(::1|(::ffff:)?127(\.\d{1,3}){3})$/;
const OWN_NAME = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;

export function machineRoutes(app: FastifyInstance, hub: Hub, viewers: () => number): void {
  const requests = new RequestCounts();
  app.addHook('onResponse', async (request, reply) => {
    requests.note(request.method, request.routeOptions.url ?? '(none)', reply.statusCode);
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/metrics', async (request, reply) => {
    if (!isOwnMachine(request)) await callerOf(hub, request);
    return reply.header('content-type', PROMETHEUS).send(await metricsText(hub, viewers(), requests));
  });
  answer(app, hub, OPERATIONS.openapi, async ({ reply }) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(openApiText()),
  );
}

/** A proxy on this machine, or a foreign name that was bent to this address, is somebody else. */
function isOwnMachine({ ip, headers }: FastifyRequest): boolean {
  const isForwarded = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'].some((name) => name in headers);
  return OWN_ADDRESS.test(ip) && !isForwarded && OWN_NAME.test(headers.host ?? '');
}
