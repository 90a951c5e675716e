// One try to deliver a webhook: a POST with a time limit, no redirects, and no more of the answer read than its status.
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { checkWebhookUrl, publicLookup } from './webhook-address.ts';
import { signatureHeaders } from './webhook-signature.ts';

export interface Post {
  readonly url: string;
  readonly allowPrivate: boolean;
  readonly secret: string;
  readonly id: string;
  readonly body: string;
  readonly contentType: string;
  readonly nowMs: number;
  readonly timeoutMs: number;
}

export interface Answer {
  /** null: no answer came. */
  readonly status: number | null;
  readonly error: string | null;
  /** How long the receiver asks us to wait; null: it does not say. */
  readonly retryAfterSeconds: number | null;
}

/** Never throws: what goes wrong is the answer. */
export async function post(given: Post): Promise<Answer> {
  try {
    return await request(given);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { status: null, error: message || code || 'no answer', retryAfterSeconds: null };
  }
}

async function request({ url, allowPrivate, secret, id, body, contentType, nowMs, timeoutMs }: Post): Promise<Answer> {
  const target = checkWebhookUrl(url, allowPrivate);
  const isNumber = isIP(target.hostname.replace(/^\[|\]$/g, '')) > 0;
  return new Promise((resolve, reject) => {
    const sent = (target.protocol === 'https:' ? https : http).request(target, {
      method: 'POST',
      // A connection of its own: one kept open would pass the check of its address.
      agent: false,
      ...(!allowPrivate && !isNumber && { lookup: publicLookup }),
      headers: {
        'content-type': contentType,
        'content-length': Buffer.byteLength(body),
        'user-agent': 'earshot',
        ...signatureHeaders(secret, id, nowMs, body),
      },
    });
    const limit = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    sent.once('error', reject);
    sent.once('close', () => clearTimeout(limit));
    sent.once('response', (answer) => {
      const { statusCode = 0, headers } = answer;
      resolve({
        status: statusCode,
        error:
          statusCode >= 200 && statusCode < 300
            ? null
            : `answered with status ${statusCode}${statusCode >= 300 && statusCode < 400 ? ' (redirects are not followed)' : ''}`,
        retryAfterSeconds: seconds(headers['retry-after'], nowMs),
      });
      answer.destroy();
    });
    sent.end(body);
  });
}

/** Retry-After (RFC 9110, 10.2.3): seconds or a date. */
function seconds(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const given = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - nowMs) / 1000;
  return Number.isFinite(given) && given >= 0 ? given : null;
}
