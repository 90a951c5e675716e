// Names and addresses under which a server is reached, as its certificate holds them.
import { isIP } from 'node:net';
import { UserError } from '../command.ts';

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i;
const LONGEST_NAME = 253;

/** @throws UserError when it is neither a host name (RFC 1123) nor an IP address; wildcards are none */
export function hostOf(text: string): { type: 'dns' | 'ip'; value: string } {
  if (isIP(text) !== 0) return { type: 'ip', value: text };
  const isName = text.length <= LONGEST_NAME && text.split('.').every((label) => LABEL.test(label));
  if (isName && !/^[\d.]+$/.test(text)) return { type: 'dns', value: text.toLowerCase() };
  throw new UserError(`"${text}" must be a host name or an address, e.g. broker.lan or 192.168.1.2.`);
}
