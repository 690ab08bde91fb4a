// The answering side of digest: turns a challenge and credentials into an Authorization value. RFC 7616 §3.4.
import { err, ok } from '../../base/index.ts';
import type { CodedError, Result } from '../../base/index.ts';
import { parseAuthValue, quotedString, wireToText } from './auth-params.ts';
import { computeHa1, digestResponse, ha1For } from './digest-hash.ts';
import type { DigestAlgorithm } from './digest-hash.ts';
import { readAlgorithm } from './digest-server.ts';

export interface DigestCredentials {
  readonly username: string;
  readonly password: string;
}

export interface DigestRequest {
  readonly method: string;
  /** The Request-URI as sent. */
  readonly uri: string;
  /** Random hex text, at least 16 digits, drawn by the caller; fresh for each answer. */
  readonly cnonce: string;
  /** How often this nonce has been answered, this time included; 1 when not given. */
  readonly nonceCount?: number;
}

export interface Challenge {
  readonly realm: string;
  readonly algorithm: DigestAlgorithm;
  /** True when only the nonce was too old: the same password may be tried once more. */
  readonly isStale: boolean;
}

function refused(message: string): Result<never, CodedError> {
  return err({ code: 'AUTH_FAILED', message });
}

/**
 * Reads what a challenge asks for, so that the caller can see whose it is: one for another realm than the trunk's
 * must not be answered. AUTH_FAILED when it is malformed or of an algorithm that is not spoken.
 */
export function readChallenge(challengeValue: string): Result<Challenge, CodedError> {
  const value = parseAuthValue(challengeValue);
  const realm = value?.params.get('realm');
  if (
    value === null ||
    value.scheme !== 'digest' ||
    realm === undefined ||
    !value.params.has('nonce')
  ) {
    return refused('The challenge is not a digest challenge');
  }
  const algorithm = readAlgorithm(value.params.get('algorithm'));
  if (algorithm === null)
    return refused('The challenge asks for an algorithm other than SHA-256 and MD5');
  return ok({
    realm: wireToText(realm),
    algorithm,
    isStale: value.params.get('stale')?.toLowerCase() === 'true',
  });
}

/**
 * Picks among the challenges of one response the one to answer: the first that can be, as the peer puts the one it
 * wants most first (RFC 8760 §2.4). Null when there is none.
 */
export function pickChallenge(challengeValues: readonly string[]): string | null {
  return challengeValues.find((value) => readChallenge(value).ok) ?? null;
}

/**
 * Answers one challenge.
 * @param challengeValue the value of a WWW-Authenticate or Proxy-Authenticate line.
 * @returns the value for Authorization or Proxy-Authorization; AUTH_FAILED when the challenge can't be answered.
 */
export function digestAnswer(
  challengeValue: string,
  credentials: DigestCredentials,
  request: DigestRequest,
): Result<string, CodedError> {
  const challenge = readChallenge(challengeValue);
  if (!challenge.ok) return challenge;
  const params = parseAuthValue(challengeValue)?.params ?? new Map<string, string>();
  const offered = params
    .get('qop')
    ?.split(',')
    .map((name) => name.replaceAll(' ', '').toLowerCase());
  if (offered !== undefined && !offered.includes('auth'))
    return refused('The challenge offers no qop that is spoken');
  const { algorithm, realm } = challenge.value;
  const wireNonce = params.get('nonce') ?? '';
  const nonce = wireToText(wireNonce);
  const ha1 = ha1For(algorithm, computeHa1({ ...credentials, realm })) ?? '';
  const nc = (request.nonceCount ?? 1).toString(16).padStart(8, '0');
  const auth = offered === undefined ? null : { nc, cnonce: request.cnonce };
  const response = digestResponse(algorithm, {
    ha1,
    method: request.method,
    uri: request.uri,
    nonce,
    auth,
  });
  const fields = [
    `username=${quotedString(toWire(credentials.username))}`,
    `realm=${quotedString(params.get('realm') ?? '')}`,
    `nonce=${quotedString(wireNonce)}`,
    `uri=${quotedString(request.uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
  ];
  if (auth !== null) fields.push(`cnonce="${auth.cnonce}"`, 'qop=auth', `nc=${auth.nc}`);
  const opaque = params.get('opaque');
  if (opaque !== undefined) fields.push(`opaque=${quotedString(opaque)}`);
  return ok(`Digest ${fields.join(', ')}`);
}

/** UTF-8 text as it goes out, one character a byte. */
function toWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
