// The hub's side of enrolment: a token, or a certificate that still holds, and the proof of the key, against a certificate.
import { z } from 'zod';
import { parseDeviceName } from '../../runtime/device/certificate-name.ts';
import { readCertificate, readRequest } from '../../runtime/device/x509.ts';
import { UserError } from '../command.ts';
import { locked, readAuthorities } from './ca-folder.ts';
import { readRegister } from './ca-register.ts';
import { type Issued, signLocked } from './ca-sign.ts';
import { redeemToken } from './ca-tokens.ts';

const pem = z.string().max(16_384);
export const EnrolRequest = z.strictObject({ token: z.string().max(300), request: pem });
export const RenewRequest = z.strictObject({ certificate: pem, request: pem });

/** What a device gets. */
export interface EnrolAnswer {
  readonly certificate: string;
  readonly root: string;
}

/** The root of the fleet, for everybody: who has a token knows its fingerprint. */
export async function authorityAnswer(folder: string): Promise<{ root: string }> {
  return { root: (await readAuthorities(folder)).root };
}

/** @throws UserError when the token or the request is refused */
export async function enrol(folder: string, body: unknown, now = new Date()): Promise<Issued> {
  const { token, request } = checked(EnrolRequest, body);
  return redeemToken(folder, token, request, now);
}

/**
 * Signs again for the key of a certificate that still holds. The request is signed with that key: who sends another's
 * request gets nothing that its owner has not.
 * @throws UserError when the certificate is not ours, over or revoked, or the request is of another key
 */
export async function renew(folder: string, body: unknown, now = new Date()): Promise<Issued> {
  const { certificate, request } = checked(RenewRequest, body);
  const { serial, keySha256 } = readCertificate(certificate);
  const asked = await readRequest(request);
  return locked(folder, async () => {
    const register = await readRegister(folder);
    const issue = register.issues.get(serial);
    // The register is asked, not the certificate shown: what it says of serial and key cannot be forged.
    const holds = issue?.kind === 'device' && !issue.revoked && issue.notAfter > now && issue.keySha256 === keySha256;
    if (!holds) throw new UserError('This certificate is unknown, revoked or over: enrol with a new token.');
    if (asked.keySha256 !== issue.keySha256)
      throw new UserError('The request is of another key than the certificate: enrol with a new token.');
    return signLocked({ folder, ...parseDeviceName(issue.name), request, now }, register);
  });
}

export function answerOf({ chain, root }: Issued): EnrolAnswer {
  return { certificate: chain, root };
}

function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const { data, error } = schema.safeParse(body);
  if (data !== undefined) return data;
  const [issue] = error!.issues;
  throw new UserError(`The request is not understood: ${issue!.path.join('.') || 'body'}: ${issue!.message}.`);
}
