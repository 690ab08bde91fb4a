// The two requests that a transaction derives from its INVITE: the ACK of a failure (RFC 3261
// §17.1.1.3) and the CANCEL (§9.1). Both share the INVITE's branch, Request-URI and Route.
import type { HeaderLines, OutgoingRequest } from '../types.ts';

/**
 * The part of an INVITE that its ACK and CANCEL copy; the body and everything else can be dropped.
 */
export interface InviteFacts {
  readonly uri: string;
  /** Value of our Via. */
  readonly via: string;
  /** CSeq number as text. */
  readonly cseqNumber: string;
  readonly toText: string;
  /** From, Call-ID and Route lines in the INVITE's order. */
  readonly lines: HeaderLines;
}

const MAX_FORWARDS = '70';

/**
 * Takes what ACK and CANCEL need. @throws when To or CSeq is missing: a broken promise of the user.
 */
export function inviteFacts(request: OutgoingRequest, via: string): InviteFacts {
  const lines: (readonly [string, string])[] = [];
  let toText: string | null = null;
  let cseqNumber: string | null = null;
  for (const line of request.headers) {
    const [name, value] = line;
    switch (name.toLowerCase()) {
      case 'from':
      case 'call-id':
      case 'route':
        lines.push(line);
        break;
      case 'to':
        toText = value;
        break;
      case 'cseq':
        cseqNumber = value.trim().split(/\s/, 1)[0] ?? null;
        break;
      default:
        break;
    }
  }
  if (toText === null || cseqNumber === null) {
    throw new Error(`INVITE ${request.uri} was given without To or CSeq`);
  }
  return { uri: request.uri, via, cseqNumber, toText, lines };
}

/**
 * The ACK of a failure response (RFC 3261 §17.1.1.3).
 * @param toText the response's To value, with its tag.
 */
export function failureAck(facts: InviteFacts, toText: string): OutgoingRequest {
  return {
    method: 'ACK',
    uri: facts.uri,
    headers: [
      ['Max-Forwards', MAX_FORWARDS],
      ...facts.lines,
      ['To', toText],
      ['CSeq', `${facts.cseqNumber} ACK`],
    ],
    body: null,
  };
}

/**
 * The CANCEL of an INVITE (RFC 3261 §9.1).
 * @param headers further headers, for example Reason (RFC 3326).
 */
export function cancelOf(facts: InviteFacts, headers: HeaderLines): OutgoingRequest {
  return {
    method: 'CANCEL',
    uri: facts.uri,
    headers: [
      ['Max-Forwards', MAX_FORWARDS],
      ...facts.lines,
      ['To', facts.toText],
      ['CSeq', `${facts.cseqNumber} CANCEL`],
      ...headers,
    ],
    body: null,
  };
}
