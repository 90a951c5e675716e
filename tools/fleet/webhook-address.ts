// Where a webhook may go: a hub must not become a stranger's hand inside the network it stands in (server-side request forgery).
import { lookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { UserError } from '../command.ts';

/**
 * What is not the public internet: IANA's special-purpose registries (RFC 6890 and its updates), multicast, and IPv6 forms that carry an
 * IPv4 address within (NAT64, 6to4, Teredo), which could lead back in.
 */
const NOT_PUBLIC: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ...(
    [
      ...[
        ['0.0.0.0', 8],
        ['10.0.0.0', 8],
        ['100.64.0.0', 10],
        ['127.0.0.0', 8],
        ['169.254.0.0', 16],
        ['172.16.0.0', 12],
      ],
      ...[
        ['192.0.0.0', 24],
        ['192.0.2.0', 24],
        ['192.31.196.0', 24],
        ['192.52.193.0', 24],
        ['192.88.99.0', 24],
      ],
      ...[
        ['192.168.0.0', 16],
        ['192.175.48.0', 24],
        ['198.18.0.0', 15],
        ['198.51.100.0', 24],
        ['203.0.113.0', 24],
      ],
      ...[
        ['224.0.0.0', 4],
        ['240.0.0.0', 4],
      ],
    ] as [string, number][]
  ).map(([net, bits]) => [net, bits, 'ipv4'] as const),
  ...(
    [
      ...[
        ['::', 96],
        ['64:ff9b::', 96],
        ['64:ff9b:1::', 48],
        ['100::', 64],
        ['2001::', 23],
        ['2001:db8::', 32],
      ],
      ...[
        ['2002::', 16],
        ['3fff::', 20],
        ['5f00::', 16],
        ['fc00::', 7],
        ['fe80::', 10],
        ['fec0::', 10],
        ['ff00::', 8],
      ],
    ] as [string, number][]
  ).map(([net, bits]) => [net, bits, 'ipv6'] as const),
];

const blocked = new BlockList();
for (const [net, bits, family] of NOT_PUBLIC) blocked.addSubnet(net, bits, family);

/** Is it an address of the public internet? IPv4 written as IPv6 (::ffff:10.0.0.1) is judged as IPv4. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return !blocked.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** An address that leads where webhooks may not go. */
export class PrivateAddressError extends Error {
  override name = 'PrivateAddressError';
}

/** @throws UserError when it is no http(s) URL, holds a password, or names a private address */
export function checkWebhookUrl(text: string, allowPrivate: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UserError(`${text}: a webhook goes to an http or https URL.`);
  if (url.username || url.password) {
    throw new UserError('The URL holds a password: receivers know us by the signature, leave it out.');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isNamedLocal = host === 'localhost' || host.endsWith('.localhost');
  if (!allowPrivate && (isNamedLocal || (isIP(host) > 0 && !isPublic(host)))) throw new UserError(refusal(host));
  return url;
}

/**
 * Finds the address of a name for a connection, and refuses private ones: checked at each connection, since a name may point elsewhere
 * tomorrow. The connection goes to the address that was checked.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    const hidden = addresses.find(({ address }) => !isPublic(address));
    if (hidden) return callback(new PrivateAddressError(refusal(`${hostname} (${hidden.address})`)), '', 0);
    if (options.all) return callback(null, addresses);
    callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};

function refusal(host: string): string {
  return `${host} is not on the public internet: a webhook goes there only when private addresses are allowed for it.`;
}
