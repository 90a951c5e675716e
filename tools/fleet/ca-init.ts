// The first hour of a fleet's authority: its folder, and what brokers are given of it.
import { initFolder, locked, renewSigning } from './ca-folder.ts';
import { writeBrokerFiles } from './ca-revoke.ts';

/**
 * Makes the folder of an authority with the files for brokers.
 * @param name of the fleet, in the names of its authorities
 * @throws UserError when the folder exists or the passphrase is too short
 */
export async function initAuthority(folder: string, name: string, passphrase: string, now = new Date()): Promise<void> {
  await initFolder(folder, name, passphrase, now);
  await locked(folder, () => writeBrokerFiles(folder, now));
}

/** A new signing authority; brokers are to trust both. @returns until when it holds. @throws UserError when the passphrase is wrong */
export async function renewAuthority(folder: string, passphrase: string, now = new Date()): Promise<Date> {
  const { notAfter } = await renewSigning(folder, passphrase, now);
  await locked(folder, () => writeBrokerFiles(folder, now));
  return notAfter;
}
