// Signing: who asks, whether the name is theirs to have, the register first, then the certificate.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateName, type DeviceName, deviceSubject } from '../../runtime/device/certificate-name.ts';
import { writeOwn } from '../../runtime/device/device-key.ts';
import {
  type CertificateOrder,
  issueCertificate,
  makeKey,
  publicKeyOf,
  readCertificate,
  readRequest,
} from '../../runtime/device/x509.ts';
import { UserError } from '../command.ts';
import { type Authorities, type Authority, locked, readAuthorities, validity } from './ca-folder.ts';
import { hostOf } from './ca-hosts.ts';
import { append, type Issue, type Kind, type RegisterContents, type Role, readRegister } from './ca-register.ts';
import { writeBrokerFiles } from './ca-revoke.ts';

export const DEVICE_DAYS = 730;

/** A certificate and what goes with it. */
export interface Issued {
  /** The certificate, then that of the authority that signed it: what tls.certificate holds. */
  readonly chain: string;
  /** The root of the fleet: what tls.ca holds. */
  readonly root: string;
  readonly serial: string;
  readonly name: string;
  readonly notAfter: Date;
  /** False: the same key was signed before and more than half of that time is left, so that one is given again. */
  readonly isNew: boolean;
}

export interface SignRequest extends DeviceName {
  /** Folder of the authority. */
  readonly folder: string;
  /** Certificate request in PEM, made on the device. */
  readonly request: string;
  /** Validity; default two years. */
  readonly days?: number;
  /** Another key may take the name over: what was signed for the old one is revoked. */
  readonly replace?: boolean;
  readonly now?: Date;
}

/**
 * Signs the certificate of a device.
 * @throws UserError when the request is not proven, not of this device, or another key has its name
 */
export function signRequest(asked: SignRequest): Promise<Issued> {
  return locked(asked.folder, async () => signLocked(asked, await readRegister(asked.folder)));
}

/** The same for who holds the lock and has read the register. */
export async function signLocked(asked: SignRequest, register: RegisterContents): Promise<Issued> {
  const { folder, replace, days = DEVICE_DAYS, now = new Date() } = asked;
  const name = certificateName(asked);
  const { subject, keySha256, publicKeyPem } = await readRequest(asked.request);
  if (subject.commonName !== name)
    throw new UserError(
      `The request is of ${JSON.stringify(subject.commonName)}, not of ${name}: make it with site and device of the settings.`,
    );
  const authorities = await readAuthorities(folder, now);
  const valid = validIssues(register, 'device', name, now);
  const same = valid.find((issue) => issue.keySha256 === keySha256 && isYoung(issue, now));
  if (same && valid.every((issue) => issue.keySha256 === keySha256)) return again(folder, same, authorities);
  const others = valid.filter((issue) => issue.keySha256 !== keySha256);
  if (others.length > 0 && !replace)
    throw new UserError(
      `${name} has a certificate with another key until ${day(others[0]!.notAfter)}: is it another device? Give it another name, or revoke that certificate, or say --replace.`,
    );
  const order = { subject: deviceSubject(asked), purpose: 'client' as const, publicKeyPem };
  const issued = await issue(
    { folder, kind: 'device', name, order, signer: authorities.signing, days, now },
    authorities,
  );
  if (others.length > 0) {
    const entries = others.map(({ serial }) => ({
      did: 'revoked' as const,
      time: now.toISOString(),
      serial,
      reason: 'superseded' as const,
    }));
    await append(folder, entries);
    await writeBrokerFiles(folder, now);
  }
  return issued;
}

/** A certificate with its key, for a broker or hub that others reach under these names. */
export function signServer(
  folder: string,
  hosts: readonly string[],
  days = DEVICE_DAYS,
  now = new Date(),
): Promise<Issued & { key: string }> {
  return locked(folder, async () => {
    const authorities = await readAuthorities(folder, now);
    const [name] = hosts;
    if (name === undefined)
      throw new UserError('A server needs at least one name or address under which devices reach it.');
    const order = { subject: { commonName: name.slice(0, 64) }, purpose: 'server' as const, hosts: hosts.map(hostOf) };
    return withKey({ folder, kind: 'server', name, order, signer: authorities.signing, days, now }, authorities);
  });
}

/** A certificate with its key for a hub or a person, by which the broker's second listener knows them. */
export function signOperator(
  folder: string,
  name: string,
  role: Role,
  days = DEVICE_DAYS,
  now = new Date(),
): Promise<Issued & { key: string }> {
  return locked(folder, async () => {
    if (!/^[a-z0-9][a-z0-9-]{0,35}$/.test(name))
      throw new UserError(`The name "${name}" must be 1 to 36 lower-case letters, digits or hyphens, e.g. hub.`);
    const authorities = await readAuthorities(folder, now);
    const other = [...(await readRegister(folder)).issues.values()].find(
      (each) =>
        each.kind === 'operator' && each.name === name && each.role !== role && !each.revoked && each.notAfter > now,
    );
    if (other)
      throw new UserError(
        `${name} has the role ${other.role} until ${day(other.notAfter)}: revoke that certificate first, or give another name.`,
      );
    const order = { subject: { commonName: name }, purpose: 'client' as const };
    return withKey(
      { folder, kind: 'operator', name, role, order, signer: authorities.operators, days, now },
      authorities,
    );
  });
}

interface IssueOrder {
  readonly folder: string;
  readonly kind: Kind;
  readonly name: string;
  readonly role?: Role;
  readonly order: Omit<CertificateOrder, 'notBefore' | 'notAfter'>;
  readonly signer: Authority;
  readonly days: number;
  readonly now: Date;
}

async function withKey(
  asked: Omit<IssueOrder, 'order'> & { order: Omit<IssueOrder['order'], 'publicKeyPem'> },
  authorities: Authorities,
): Promise<Issued & { key: string }> {
  const key = makeKey();
  return {
    ...(await issue({ ...asked, order: { ...asked.order, publicKeyPem: publicKeyOf(key) } }, authorities)),
    key,
  };
}

/** The register knows a certificate before anybody has it, so that none exists that cannot be revoked. */
async function issue(
  { folder, kind, name, role, order, signer, days, now }: IssueOrder,
  authorities: Authorities,
): Promise<Issued> {
  if (signer.facts.notAfter <= now)
    throw new UserError(
      `The signing authority ended on ${day(signer.facts.notAfter)}: renew it with earshot fleet ca renew.`,
    );
  const pem = await issueCertificate({ ...order, ...validity(now, days, signer.facts.notAfter) }, signer);
  const facts = readCertificate(pem);
  const { serial, keySha256, notBefore, notAfter } = facts;
  await writeOwn(join(folder, 'issued', `${serial}.pem`), pem);
  await append(folder, [
    {
      ...{
        did: 'issued',
        time: now.toISOString(),
        serial,
        kind,
        name,
        ...(role && { role }),
        keySha256,
        issuer: signer.facts.serial,
      },
      ...{ notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() },
    },
  ]);
  return { chain: chainOf(pem, signer, authorities), root: authorities.root, serial, name, notAfter, isNew: true };
}

async function again(
  folder: string,
  { serial, issuer, name, notAfter }: Issue,
  authorities: Authorities,
): Promise<Issued> {
  const pem = await readFile(join(folder, 'issued', `${serial}.pem`), 'utf8');
  const signer =
    [authorities.signing, ...authorities.retired].find(({ facts }) => facts.serial === issuer) ?? authorities.signing;
  return { chain: chainOf(pem, signer, authorities), root: authorities.root, serial, name, notAfter, isNew: false };
}

/** Operators' authority vouches for itself: their broker has it already. */
function chainOf(pem: string, signer: Authority, { operators }: Authorities): string {
  return signer === operators ? pem : `${pem}${signer.certificatePem}`;
}

/** Certificates of a name that hold now, newest first. */
export function validIssues({ issues }: RegisterContents, kind: Kind, name: string, now: Date): Issue[] {
  return [...issues.values()]
    .filter((issue) => issue.kind === kind && issue.name === name && !issue.revoked && issue.notAfter > now)
    .reverse();
}

function isYoung({ notBefore, notAfter }: Issue, now: Date): boolean {
  return now.getTime() < (notBefore.getTime() + notAfter.getTime()) / 2;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
