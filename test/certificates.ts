// Certificates as a keeper of devices makes them, with openssl: an authority, and what it signs.
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that signs others. @param name of its files in the folder */
export function makeAuthority(folder: string, name: string): Certificate {
  const files = filesOf(folder, name);
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${name}`, '-keyout', files.key, '-out', files.certificate],
  );
  return files;
}

/** A certificate for a name, and for hosts as subjectAltName says (e.g. 'IP:127.0.0.1'). */
export function issue(
  folder: string,
  authority: Certificate,
  name: string,
  subjectAltName = `DNS:${name}`,
): Certificate {
  const files = filesOf(folder, name);
  const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
  writeFileSync(extensions, `subjectAltName=${subjectAltName}\n`);
  openssl(
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', `/CN=${name}`, '-keyout', files.key, '-out', request],
  );
  openssl(
    ...['x509', '-req', '-in', request, '-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial'],
    ...['-days', '2', '-extfile', extensions, '-out', files.certificate],
  );
  chmodSync(files.key, 0o600);
  return files;
}

function filesOf(folder: string, name: string): Certificate {
  return { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

function openssl(...words: string[]): void {
  execFileSync('openssl', words, { stdio: 'ignore' });
}
