// The answering side of digest: turns a challenge and credentials into an Authorization value.
import type { CodedError, Result } from '../../base/index.ts';

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
  readonly body?: Buffer;
}

/**
 * Answers one challenge.
 * @param challengeValue the value of a WWW-Authenticate or Proxy-Authenticate line.
 * @returns the value for Authorization or Proxy-Authorization; AUTH_FAILED when the challenge can't be answered.
 */
export function digestAnswer(challengeValue: string, credentials: DigestCredentials, request: DigestRequest): Result<string, CodedError> {
  throw new Error(`not built: ${challengeValue} ${credentials.username} ${request.method}`);
}
