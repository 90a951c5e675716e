// One flash at a time from a BSP folder: NVIDIA's tools keep their images and settings in it.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../command.ts';

/**
 * @param bsp absolute path of the folder, which a user without root may not write to: the lock stands in the temporary folder
 * @returns ends the claim
 * @throws UserError while another earshot flashes from it; what a killed one left is taken over
 */
export async function claimBsp(bsp: string): Promise<() => Promise<void>> {
  const file = join(tmpdir(), `earshot-flash-${createHash('sha256').update(bsp).digest('hex').slice(0, 16)}.lock`);
  const holder = Number(await readFile(file, 'utf8').catch(() => '')); // no file: nobody
  if (holder > 0 && existsSync(`/proc/${holder}`)) {
    throw new UserError(
      `Another earshot (process ${holder}) is flashing from ${bsp}: wait for it, or unpack a second BSP folder.`,
    );
  }
  await rm(file, { force: true });
  const handle = await open(file, 'wx').catch((cause) => {
    throw new UserError(`Another earshot is just beginning to flash from ${bsp}: wait for it.`, { cause });
  });
  await handle.writeFile(String(process.pid));
  await handle.close();
  return () => rm(file, { force: true });
}
