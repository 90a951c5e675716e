// Revoking, and what brokers are given: whom to trust and who is revoked.
import { join } from 'node:path';
import { writeOwn } from '../../runtime/device/device-key.ts';
import { makeRevocationList, type Reason } from '../../runtime/device/x509.ts';
import { UserError } from '../command.ts';
import { type Authority, CLOCK_SLACK_MS, locked, readAuthorities } from './ca-folder.ts';
import { append, type Issue, type RegisterContents, readRegister } from './ca-register.ts';

/** A broker whose list is older than this takes nobody: long enough not to be forgotten, and each revocation makes a new one. */
const LIST_DAYS = 365;
const DAY_MS = 86_400_000;

/** Files of a broker, in the folder broker of the authority. */
export const BROKER_FILES = {
  devices: 'devices.pem',
  devicesList: 'devices.crl',
  operators: 'operators.pem',
  operatorsList: 'operators.crl',
  certificate: 'server.pem',
  key: 'server.key',
  access: 'access',
  configuration: 'mosquitto.conf',
} as const;

/**
 * Revokes every certificate of a name that still holds, and writes the lists for brokers.
 * @returns what was revoked
 * @throws UserError when nothing of that name holds
 */
export function revoke(folder: string, name: string, reason: Reason, now = new Date()): Promise<Issue[]> {
  return locked(folder, async () => {
    const register = await readRegister(folder);
    const holding = [...register.issues.values()].filter(
      (each) => each.name === name && !each.revoked && each.notAfter > now,
    );
    if (holding.length === 0) throw new UserError(nothingToRevoke(register, name));
    await append(
      folder,
      holding.map(({ serial }) => ({ did: 'revoked' as const, time: now.toISOString(), serial, reason })),
    );
    await writeBrokerFiles(folder, now);
    return holding;
  });
}

function nothingToRevoke({ issues }: RegisterContents, name: string): string {
  const known = [...issues.values()].filter((each) => each.name === name);
  if (known.length === 0) return `No certificate was ever signed for "${name}": earshot fleet ca list shows the names.`;
  return known.at(-1)!.revoked ? `${name} is revoked already.` : `The last certificate of ${name} has ended by itself.`;
}

/** Writes trust and revocation lists for brokers. To be called by who holds the lock. @returns until when the lists hold */
export async function writeBrokerFiles(folder: string, now = new Date()): Promise<Date> {
  const { root, signing, retired, operators } = await readAuthorities(folder, now);
  const issues = [...(await readRegister(folder)).issues.values()];
  const until = new Date(now.getTime() + LIST_DAYS * DAY_MS);
  const signers = [signing, ...retired];
  const file = (name: string) => join(folder, 'broker', name);
  const listsOf = async (authorities: readonly Authority[]) =>
    (await Promise.all(authorities.map((each) => listOf(each, issues, now, until)))).join('');
  await writeOwn(file(BROKER_FILES.devices), [root, ...signers.map(({ certificatePem }) => certificatePem)].join(''));
  await writeOwn(file(BROKER_FILES.devicesList), await listsOf(signers));
  await writeOwn(file(BROKER_FILES.operators), operators.certificatePem);
  await writeOwn(file(BROKER_FILES.operatorsList), await listsOf([operators]));
  return until;
}

function listOf(authority: Authority, issues: readonly Issue[], now: Date, until: Date): Promise<string> {
  const revoked = issues.flatMap(({ serial, issuer, revoked: end, notAfter }) =>
    end && issuer === authority.facts.serial && notAfter > now ? [{ serial, ...end }] : [],
  );
  return makeRevocationList(authority, revoked, { from: new Date(now.getTime() - CLOCK_SLACK_MS), until });
}
