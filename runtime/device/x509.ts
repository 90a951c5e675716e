// Keys, certificate requests, certificates and revocation lists: the one door to @peculiar/x509. Keys are of P-256, which OpenSSL,
// mosquitto, EMQX, MQTT.js and the security chips of boards all know; signatures are ECDSA with SHA-256.
import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509';

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };
/** Of a request or a certificate in PEM: one with a sane key is under 2 KiB. */
const LONGEST_PEM = 16_384;

/** A request or certificate that cannot be taken. */
export class X509Error extends Error {
  override name = 'UserError';
}

/** Whose a certificate is. */
export interface Subject {
  readonly commonName: string;
  readonly organisationalUnit?: string;
}

/** What a request asks for; its signature was right, so who wrote it has the private key. */
export interface RequestFacts {
  readonly subject: Subject;
  /** SHA-256 of the public key (SubjectPublicKeyInfo), hex. */
  readonly keySha256: string;
}

export interface CertificateFacts extends RequestFacts {
  /** Hex, without leading zeros of the encoding. */
  readonly serial: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Who signs. */
export interface Issuer {
  readonly certificatePem: string;
  /** PKCS 8, not encrypted. */
  readonly keyPem: string;
}

/** What a certificate may be used for. */
export type Purpose = 'authority' | 'intermediate' | 'client' | 'server';

export interface CertificateOrder {
  readonly subject: Subject;
  readonly purpose: Purpose;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKeyPem: string;
  /** Host names and addresses of a server. */
  readonly hosts?: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];
}

/** Why a certificate no longer holds (RFC 5280, 5.3.1). */
export const REASONS = ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'] as const;
export type Reason = (typeof REASONS)[number];

export interface Revoked {
  readonly serial: string;
  readonly time: Date;
  readonly reason: Reason;
}

/** A new private key: PKCS 8 in PEM. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: CURVE.namedCurve });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
}

/** The public half of a private key, in PEM. */
export function publicKeyOf(keyPem: string): string {
  return createPublicKey(keyPem).export({ format: 'pem', type: 'spki' }) as string;
}

/** A PKCS 10 request for a certificate, signed with the key it is for; PEM. */
export async function makeRequest(keyPem: string, subject: Subject): Promise<string> {
  const keys = await webKeys(keyPem);
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name: nameOf(subject), keys, signingAlgorithm: SIGNING },
    webcrypto as Crypto,
  );
  return `${request.toString('pem')}\n`;
}

/**
 * Reads a request and proves that its writer has the private key.
 * @throws X509Error when it is no request, its signature is wrong, or its key is none of P-256
 */
export async function readRequest(pem: string): Promise<RequestFacts & { readonly publicKeyPem: string }> {
  const request = parsed('certificate request', pem, (text) => new Pkcs10CertificateRequest(text));
  const publicKeyPem = p256(() => request.publicKey.toString('pem'), 'certificate request');
  const isProven = await request.verify(webcrypto as Crypto).catch(() => false);
  if (!isProven)
    throw new X509Error('The certificate request is not signed with the key it is for: make a new one on the device.');
  return { subject: subjectOf(request), keySha256: sha256(request.publicKey.rawData), publicKeyPem };
}

/** @throws X509Error when it is no certificate */
export function readCertificate(pem: string): CertificateFacts {
  const certificate = parsed('certificate', pem, (text) => new X509Certificate(text));
  const { serialNumber, issuer, notBefore, notAfter } = certificate;
  return {
    ...{ subject: subjectOf(certificate), keySha256: sha256(certificate.publicKey.rawData) },
    ...{ serial: plainSerial(serialNumber), issuer, notBefore, notAfter },
  };
}

/** Signs a certificate with a random serial number of 127 bits. @param issuer undefined: signed with selfKeyPem itself */
export async function issueCertificate(order: CertificateOrder, issuer: Issuer): Promise<string> {
  return issued(order, issuer.keyPem, new X509Certificate(issuer.certificatePem));
}

/** A certificate that vouches for itself: the begin of all trust. */
export function selfSigned(order: Omit<CertificateOrder, 'publicKeyPem'>, keyPem: string): Promise<string> {
  return issued({ ...order, publicKeyPem: publicKeyOf(keyPem) }, keyPem);
}

async function issued(order: CertificateOrder, keyPem: string, issuer?: X509Certificate): Promise<string> {
  const { subject, purpose, notBefore, notAfter, hosts } = order;
  const [publicKey, { privateKey }] = await Promise.all([webPublicKey(order.publicKeyPem), webKeys(keyPem)]);
  const crypto = webcrypto as Crypto;
  const extensions = [
    new BasicConstraintsExtension(...basicConstraints(purpose)),
    new KeyUsagesExtension(
      isAuthority(purpose) ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature,
      true,
    ),
    ...(isAuthority(purpose)
      ? []
      : [new ExtendedKeyUsageExtension([ExtendedKeyUsage[purpose === 'client' ? 'clientAuth' : 'serverAuth']])]),
    await SubjectKeyIdentifierExtension.create(publicKey, false, crypto),
    ...(issuer ? [await AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, crypto)] : []),
    ...(hosts ? [new SubjectAlternativeNameExtension([...hosts])] : []),
  ];
  const certificate = await X509CertificateGenerator.create(
    {
      ...{ serialNumber: newSerial(), subject: nameOf(subject), issuer: issuer ? issuer.subjectName : nameOf(subject) },
      ...{ notBefore, notAfter, publicKey, signingKey: privateKey, signingAlgorithm: SIGNING, extensions },
    },
    crypto,
  );
  return `${certificate.toString('pem')}\n`;
}

/** Whether an authority signed a certificate. */
export async function isSignedBy(certificatePem: string, authorityPem: string): Promise<boolean> {
  const authority = new X509Certificate(authorityPem);
  const certificate = parsed('certificate', certificatePem, (text) => new X509Certificate(text));
  return certificate.verify({ publicKey: authority.publicKey, signatureOnly: true }, webcrypto as Crypto);
}

/** A list of certificates that no longer hold, in PEM, until its end; beyond it brokers take nobody. */
export async function makeRevocationList(
  issuer: Issuer,
  revoked: readonly Revoked[],
  { from, until }: { readonly from: Date; readonly until: Date },
): Promise<string> {
  const { privateKey } = await webKeys(issuer.keyPem);
  const certificate = new X509Certificate(issuer.certificatePem);
  const list = await X509CrlGenerator.create(
    {
      ...{ issuer: certificate.subjectName, thisUpdate: from, nextUpdate: until },
      entries: revoked.map(({ serial, time, reason }) => ({
        ...{ serialNumber: serial, revocationDate: time, reason: X509CrlReason[reason] },
      })),
      extensions: [await AuthorityKeyIdentifierExtension.create(certificate.publicKey, false, webcrypto as Crypto)],
      ...{ signingKey: privateKey, signingAlgorithm: SIGNING },
    },
    webcrypto as Crypto,
  );
  // OpenSSL knows the list by this name alone (RFC 7468, 6).
  return `${list.toString('pem').replace(/(BEGIN|END) CRL/g, '$1 X509 CRL')}\n`;
}

/** Serial numbers of a revocation list, and until when it holds. @throws X509Error */
export function readRevocationList(pem: string): { readonly serials: readonly string[]; readonly until?: Date } {
  const list = parsed('revocation list', pem, (text) => new X509Crl(text), Number.POSITIVE_INFINITY);
  return { serials: list.entries.map(({ serialNumber }) => plainSerial(serialNumber)), until: list.nextUpdate };
}

type Isolated = 'certificate request' | 'certificate' | 'revocation list';

function parsed<T>(what: Isolated, pem: string, read: (text: string) => T, longest = LONGEST_PEM): T {
  if (pem.length > longest)
    throw new X509Error(`The ${what} has ${pem.length} characters, at most ${longest} are read.`);
  if (!pem.includes('-----BEGIN')) throw new X509Error(`The ${what} is not in PEM: it begins with -----BEGIN.`);
  try {
    return read(pem);
  } catch (cause) {
    throw new X509Error(`The ${what} cannot be read (${(cause as Error).message}): make it again.`, { cause });
  }
}

function p256(read: () => string, what: Isolated): string {
  const pem = read();
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(pem);
    if (type === 'ec' && details?.namedCurve === 'prime256v1') return pem;
    throw new Error(`it is ${type} ${details?.namedCurve ?? details?.modulusLength ?? ''}`.trim());
  } catch (cause) {
    throw new X509Error(`The key of the ${what} must be of the curve P-256 (${(cause as Error).message}).`, { cause });
  }
}

/** The one common name and at most one organisation unit. @throws X509Error when it names more */
function subjectOf(holder: Pkcs10CertificateRequest | X509Certificate): Subject {
  const fields = holder.subjectName;
  const [names, units] = [fields.getField('CN'), fields.getField('OU')];
  if (names.length !== 1 || units.length > 1)
    throw new X509Error(`A certificate names one common name and at most one unit, this one "${holder.subject}".`);
  return { commonName: names[0]!, ...(units[0] !== undefined && { organisationalUnit: units[0] }) };
}

function nameOf({ commonName, organisationalUnit }: Subject): JsonName {
  return [{ CN: [commonName] }, ...(organisationalUnit === undefined ? [] : [{ OU: [organisationalUnit] }])];
}

function isAuthority(purpose: Purpose): boolean {
  return purpose === 'authority' || purpose === 'intermediate';
}

/** An intermediate authority signs no further authorities; a root says nothing of the length of a chain. */
function basicConstraints(purpose: Purpose): [boolean, number | undefined, boolean] {
  return [isAuthority(purpose), purpose === 'intermediate' ? 0 : undefined, true];
}

/** Positive, as RFC 5280 wants it, and never with a leading zero byte. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^(00)+(?=.)/, '');
}

function sha256(data: ArrayBuffer): string {
  return createHash('sha256').update(Buffer.from(data)).digest('hex');
}

async function webKeys(keyPem: string): Promise<CryptoKeyPair> {
  const key = createPrivateKey(keyPem);
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign']),
    publicKey: await webPublicKey(publicKeyOf(keyPem)),
  };
}

function webPublicKey(pem: string): Promise<CryptoKey> {
  const der = createPublicKey(pem).export({ format: 'der', type: 'spki' });
  return webcrypto.subtle.importKey('spki', der, CURVE, true, ['verify']);
}
