// Passwords as the database keeps them: scrypt (RFC 7914) with a salt of its own, and the parameters beside the hash.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** N = 2^16, r = 8, p = 1: 64 MiB for each try, OWASP's second choice of 2024. */
const LOG_N = 16;
const [R, P] = [8, 1];
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** At most so many hashes at once: each takes 64 MiB, and who guesses must not take the hub's memory. */
const AT_ONCE = 2;
let running = 0;
const queue: (() => void)[] = [];

/** $scrypt$ln=16,r=8,p=1$SALT$HASH */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derived(password, salt, HASH_BYTES, LOG_N, R, P);
  return `$scrypt$ln=${LOG_N},r=${R},p=${P}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/** @param stored undefined: there is no such user; takes as long as if there were */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const parts = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/.exec(stored ?? NOBODYS);
  if (!parts) return false;
  const [, logN, r, p, salt, hash] = parts;
  const wanted = Buffer.from(hash!, 'base64url');
  const given = await derived(
    password,
    Buffer.from(salt!, 'base64url'),
    wanted.length,
    Number(logN),
    Number(r),
    Number(p),
  );
  return timingSafeEqual(given, wanted) && stored !== undefined;
}

const NOBODYS = `$scrypt$ln=${LOG_N},r=${R},p=${P}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

async function derived(
  ...[password, salt, length, logN, r, p]: [string, Buffer, number, number, number, number]
): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 2 * 128 * 2 ** logN * r };
  if (running >= AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
  else running += 1;
  try {
    return await new Promise((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
    });
  } finally {
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  }
}
