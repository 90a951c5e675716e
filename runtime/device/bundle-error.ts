// Why a bundle or an update is refused: a code for programs, a sentence for people.

export type BundleFault =
  | 'unreadable'
  | 'format'
  | 'version'
  | 'too-big'
  | 'truncated'
  | 'signature'
  | 'key-revoked'
  | 'key-expired'
  | 'keys'
  | 'manifest'
  | 'older'
  | 'too-new'
  | 'expired'
  | 'kind'
  | 'board'
  | 'jetpack'
  | 'architecture'
  | 'glibc'
  | 'damaged'
  | 'disk'
  | 'exists'
  | 'busy'
  | 'network'
  | 'proof'
  | 'slots';

export class BundleError extends Error {
  override name = 'UserError';
  readonly code: BundleFault;

  constructor(code: BundleFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
