// From the table of operations to routes: checks who asks, what is given, that it is no forgery, and writes down what changes.
import type { z } from 'zod';
import { noteOutcome } from './audit.ts';
import { type Caller, callerOf, refuseForgery, refuseLowRole } from './caller.ts';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, HttpError } from './fastify.ts';
import type { Hub } from './hub.ts';
import { API, type Operation } from './operations.ts';

type Parsed<Schema> = Schema extends z.ZodType ? z.infer<Schema> : undefined;

/** A request, checked. */
export interface Call<O extends Operation> {
  readonly params: Parsed<O['params']>;
  readonly query: Parsed<O['query']>;
  readonly body: Parsed<O['body']>;
  /** Who asks; of an open operation nobody. */
  readonly caller: Caller;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

type Answer<O extends Operation> = O['answer'] extends z.ZodType ? z.input<O['answer']> : unknown;
type Handler<O extends Operation> = (call: Call<O>) => Promise<Answer<O>>;

const NOBODY: Caller = { name: '', role: 'viewer', csrfToken: '', isToken: false };

/** Answers an operation. What the handler throws as HttpError or UserError is told; the audit holds what changed anything. */
export function answer<const O extends Operation>(app: FastifyInstance, hub: Hub, op: O, handler: Handler<O>): void {
  app.route({
    method: op.method,
    url: API + op.path.replace(/{(\w+)}/g, ':$1'),
    config: { operation: op },
    handler: async (request, reply) => {
      const caller = op.role === 'open' ? NOBODY : await callerOf(hub, request);
      if (op.role !== 'open') refuseLowRole(caller, op.role);
      if (op.method !== 'GET') refuseForgery(request, caller, op.role === 'open');
      const call = {
        params: parse(op.params, request.params, 'address'),
        query: parse(op.query, request.query, 'query'),
        body: parse(op.body, request.body, 'body'),
        ...{ caller, request, reply },
      } as Call<O>;
      const done = await audited(hub, op, call, () => handler(call));
      if (op.media) return done;
      if (op.answer === undefined) return reply.code(204).send();
      return reply.send(done);
    },
  });
}

/** Writes it down before it is done, and afterwards how it ended; the login writes its own entry. */
async function audited<O extends Operation, T>(hub: Hub, op: O, call: Call<O>, work: () => Promise<T>): Promise<T> {
  if (op.method === 'GET' || op.role === 'open') return work();
  const { caller, request, params, body } = call;
  const given = (body ?? {}) as Readonly<Record<string, unknown>>;
  const details = Object.fromEntries((op.noted ?? []).flatMap((key) => (key in given ? [[key, given[key]]] : [])));
  const id = await hub.audit({
    ...{ who: caller.name, address: request.ip, what: `${op.method} ${op.path}` },
    about: Object.values((params ?? {}) as object).join('/'),
    ...(op.noted && { details }),
  });
  try {
    const result = await work();
    await noteOutcome(hub.database, id, 'done');
    return result;
  } catch (error) {
    await noteOutcome(hub.database, id, (error as Error).message);
    throw error;
  }
}

function parse(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.path.join('.');
  throw new HttpError(400, `In the ${where}: ${key ? `${key}: ` : ''}${issue?.message}.`);
}
