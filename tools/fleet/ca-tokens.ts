// Enrolment tokens: whoever shows one gets the certificate of one named device, once, for some hours. Only their hashes are kept.
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { certificateName, parseDeviceName } from '../../runtime/device/certificate-name.ts';
import { readRequest } from '../../runtime/device/x509.ts';
import { UserError } from '../command.ts';
import { locked, readAuthorities } from './ca-folder.ts';
import { append, readRegister } from './ca-register.ts';
import { type Issued, signLocked } from './ca-sign.ts';

const HOUR_MS = 3_600_000;

/**
 * Makes a token: a random part, and the fingerprint of the fleet's root, by which a device knows the hub before it trusts it.
 * @returns RANDOM.FINGERPRINT, shown this once
 */
export function makeToken(
  folder: string,
  name: string,
  hours: number,
  now = new Date(),
): Promise<{ token: string; expires: Date }> {
  return locked(folder, async () => {
    const checked = certificateName(parseDeviceName(name));
    const { root } = await readAuthorities(folder, now);
    const token = `${randomBytes(32).toString('base64url')}.${fingerprintOf(root)}`;
    const expires = new Date(now.getTime() + hours * HOUR_MS);
    const entry = {
      did: 'token' as const,
      time: now.toISOString(),
      tokenSha256: hashOf(token),
      name: checked,
      expires: expires.toISOString(),
    };
    await append(folder, [entry]);
    return { token, expires };
  });
}

/**
 * Signs the request of who shows a token; a key that asks again with its token gets the same certificate, another key nothing.
 * @throws UserError in the same words whatever is wrong with the token
 */
export function redeemToken(folder: string, token: string, request: string, now = new Date()): Promise<Issued> {
  return locked(folder, async () => {
    const register = await readRegister(folder);
    const tokenSha256 = hashOf(token);
    const known = register.tokens.get(tokenSha256);
    if (!known || known.expires <= now) throw new UserError(BAD_TOKEN);
    const asked = { folder, ...parseDeviceName(known.name), request, now };
    if (known.serial !== undefined) {
      const given = register.issues.get(known.serial);
      const { keySha256 } = await readRequest(request);
      if (!given || given.revoked || given.keySha256 !== keySha256) throw new UserError(BAD_TOKEN);
      return signLocked(asked, register);
    }
    // The operator named the device when making the token: a board that was made anew may take its name over.
    const issued = await signLocked({ ...asked, replace: true }, register);
    await append(folder, [{ did: 'token-used', time: now.toISOString(), tokenSha256, serial: issued.serial }]);
    return issued;
  });
}

const BAD_TOKEN = 'The enrolment token is unknown, used or over: ask the operator of the fleet for a new one.';

/** SHA-256 of a certificate, hex. */
export function fingerprintOf(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
