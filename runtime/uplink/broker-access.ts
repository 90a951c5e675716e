// Who we are to a broker and whom we trust: certificates, keys and passwords, from files that nobody else may read.
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Config } from '../config.ts';
import { othersCanRead } from '../secret-file.ts';

/** How a broker knows us. */
export interface BrokerAccess {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: {
    readonly ca?: Buffer;
    readonly cert?: Buffer;
    readonly key?: Buffer;
    readonly servername?: string;
  };
}

/** A key or password that is missing or that others can read, or settings that contradict each other. */
export class BrokerAccessError extends Error {
  override name = 'UserError';
}

/**
 * Reads what the settings name.
 * @throws BrokerAccessError naming the setting, the file and the way out
 */
export async function readBrokerAccess(
  settings: Pick<Config, 'broker' | 'tls' | 'credentials'>,
): Promise<BrokerAccess> {
  const { broker = '', tls, credentials } = settings;
  refuseSecretInUrl(broker);
  if (tls && !/^(mqtts|wss|ssl|tls):/.test(broker)) {
    throw new BrokerAccessError(
      `tls is set, but ${broker || 'no broker'} is not encrypted: give broker as mqtts://HOST:8883.`,
    );
  }
  return {
    ...(credentials && {
      username: credentials.username,
      password: (await secretFile('credentials.passwordFile', credentials.passwordFile)).toString('utf8').trimEnd(),
    }),
    ...(tls && { tls: await readTls(tls, broker) }),
  };
}

async function readTls(tls: NonNullable<Config['tls']>, broker: string): Promise<BrokerAccess['tls']> {
  const { ca, certificate, key, serverName } = tls;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new BrokerAccessError('tls.certificate and tls.key belong together: give both or neither.');
  }
  const { hostname } = new URL(broker);
  const servername = serverName ?? (isIP(hostname) === 0 ? hostname : undefined);
  return {
    ...(ca !== undefined && { ca: await publicFile('tls.ca', ca) }),
    ...(certificate !== undefined && { cert: await publicFile('tls.certificate', certificate) }),
    ...(key !== undefined && { key: await secretFile('tls.key', key) }),
    ...(servername !== undefined && { servername }),
  };
}

/** A password in a URL stands in process lists and logs. */
function refuseSecretInUrl(broker: string): void {
  const match = /^[^/]*\/\/([^@/]*)@/.exec(broker);
  if (!match) return;
  throw new BrokerAccessError(
    'The URL of the broker holds a user name, which process lists show with its password: ' +
      'put the name into credentials.username, the password into a file, and its path into credentials.passwordFile.',
  );
}

async function publicFile(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new BrokerAccessError(`${setting}: ${file} cannot be read (${(cause as Error).message}).`, { cause });
  }
}

async function secretFile(setting: string, file: string): Promise<Buffer> {
  const content = await publicFile(setting, file);
  const found = await stat(file);
  if (!othersCanRead(found)) return content;
  const shown = (found.mode & 0o777).toString(8).padStart(4, '0');
  throw new BrokerAccessError(`${setting}: ${file} can be read by others (mode ${shown}): run chmod 600 ${file}.`);
}
