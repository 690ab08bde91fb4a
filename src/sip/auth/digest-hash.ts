// The hashes of digest authentication: MD5 by the `sip` package behind its adapter, SHA-256 by node:crypto, since the
// package knows none (RFC 8760).
import { createHash, timingSafeEqual } from 'node:crypto';
import { md5OfParts, md5Response } from '../message/index.ts';

/** RFC 8760 names. The -sess variants are neither offered nor answered. */
export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** H(user:realm:password) in lower-case hex by algorithm; null where only the other is known. */
export interface Ha1ByAlgorithm {
  readonly md5: string | null;
  readonly sha256: string | null;
}

/** Computes both stored hashes of a password, text taken as UTF-8. */
export function computeHa1(credentials: {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
}): Ha1ByAlgorithm {
  const parts = [credentials.username, credentials.realm, credentials.password];
  return { md5: md5OfParts(parts), sha256: sha256OfParts(parts) };
}

/** The stored hash for one algorithm; null when it isn't known. */
export function ha1For(algorithm: DigestAlgorithm, hashes: Ha1ByAlgorithm): string | null {
  return algorithm === 'MD5' ? hashes.md5 : hashes.sha256;
}

export interface ResponseFacts {
  readonly ha1: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** What qop=auth adds; null for a challenge without qop (RFC 2069). */
  readonly auth: { readonly nc: string; readonly cnonce: string } | null;
}

/** The `response` value for qop=auth or none (RFC 7616 §3.4.1). */
export function digestResponse(algorithm: DigestAlgorithm, facts: ResponseFacts): string {
  if (algorithm === 'MD5') return md5Response(facts);
  const ha2 = sha256OfParts([facts.method, facts.uri]);
  const middle =
    facts.auth === null ? [facts.nonce] : [facts.nonce, facts.auth.nc, facts.auth.cnonce, 'auth'];
  return sha256OfParts([facts.ha1, ...middle, ha2]);
}

function sha256OfParts(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join(':'), 'utf8').digest('hex');
}

/** Whether two texts are equal, in time that depends on the length of the second alone. */
export function isEqualInConstantTime(given: string, expected: string): boolean {
  const wanted = Buffer.from(expected, 'utf8');
  const offered = Buffer.from(given, 'utf8');
  if (offered.length === wanted.length) return timingSafeEqual(offered, wanted);
  timingSafeEqual(wanted, wanted);
  return false;
}
