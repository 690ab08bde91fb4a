// What our responses say: the methods we take, a refusal's Retry-After, the headers of an answer with SDP.
import type { CodedError, ErrorCode } from '../base/index.ts';
import { ERRORS } from '../base/index.ts';
import type { HeaderLines, SipResponse } from '../sip/index.ts';
import { quotedText, safeText } from '../sip/index.ts';
import type { Leg } from './call.ts';
import type { Answer } from './context.ts';
import { contactOf } from './identity.ts';
import { outcomeOf, reasonValue } from './outcome.ts';

/** Methods we answer at all; the value of Allow (RFC 3261 §20.5). */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO';

/** What a refused body should have been (RFC 3261 §21.4.13). */
const ACCEPT: HeaderLines = [
  ['Accept', 'application/sdp'],
  ['Accept-Encoding', 'identity'],
];

/** Refusals by a cap: the peer must be able to tell which one it ran into (SPEC E9). */
const CAPS: ReadonlySet<ErrorCode> = new Set([
  'TRUNK_AT_CAPACITY',
  'TRUNK_CPS_EXCEEDED',
  'CALL_LIMIT_REACHED',
  'CPS_LIMIT_REACHED',
]);

const UNREADABLE: ReadonlySet<ErrorCode> = new Set(['SDP_MALFORMED', 'MESSAGE_MALFORMED']);
const PHRASE_CHARS_MAX = 100;
const EXPLANATION_CHARS_MAX = 256;

/** The final answer a coded failure stands for, with Retry-After where the failure says when a retry helps. */
export function refusalAnswer(
  error: CodedError,
  toTag: string | null,
  headers: HeaderLines = [],
): Answer {
  const { retryAfterS } = error;
  const retry: HeaderLines =
    retryAfterS === undefined ? [] : [['Retry-After', String(retryAfterS)]];
  if (CAPS.has(error.code)) {
    const named = ['Reason', reasonValue(outcomeOf(error.code)) ?? ''] as const;
    return {
      status: 503,
      reason: phraseOf(error.code),
      toTag,
      headers: [...headers, named, ...retry],
    };
  }
  const accept = error.code === 'BODY_UNSUPPORTED' ? ACCEPT : [];
  const status = ERRORS[error.code].sip ?? 500;
  // What can't be read is told in a few words, so that the sender can mend it.
  const reason = UNREADABLE.has(error.code)
    ? safeText(error.message.slice(0, PHRASE_CHARS_MAX))
    : null;
  const told = [...headers, ...accept, ...(status === 488 ? warningOf(error) : []), ...retry];
  return { status, reason, toTag, headers: told };
}

/** What of a description was not acceptable, by the codes of RFC 3261 §20.43; 399 for what these don't name. */
const WARNINGS: ReadonlyMap<ErrorCode, number> = new Map([
  ['MEDIA_UNREACHABLE', 301],
  ['SRTP_NOT_SHARED', 302],
  ['CODEC_NOT_SHARED', 305],
]);
/** Who warns: a pseudonym, as the other side's peers are to learn nothing of our addresses (RFC 3261 §20.43). */
const WARNER = 'b2bua';
const WARNING_CHARS_MAX = 160;

/** The Warning that goes with a 488 (RFC 3261 §21.4.26). */
export function warningOf({ code, message }: CodedError): HeaderLines {
  const text = safeText(message.slice(0, WARNING_CHARS_MAX));
  return [['Warning', `${WARNINGS.get(code) ?? 399} ${WARNER} ${quotedText(text)}`]];
}

/** What a refusal can't be understood without, by status: the extensions (RFC 3261 §20.40), the shortest timer (RFC 4028 §6). */
const EXPLANATIONS: ReadonlyMap<number, string> = new Map([
  [420, 'Unsupported'],
  [422, 'Min-SE'],
]);

/** The headers of a gateway's refusal that go on to the party it is passed to. */
export function explained(response: SipResponse): HeaderLines {
  const name = EXPLANATIONS.get(response.status);
  const values = name === undefined ? [] : response.headerValues(name.toLowerCase());
  const text = safeText(values.join(', ').slice(0, EXPLANATION_CHARS_MAX));
  return name === undefined || text === '' ? [] : [[name, text]];
}

/** `TRUNK_CPS_EXCEEDED` as a reason phrase: "Trunk CPS exceeded". */
function phraseOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ').replace('cps', 'CPS');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What every body of ours is (RFC 3261 §20.15: a body never goes without its type). */
export const SDP_TYPE = ['Content-Type', 'application/sdp'] as const;

/** Contact, Allow and the body's type, as a 2xx with SDP carries them (RFC 3261 §13.3.1.4). */
export function sdpHeaders(leg: Leg): HeaderLines {
  return [['Contact', contactOf(leg)], ['Allow', ALLOW], SDP_TYPE];
}
