// The asking side of digest: challenges without keeping state per challenge, answers checked once each.
import type { CodedError, EpochMs, Result } from '../../base/index.ts';
import type { HeaderLines } from '../types.ts';
import type { Ha1ByAlgorithm } from './digest-hash.ts';

export interface DigestServerOptions {
  readonly realm: string;
  /** At least 32 random bytes, drawn by the shell. */
  readonly secret: Buffer;
  readonly nonceLifetimeMs: number;
}

/** The stored hashes of a user, or null when there is no such user. */
export type Ha1Lookup = (username: string) => Ha1ByAlgorithm | null;

/** Why an answer was refused; `stale`: the password may be right, challenge again with stale=true. */
export interface DigestFailure {
  readonly reason: 'malformed' | 'wrongRealm' | 'stale' | 'replayed' | 'wrongCredentials';
  readonly error: CodedError;
}

export class DigestServer {
  readonly #options: DigestServerOptions;

  constructor(options: DigestServerOptions) {
    this.#options = options;
  }

  /** WWW-Authenticate lines for a 401: SHA-256 first, then MD5 (RFC 8760 §2.4). */
  challenge(now: EpochMs, options?: { readonly stale: boolean }): HeaderLines {
    throw new Error(`not built: ${this.#options.realm} ${now} ${options?.stale}`);
  }

  /** Checks the value of an Authorization header. */
  verify(now: EpochMs, method: string, headerValue: string, lookup: Ha1Lookup): Result<{ readonly username: string }, DigestFailure> {
    throw new Error(`not built: ${now} ${method} ${headerValue} ${lookup.length}`);
  }
}
