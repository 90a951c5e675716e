// The HTTP API as an OpenAPI 3.1 document, made from the table of operations and the schemas that check each request.
import { z } from 'zod';
import { MESSAGES } from '../../../runtime/uplink/topics.ts';
import { version } from '../../package-version.ts';
import { Failure } from './contract.ts';
import { API, OPERATIONS, type Operation } from './operations.ts';

type Json = Record<string, unknown>;

/** Messages of devices, by the names that the contract gives them. */
const WIRE = {
  InfoMessage: MESSAGES.info,
  HealthMessage: MESSAGES.health,
  EventMessage: MESSAGES.event,
  LiveMessage: MESSAGES.live,
  ConfigReportedMessage: MESSAGES['config/reported'],
  ResponseMessage: MESSAGES.res,
  ClipMessage: MESSAGES.clip,
} as const;

/** The document as an object; the same for the same schemas. */
export function openApi(operations: Readonly<Record<string, Operation>> = OPERATIONS): Json {
  const paths: Record<string, Json> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const path = API + operation.path;
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: described(name, operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'earshot hub',
      version,
      description:
        'What a hub keeps of its devices, and how they are steered. Browsers sign in and send the session cookie, changing requests with the header x-csrf-token; programs send a bearer token (earshot fleet user token).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ session: [] }, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'earshot_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
      schemas: {
        ...Object.fromEntries(Object.entries(WIRE).map(([name, { schema }]) => [name, schemaOf(schema)])),
        StoredEvent: {
          allOf: [
            { $ref: '#/components/schemas/EventMessage' },
            {
              type: 'object',
              properties: { received: { type: 'string', format: 'date-time', description: 'when it came to the hub' } },
              required: ['received'],
            },
          ],
        },
      },
    },
  };
}

export function openApiText(): string {
  return `${JSON.stringify(openApi(), null, 2)}\n`;
}

function described(name: string, operation: Operation): Json {
  const { method, role, summary, params, query, body } = operation;
  const parameters = [...parametersOf('path', params), ...parametersOf('query', query)];
  if (method !== 'GET' && role !== 'open') {
    const text = 'the token of GET session; not with a bearer token';
    parameters.push({ name: 'x-csrf-token', in: 'header', description: text, schema: { type: 'string' } });
  }
  return {
    operationId: name,
    summary,
    description: role === 'open' ? 'Without login.' : `Needs the role ${role}.`,
    ...(role === 'open' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } }),
    responses: {
      ...success(operation),
      default: {
        description: 'refused or failed',
        content: { 'application/json': { schema: schemaOf(Failure, 'output') } },
      },
    },
  };
}

function success({ answer, media }: Operation): Json {
  if (media) {
    const content = Object.fromEntries(media.map((type) => [type, {}]));
    return { 200: { description: 'done', content } };
  }
  if (!answer) return { 204: { description: 'done' } };
  return {
    200: { description: 'done', content: { 'application/json': { schema: schemaOf(answer, 'output') } } },
  };
}

function parametersOf(place: 'path' | 'query', schema: z.ZodObject | undefined): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    ...{ name, in: place, ...(description !== undefined && { description }) },
    ...{ required: place === 'path' || required.includes(name), schema: rest },
  }));
}

/** A schema whose shared parts stand in the document's components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): Json {
  const { $schema, $defs, ...rest } = z.toJSONSchema(schema, {
    ...{ io, unrepresentable: 'any' },
    // The pattern says at length what the format says.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  }) as Json;
  return JSON.parse(JSON.stringify(rest).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
