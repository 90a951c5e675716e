// Signatures of webhooks by the Standard Webhooks scheme (standardwebhooks.com, specification 1.0): HMAC-SHA256 over id, time and body.
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/** A secret as receivers write it into their verifying library: 256 random bits. */
export function newSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/**
 * The three headers of a message.
 * @param id the same at each try, so that a receiver can know a repeated one
 * @param timeMs of this try: receivers refuse what is older than some minutes
 */
export function signatureHeaders(secret: string, id: string, timeMs: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(timeMs / 1000));
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
