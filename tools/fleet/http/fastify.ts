// The one door to fastify and its plugins: a server that sends strict headers, limits what it takes, and tells errors as sentences.
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import serveStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

export type { FastifyInstance, FastifyReply, FastifyRequest };

/** Largest body that is taken. */
const BODY_BYTES = 262_144;
/** Of one address, all requests together. */
const REQUESTS_PER_MINUTE = 1200;

export interface WebServerOptions {
  /** PEM texts; without them it speaks plain HTTP. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  readonly onTrouble: (error: Error) => void;
}

/** An answer with a status of its own; the message is shown to whoever asked. */
export class HttpError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

export async function createWebServer({ tls, onTrouble }: WebServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    ...(tls && { https: { ...tls, minVersion: 'TLSv1.2' } }),
    bodyLimit: BODY_BYTES,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
  }) as unknown as FastifyInstance;
  await app.register(cookie);
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        ...{ scriptSrc: ["'self'"], styleSrc: ["'self'"], imgSrc: ["'self'"], fontSrc: ["'self'"] },
        ...{ connectSrc: ["'self'"], mediaSrc: ["'self'", 'blob:'], manifestSrc: ["'self'"] },
        ...{ baseUri: ["'none'"], formAction: ["'self'"], frameAncestors: ["'none'"] },
      },
    },
    hsts: tls ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
  });
  await app.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) => tooMany(ttl),
  });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  app.setErrorHandler((error, _request, reply) => answerError(error as Error, reply, onTrouble));
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'There is nothing at this address.' }));
  return app;
}

/** Sends the files that a folder has now, each under its own address, and index.html at /. */
export async function sendFolder(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(serveStatic, {
    ...{ root: folder, wildcard: false, decorateReply: false, dotfiles: 'ignore', cacheControl: false },
    setHeaders: (response, path) => {
      // Names of the built parts hold a hash of what is in them.
      const isPart = path.includes('/assets/');
      response.setHeader('cache-control', isPart ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

/** @param ttlMs until the next try may succeed */
export function tooMany(ttlMs: number): HttpError {
  return new HttpError(429, `Too many requests: try again in ${Math.ceil(ttlMs / 1000)} s.`);
}

/** What the asker can mend is told; of what is our fault only that it is. */
function answerError(error: Error & { statusCode?: number }, reply: FastifyReply, tell: (error: Error) => void): void {
  const { statusCode, name, message } = error;
  if (statusCode !== undefined && statusCode < 500) void reply.code(statusCode).send({ error: message });
  else if (error instanceof HttpError) void reply.code(error.statusCode).send({ error: message });
  else if (name === 'UserError') void reply.code(statusOf(error)).send({ error: message });
  else {
    tell(error);
    void reply.code(500).send({ error: 'The hub has failed at this request; its terminal or log says why.' });
  }
}

/** A database or broker that is away is no mistake of the asker. */
function statusOf(error: Error): number {
  return ['DatabaseError', 'BrokerError'].includes(error.constructor.name) ? 503 : 400;
}
