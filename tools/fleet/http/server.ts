// The hub's HTTP server: all routes joined, listening on an address.
import { isIP } from 'node:net';
import { UserError } from '../../command.ts';
import { deviceRoutes } from './device-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { createWebServer, type FastifyInstance, type WebServerOptions } from './fastify.ts';
import type { Hub } from './hub.ts';
import { machineRoutes } from './machine-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { recordRoutes } from './record-routes.ts';
import { alarmRoutes } from './routes-alarms.ts';
import { enrolRoutes } from './routes-enrol.ts';
import { releaseRoutes } from './routes-releases.ts';
import { rolloutRoutes } from './routes-rollouts.ts';
import { webhookRoutes } from './routes-webhooks.ts';
import { sessionRoutes } from './session-routes.ts';
import { streamRoutes } from './stream-routes.ts';
import { userRoutes } from './user-routes.ts';

export interface HttpOptions extends Pick<WebServerOptions, 'tls'> {
  /** 0: any free one. */
  readonly port: number;
  /** Address of an interface of this machine. */
  readonly bind: string;
  readonly insecureHttp?: boolean;
  /** Folder of the fleet's authority; none: no device can enrol here. */
  readonly authority?: string;
  /** Folder of "earshot fleet release --store"; none: devices find no releases here. */
  readonly releases?: string;
  /** Folder of the built page; none: the API alone. */
  readonly page?: string;
  /** Between two signs of life on a stream. */
  readonly heartbeatMs?: number;
}

export interface HttpServer {
  /** Where a browser of this machine, or of the address bound, reaches it. */
  readonly url: string;
  readonly app: FastifyInstance;
  stop(): Promise<void>;
}

/** @throws UserError when the port is taken, or passwords would travel in the clear */
export async function startHttp(hub: Hub, options: HttpOptions): Promise<HttpServer> {
  const { port, bind, tls, insecureHttp = false } = options;
  if (!tls && !insecureHttp && !isLoopback(bind))
    throw new UserError(
      `--bind ${bind}: without TLS everybody on the way could read passwords; give --tls-cert and --tls-key, or --insecure-http when a proxy encrypts.`,
    );
  const app = await createWebServer({ tls, onTrouble: hub.onTrouble });
  await addRoutes(app, hub, options);
  await app.listen({ port, host: bind }).catch(async (cause: Error) => {
    await app.close();
    throw new UserError(`The hub cannot listen on ${bind} port ${port} (${cause.message}): give another --http PORT.`, {
      cause,
    });
  });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const host = isIP(bind) === 6 ? `[${bind}]` : bind;
  return { url: `${tls ? 'https' : 'http'}://${host}:${address.port}`, app, stop: () => app.close() };
}

/** Every route of the hub, one line for each family. */
export async function addRoutes(app: FastifyInstance, hub: Hub, options: Partial<HttpOptions>): Promise<void> {
  const { tls, page, heartbeatMs, authority, releases } = options;
  const { viewers, stop } = streamRoutes(app, hub, heartbeatMs);
  app.addHook('preClose', async () => stop());
  machineRoutes(app, hub, viewers);
  sessionRoutes(app, hub, tls !== undefined);
  userRoutes(app, hub);
  deviceRoutes(app, hub);
  eventRoutes(app, hub);
  recordRoutes(app, hub, viewers);
  rolloutRoutes(app, hub);
  alarmRoutes(app, hub);
  webhookRoutes(app, hub);
  enrolRoutes(app, hub, authority);
  releaseRoutes(app, hub, releases);
  if (page !== undefined) await pageRoutes(app, page);
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}
