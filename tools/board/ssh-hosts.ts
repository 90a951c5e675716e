// Whom we trust at the other end of SSH: host keys that were read over the console, kept in a file of our own.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { UserError } from '../command.ts';
import { writeWhole } from '../write-whole.ts';

/** 'SHA256:...' of a host key in SSH's own encoding, as ssh-keygen -l shows it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The key of a line 'ssh-ed25519 AAAA... comment', as files under /etc/ssh have it. @throws UserError when it is none */
export function hostKeyOf(line: string): Buffer {
  const [type, encoded = ''] = line.trim().split(/\s+/);
  const key = Buffer.from(encoded, 'base64');
  const length = key.length > 4 ? key.readUInt32BE(0) : 0;
  if (!type || key.subarray(4, 4 + length).toString('latin1') !== type)
    throw new UserError(`"${line.slice(0, 60)}" is no host key of SSH.`);
  return key;
}

/** Host keys by device, in a file of lines 'SITE/DEVICE TYPE KEY': known_hosts with the device's name in place of an address. */
export class KnownHosts {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** @returns the pinned key's line without the name; undefined for a device never seen */
  async find(device: string): Promise<string | undefined> {
    return (await this.#lines()).get(device);
  }

  /** Pins a key: over the console, a board that was flashed anew may show another one. @param line 'ssh-ed25519 AAAA...' */
  async pin(device: string, line: string): Promise<void> {
    const lines = await this.#lines();
    const [type, key] = line.trim().split(/\s+/);
    lines.set(device, `${type} ${key}`);
    const text = [...lines].sort(([a], [b]) => a.localeCompare(b)).map(([name, rest]) => `${name} ${rest}\n`);
    await writeWhole(this.#file, text.join(''));
  }

  async #lines(): Promise<Map<string, string>> {
    const text = await readFile(this.#file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const rows = text.split('\n').filter((row) => row.includes(' '));
    return new Map(rows.map((row) => [row.slice(0, row.indexOf(' ')), row.slice(row.indexOf(' ') + 1)]));
  }
}
