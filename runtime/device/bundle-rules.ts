// Whether a bundle whose signature is right is one for this device, and now.
import { BundleError } from './bundle-error.ts';
import type { BundleManifest } from './bundle-format.ts';
import type { KnownKey } from './trusted-keys.ts';

/** What this device is and has; what is left out is not judged. */
export interface BundleRules {
  /** A bundle must be signed by one of them. */
  readonly keys: readonly Pick<KnownKey, 'id' | 'key' | 'expires' | 'revoked'>[];
  /** Highest sequence of each kind that was installed: nothing older is taken. A number counts for any kind. */
  readonly sequence?: number | Readonly<Record<BundleManifest['kind'], number>>;
  /** Undefined while the clock is not known to be right: then expiry is not judged, the sequence still is. */
  readonly now?: Date;
  /** All names that fit, as that of the module and that of its family. */
  readonly board?: string | readonly string[];
  readonly jetpack?: string;
  /** As process.arch. */
  readonly architecture?: string;
  /** Of the C library, e.g. '2.35'. */
  readonly glibc?: string;
}

/** @throws BundleError with the reason as its code */
export function checkRules(manifest: BundleManifest, file: string, rules: BundleRules): void {
  const { expires, requires, key } = manifest;
  const refuse = (code: BundleError['code'], why: string) => {
    throw new BundleError(code, `${file} ${why}.`);
  };
  checkKey(manifest, rules, refuse);
  checkSequence(manifest, rules, refuse);
  if (rules.now && expires && rules.now.getTime() > Date.parse(expires)) {
    refuse('expired', `was to be installed before ${expires}: ask for a newer one`);
  }
  const isFor = (allowed: readonly string[] | null, own: string | readonly string[] | undefined) =>
    !allowed || own === undefined || [own].flat().some((each) => allowed.includes(each));
  if (!isFor(requires.boards, rules.board)) {
    refuse('board', `is for ${requires.boards!.join(', ')}, this is ${[rules.board].flat()[0]}`);
  }
  if (!isFor(requires.jetpacks, rules.jetpack)) {
    refuse('jetpack', `is for JetPack ${requires.jetpacks!.join(', ')}, here is ${rules.jetpack}`);
  }
  const { architecture, glibc } = requires;
  if (architecture && rules.architecture && architecture !== rules.architecture) {
    refuse('architecture', `is for processors of ${architecture}, this is ${rules.architecture}`);
  }
  if (glibc && rules.glibc && compareVersions(glibc, rules.glibc) > 0) {
    refuse('glibc', `needs the C library glibc ${glibc}, here is ${rules.glibc}: update the system first`);
  }
  if (rules.keys.every(({ id }) => id !== key)) refuse('manifest', `names the key ${key}, which did not sign it`);
}

type Refuse = (code: BundleError['code'], why: string) => void;

function checkKey({ key: named, created }: BundleManifest, { keys, now }: BundleRules, refuse: Refuse): void {
  const key = keys.find(({ id }) => id === named);
  if (!key) return;
  if (key.revoked !== null) {
    refuse('key-revoked', `is signed by the key ${named}, which is not trusted any more (${key.revoked})`);
  }
  const latest = Math.max(Date.parse(created), now?.getTime() ?? 0);
  if (key.expires && latest > key.expires.getTime()) {
    const until = key.expires.toISOString().slice(0, 10);
    refuse('key-expired', `is signed by the key ${named}, which was trusted until ${until}: ask for one signed anew`);
  }
}

function checkSequence({ sequence, minimumSequence, kind }: BundleManifest, rules: BundleRules, refuse: Refuse): void {
  const own = typeof rules.sequence === 'object' ? rules.sequence[kind] : rules.sequence;
  if (own === undefined) return;
  if (sequence < own) refuse('older', `has sequence ${sequence}, here runs ${own}: nothing older is taken`);
  if (own < minimumSequence) {
    refuse(
      'too-new',
      `can follow sequence ${minimumSequence} or later, here runs ${own}: install one between them first`,
    );
  }
}

/** Numbers with dots, part by part. @returns negative: a is older */
export function compareVersions(a: string, b: string): number {
  const [as, bs] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const difference = (as[i] ?? 0) - (bs[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
