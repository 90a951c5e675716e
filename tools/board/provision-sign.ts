// The fleet's authority as provisioning reaches it: its own command, so that its key stays in one program.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../runtime/worker-file.ts';
import { UserError } from '../command.ts';
import type { Authority } from './provision-service.ts';

const TIMEOUT_MS = 60_000;

/**
 * Signs by "earshot fleet ca sign".
 * @param folder of the authority; replace: another key may take the name over
 * @throws UserError when there is no authority
 */
export async function authorityOf(folder: string, replace: boolean): Promise<Authority> {
  const root = await readFile(join(folder, 'root.pem'), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`${folder} is no authority (${cause.code}): make one with "earshot fleet ca init ${folder}".`, {
      cause,
    });
  });
  return {
    root,
    sign: ({ site, device }, request) =>
      new Promise((resolve, reject) => {
        const words = ['fleet', 'ca', 'sign', '-', '--ca', folder, '--site', site, '--device', device, '--json'];
        const args = [join(PACKAGE_ROOT, 'bin', 'earshot.js'), ...words, ...(replace ? ['--replace'] : [])];
        const child = execFile(process.execPath, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
          if (error) reject(new UserError(stderr.replace(/^error: /, '').trim() || error.message, { cause: error }));
          else resolve(JSON.parse(stdout));
        });
        child.stdin!.end(request);
      }),
  };
}
