// How a certificate names a device: common name SITE/DEVICE, as its topics do, so that one access rule with the name in it is enough.
import { Id } from '../config.ts';
import { type Subject, X509Error } from './x509.ts';

/** Upper bound of a common name (RFC 5280, appendix A: ub-common-name). */
const LONGEST_NAME = 64;

export interface DeviceName {
  readonly site: string;
  readonly device: string;
}

/** @throws X509Error when a part breaks the rule of topics or both together are too long */
export function certificateName({ site, device }: DeviceName): string {
  for (const [what, id] of [
    ['site', site],
    ['device', device],
  ] as const) {
    const { error } = Id.safeParse(id);
    if (error) throw new X509Error(`The ${what} "${shown(id)}" ${error.issues[0]!.message}.`);
  }
  const name = `${site}/${device}`;
  if (name.length <= LONGEST_NAME) return name;
  throw new X509Error(
    `${name} has ${name.length} characters, a certificate holds ${LONGEST_NAME}: give the site or the device a shorter name.`,
  );
}

/** Reads SITE/DEVICE. @throws X509Error */
export function parseDeviceName(name: string): DeviceName {
  const [site = '', device = '', ...more] = name.split('/');
  if (more.length > 0 || device === '') throw new X509Error(`"${shown(name)}" must be SITE/DEVICE, e.g. north/mill-3.`);
  certificateName({ site, device });
  return { site, device };
}

export function deviceSubject(name: DeviceName): Subject {
  return { commonName: certificateName(name), organisationalUnit: name.site };
}

/** Whatever a stranger wrote, on one line of plain characters. */
function shown(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}
