// The hashes of digest authentication. MD5 goes through the `sip` package's adapter, SHA-256 through node:crypto.

/** RFC 8760 names. */
export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** H(user:realm:password) in lower-case hex by algorithm; null where only the other is known. */
export interface Ha1ByAlgorithm {
  readonly md5: string | null;
  readonly sha256: string | null;
}

/** Computes both stored hashes of a password. */
export function computeHa1(credentials: { readonly username: string; readonly realm: string; readonly password: string }): Ha1ByAlgorithm {
  throw new Error(`not built: ${credentials.username}`);
}
