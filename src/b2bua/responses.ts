// What our responses say: the methods we take, a refusal's Retry-After, the headers of an answer with SDP.
import type { CodedError } from '../base/index.ts';
import { ERRORS } from '../base/index.ts';
import type { HeaderLines } from '../sip/index.ts';
import type { Leg } from './call.ts';
import type { Answer } from './context.ts';
import { contactOf } from './identity.ts';

/** Methods we answer at all; the value of Allow (RFC 3261 §20.5). */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS';

/** What a refused body should have been (RFC 3261 §21.4.13). */
const ACCEPT: HeaderLines = [['Accept', 'application/sdp']];

/** The final answer a coded failure stands for, with Retry-After where the failure says when a retry helps. */
export function refusalAnswer(
  error: CodedError,
  toTag: string | null,
  headers: HeaderLines = [],
): Answer {
  const { retryAfterS } = error;
  const retry: HeaderLines =
    retryAfterS === undefined ? [] : [['Retry-After', String(retryAfterS)]];
  const accept = error.code === 'BODY_UNSUPPORTED' ? ACCEPT : [];
  const status = ERRORS[error.code].sip ?? 500;
  return { status, toTag, headers: [...headers, ...accept, ...retry] };
}

/** Contact, Allow and the body's type, as a 2xx with SDP carries them (RFC 3261 §13.3.1.4). */
export function sdpHeaders(leg: Leg): HeaderLines {
  return [
    ['Contact', contactOf(leg)],
    ['Allow', ALLOW],
    ['Content-Type', 'application/sdp'],
  ];
}
