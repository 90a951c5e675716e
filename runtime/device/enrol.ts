// How a device gets and renews its certificate from the hub: it trusts the hub only when it shows the root that its token names.
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { z } from 'zod';
import type { DeviceName } from './certificate-name.ts';
import { certificatesIn, deviceRequest, type IdentityFiles, storeCertificate, writeOwn } from './device-key.ts';
import { type CertificateFacts, isSignedBy, readCertificate } from './x509.ts';

const TIMEOUT_MS = 20_000;
/** A root and a chain have some 3 KiB. */
const LONGEST_ANSWER = 65_536;
/** Renewed when less than this part of its time is left. */
const RENEWAL_SHARE = 1 / 3;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
const TOKEN = /^[A-Za-z0-9_-]{20,100}\.([0-9a-f]{64})$/;

/** What the hub says; the tools' side of it is tools/fleet/enrol-desk.ts. */
const EnrolAnswer = z.object({ certificate: z.string(), root: z.string() });
const AuthorityAnswer = z.object({ root: z.string() });

export interface EnrolOptions {
  /** https://HOST:PORT; http:// on the loopback interface alone. */
  readonly hub: string;
  readonly name: DeviceName;
  /** tls.key, tls.certificate and tls.ca of the settings. */
  readonly files: IdentityFiles & { readonly ca: string };
}

/** The hub is away, not to be trusted, or refuses. */
export class EnrolError extends Error {
  override name = 'UserError';
}

/**
 * Makes the key where there is none, asks the hub for a certificate and stores it with the fleet's root.
 * @param token of the operator: RANDOM.FINGERPRINT of the root
 * @throws EnrolError X509Error
 */
export async function enrolDevice({ hub, name, files }: EnrolOptions, token: string): Promise<CertificateFacts> {
  const fingerprint = TOKEN.exec(token)?.[1];
  if (!fingerprint)
    throw new EnrolError(
      'The enrolment token is damaged: copy the whole line that earshot fleet ca enrol-token printed.',
    );
  const url = hubUrl(hub);
  // Nothing secret is said before the answer is known to be the fleet's root; what is said after it goes to its owner alone.
  const { root } = understood(AuthorityAnswer, await ask(url, 'enrol/authority', undefined, undefined));
  if (createHash('sha256').update(new X509Certificate(root).raw).digest('hex') !== fingerprint)
    throw new EnrolError(
      `The hub at ${url.origin} shows another root than the token names: check the address; nothing was sent to it.`,
    );
  await mustTrust(files.ca, root);
  const request = await deviceRequest(files.key, name);
  const facts = await take(await ask(url, 'enrol', { token, request }, root), root, files, name);
  await writeOwn(files.ca, root);
  return facts;
}

/**
 * Renews the certificate for the same key, which the request proves, when less than a third of its time is left.
 * @returns undefined while more is left
 * @throws EnrolError X509Error
 */
export async function renewCertificate(
  { hub, name, files }: EnrolOptions,
  now = new Date(),
): Promise<CertificateFacts | undefined> {
  const certificate = certificatesIn(await textOf(files.certificate))[0] ?? '';
  const { notBefore, notAfter } = readCertificate(certificate);
  const left = (notAfter.getTime() - now.getTime()) / (notAfter.getTime() - notBefore.getTime());
  if (left > RENEWAL_SHARE) return undefined;
  if (left <= 0)
    throw new EnrolError(
      `The certificate ended on ${notAfter.toISOString().slice(0, 10)}: enrol again with a new token.`,
    );
  const root = await textOf(files.ca);
  const request = await deviceRequest(files.key, name);
  return take(await ask(hubUrl(hub), 'enrol/renew', { certificate, request }, root), root, files, name);
}

/** Stores a certificate that the fleet's root stands for. */
async function take(answer: unknown, root: string, files: IdentityFiles, name: DeviceName): Promise<CertificateFacts> {
  const { certificate } = understood(EnrolAnswer, answer);
  const [leaf, signing] = certificatesIn(certificate);
  if (!leaf || !signing || !(await isSignedBy(leaf, signing)) || !(await isSignedBy(signing, root)))
    throw new EnrolError(
      'The hub answered with a certificate for which the root of the fleet does not stand: nothing was changed.',
    );
  return storeCertificate(certificate, files, name);
}

async function mustTrust(file: string, root: string): Promise<void> {
  const present = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present === undefined || present.includes(root.trim())) return;
  throw new EnrolError(
    `${file} trusts another root than the token names: move it away when this device changes its fleet.`,
  );
}

function hubUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new EnrolError(`--hub ${text}: give https://HOST:PORT.`);
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname))
    throw new EnrolError(
      `--hub ${text}: the token would travel in the clear; give https://, or a tunnel to this machine's own address.`,
    );
  return url;
}

/** @param root undefined: whoever answers is heard, and nothing said but the path */
function ask(hub: URL, path: string, body: unknown, root: string | undefined): Promise<unknown> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method: payload === undefined ? 'GET' : 'POST',
    headers: {
      accept: 'application/json',
      ...(payload !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
      }),
    },
    timeout: TIMEOUT_MS,
    ...(root === undefined ? { rejectUnauthorized: false } : { ca: [root, ...rootCertificates] }),
  };
  const url = new URL(path, `${hub.origin}/`);
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        new EnrolError(
          `The hub at ${hub.origin} cannot be asked (${cause.message}): check its address and certificate.`,
          { cause },
        ),
      );
    const sent = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      read(response).then(resolve, (error) => (error instanceof EnrolError ? reject(error) : fail(error)));
    });
    sent.once('error', fail).once('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    sent.end(payload);
  });
}

async function read(response: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length > LONGEST_ANSWER) throw new Error('its answer is too long');
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`status ${response.statusCode}, and no JSON`);
  }
  if (response.statusCode === 200) return json;
  const said = z.object({ error: z.string() }).safeParse(json).data?.error ?? `status ${response.statusCode}`;
  throw new EnrolError(`The hub refuses: ${said.slice(0, 300).replace(/[^\x20-\x7e]/g, '?')}`);
}

function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const { data, error } = schema.safeParse(answer);
  if (data !== undefined) return data;
  throw new EnrolError(
    `The hub answers what is not understood (${error!.issues[0]!.message}): is it a hub of earshot?`,
  );
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new EnrolError(`${file} cannot be read (${cause.code}): enrol first with a token.`, { cause });
  });
}
