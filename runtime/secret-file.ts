// When a file with a key, token or password is kept well enough to be used.
import type { Stats } from 'node:fs';

/**
 * Whether more than its owner can read it. One that belongs to root may be read by a group, as secrets mounted into a container are;
 * the rule is that of PostgreSQL's client for its keys.
 */
export function othersCanRead({ mode, uid }: Pick<Stats, 'mode' | 'uid'>): boolean {
  return (mode & (uid === 0 ? 0o037 : 0o077)) !== 0;
}
