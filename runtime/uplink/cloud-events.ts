// CloudEvents 1.0 around messages, in the structured JSON mode that also MQTT 3.1.1 can carry (MQTT protocol binding 1.0.2).
import { z } from 'zod';

const CONTENT_TYPE = 'application/cloudevents+json';
const BEGINNING = '{"specversion":"1.0"';

const CloudEvent = z.looseObject({ specversion: z.literal('1.0'), data: z.unknown() });

/** What of a message becomes an attribute of its event. */
export interface Happening {
  readonly schema: string;
  readonly site: string;
  readonly device: string;
  readonly id: string;
}

/**
 * Puts a message into a CloudEvent.
 * @param time when it happened, ISO 8601 UTC
 */
export function cloudEvent(message: Happening, time: string): string {
  const { schema, site, device, id } = message;
  const words = schema.split('/');
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: `/${site}/${device}`,
    type: words.join('.'),
    time,
    datacontenttype: 'application/json',
    dataschema: `urn:${words.join(':')}`,
    data: message,
  });
}

/** The message within a CloudEvent; what is none stays as it is. */
export function withoutCloudEvent(json: unknown): unknown {
  const event = CloudEvent.safeParse(json);
  return event.success ? event.data.data : json;
}

/** The content type of MQTT 5 of a payload of ours. */
export function contentTypeOf(payload: string): string {
  return payload.startsWith(BEGINNING) ? CONTENT_TYPE : 'application/json';
}
