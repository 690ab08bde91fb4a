// The asking side of digest: challenges without keeping state per challenge, answers checked once each.
// RFC 3261 §22, RFC 7616, RFC 8760. qop=auth only: auth-int would tie the answer to a body that SBCs rewrite.
import { err, ok } from '../../base/index.ts';
import type { CodedError, EpochMs, Result } from '../../base/index.ts';
import type { HeaderLines } from '../types.ts';
import { parseAuthValue, quotedString, wireToText } from './auth-params.ts';
import type { AuthValue } from './auth-params.ts';
import { digestResponse, ha1For, isEqualInConstantTime } from './digest-hash.ts';
import type { DigestAlgorithm, Ha1ByAlgorithm } from './digest-hash.ts';
import { GuessLimit } from './guess-limit.ts';
import { NonceMint, ReplayWindow } from './nonce.ts';

export interface DigestServerOptions {
  /** Printable ASCII. */
  readonly realm: string;
  /** At least 32 random bytes, drawn by the shell. */
  readonly secret: Buffer;
  /** How long a challenge may be answered, milliseconds. */
  readonly nonceLifetimeMs: number;
  /** Nonces whose uses are remembered at once; 100,000 when not given. */
  readonly noncesMax?: number;
}

/** The stored hashes of a user, or null when there is no such user. */
export type Ha1Lookup = (username: string) => Ha1ByAlgorithm | null;

/** Why an answer was refused. `stale` and `replayed`: the password may be right, challenge again with stale=true. */
export interface DigestFailure {
  readonly reason:
    | 'malformed'
    | 'wrongRealm'
    | 'stale'
    | 'replayed'
    | 'wrongCredentials'
    /** Not looked at: too many before it were wrong. */
    | 'blocked';
  readonly error: CodedError;
}

type FailureReason = DigestFailure['reason'];

const NONCES_MAX_DEFAULT = 100_000;
/** Compared against when the user or the algorithm's hash is unknown, so that both take the same time. */
const NOBODY: Ha1ByAlgorithm = { md5: '0'.repeat(32), sha256: '0'.repeat(64) };

interface Credentials {
  readonly username: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly nc: string;
  readonly cnonce: string;
  readonly algorithm: DigestAlgorithm;
}

/** One per realm. Holds the uses of nonces that were answered rightly, up to their end, and who guesses passwords. */
export class DigestServer {
  readonly #options: DigestServerOptions;
  readonly #mint: NonceMint;
  readonly #window: ReplayWindow;
  readonly #guesses = new GuessLimit();

  constructor(options: DigestServerOptions) {
    this.#options = options;
    this.#mint = new NonceMint(options);
    this.#window = new ReplayWindow(options.noncesMax ?? NONCES_MAX_DEFAULT);
  }

  /**
   * WWW-Authenticate lines for a 401: SHA-256 first, as the more wanted one stands first (RFC 8760 §2.4), then MD5.
   * @param to.source where the 401 goes, by `sourceKey`: wrong answers count against whoever got the challenge, so that a
   *   forged source address shuts nobody out.
   */
  challenge(
    now: EpochMs,
    { source, stale = false }: { readonly source: string; readonly stale?: boolean },
  ): HeaderLines {
    const nonce = this.#mint.make(now, source);
    const tail = `qop="auth"${stale ? ', stale=true' : ''}`;
    const line = (algorithm: DigestAlgorithm): readonly [string, string] => [
      'WWW-Authenticate',
      `Digest realm=${quotedString(this.#options.realm)}, nonce="${nonce}", algorithm=${algorithm}, ${tail}`,
    ];
    return [line('SHA-256'), line('MD5')];
  }

  /**
   * Checks the value of an Authorization header.
   * @param now the wall clock, milliseconds: a clock that steps back makes nonces live longer, never shorter than 0.
   * @param method of the request that carries the header.
   * @returns who it is, and the URI that was signed: the caller compares it with the one that was asked for (RFC 7616
   *   §3.4.6), since an answer for one number must not buy a call to another. AUTH_REQUIRED for what a new challenge may heal,
   *   AUTH_FAILED for wrong credentials, and for any after too many of them. Never throws. An unknown user takes the time of a
   *   wrong password as long as `lookup` finds hashes and computes none.
   */
  verify(
    now: EpochMs,
    method: string,
    headerValue: string,
    lookup: Ha1Lookup,
  ): Result<{ readonly username: string; readonly uri: string }, DigestFailure> {
    const value = parseAuthValue(headerValue);
    const given = value === null ? null : readCredentials(value);
    if (value === null || given === null)
      return failure('malformed', 'The Authorization header is not a digest answer');
    if (value.params.get('realm') !== this.#options.realm)
      return failure('wrongRealm', 'The answer is for another realm');
    const nonce = this.#mint.read(given.nonce);
    const lifetimeMs = this.#options.nonceLifetimeMs;
    if (nonce === null || now - nonce.madeAt >= lifetimeMs) {
      return failure('stale', `The nonce is not ours or older than ${lifetimeMs} ms`);
    }
    const username = wireToText(given.username);
    const guesser = this.#guesses.keyOf(nonce.source, username);
    if (this.#guesses.isBlocked(now, guesser))
      return failure('blocked', 'Too many wrong answers came before');
    const known = lookup(username);
    const ha1 = ha1For(given.algorithm, known ?? NOBODY);
    const expected = digestResponse(given.algorithm, {
      ha1: ha1 ?? ha1For(given.algorithm, NOBODY) ?? '',
      method,
      uri: wireToText(given.uri),
      nonce: given.nonce,
      auth: { nc: given.nc, cnonce: wireToText(given.cnonce) },
    });
    const isRight = isEqualInConstantTime(given.response.toLowerCase(), expected);
    if (!isRight || known === null || ha1 === null) {
      this.#guesses.wrong(now, guesser);
      return failure('wrongCredentials', 'User or password is wrong');
    }
    this.#guesses.right(guesser);
    const count = Number.parseInt(given.nc, 16);
    switch (this.#window.take(nonce.serial, count)) {
      case 'fresh':
        return ok({ username, uri: wireToText(given.uri) });
      case 'repeated':
        return failure('replayed', 'The answer has been used before');
      case 'forgotten':
        return failure('stale', 'The nonce is older than those whose uses are remembered');
    }
  }
}

function failure(reason: FailureReason, message: string): Result<never, DigestFailure> {
  const isFinal = reason === 'wrongCredentials' || reason === 'blocked';
  const code = isFinal ? 'AUTH_FAILED' : 'AUTH_REQUIRED';
  return err({ reason, error: { code, message } });
}

/** The parameters of an answer with qop=auth; null when one is missing or of the wrong form. */
function readCredentials(value: AuthValue): Credentials | null {
  const { scheme, params } = value;
  const nc = params.get('nc');
  const username = params.get('username');
  const nonce = params.get('nonce');
  const uri = params.get('uri');
  const response = params.get('response');
  const cnonce = params.get('cnonce');
  const algorithm = readAlgorithm(params.get('algorithm'));
  if (scheme !== 'digest' || algorithm === null || params.get('qop')?.toLowerCase() !== 'auth')
    return null;
  if (nc === undefined || !/^[0-9a-f]{8}$/i.test(nc) || nc === '00000000') return null;
  if (username === undefined || nonce === undefined || uri === undefined) return null;
  if (response === undefined || cnonce === undefined || cnonce === '') return null;
  return { username, nonce, uri, response, nc, cnonce, algorithm };
}

/** Any case; MD5 when absent (RFC 7616 §3.3). Null for an algorithm that is not spoken. */
export function readAlgorithm(name: string | undefined): DigestAlgorithm | null {
  if (name === undefined) return 'MD5';
  const upper = name.toUpperCase();
  return upper === 'MD5' || upper === 'SHA-256' ? upper : null;
}
