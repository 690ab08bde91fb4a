// The one file that knows the `sip` package: canonical text in, our types out, and back.
import type { CodedError, HostPort, Result } from '../../base/index.ts';
import type { OutgoingRequest, OutgoingResponse, SipMessage, SipUri } from '../types.ts';
import type { AnswerHead, MessageIndex } from './index-message.ts';

/** Reads an indexed message whole. Errors: MESSAGE_MALFORMED. */
export function parseMessage(index: MessageIndex): Result<SipMessage, CodedError> {
  throw new Error(`not built: ${index.text}`);
}

/** Reads a URI of any scheme. Errors: MESSAGE_MALFORMED. */
export function parseUri(text: string): Result<SipUri, CodedError> {
  throw new Error(`not built: ${text}`);
}

/**
 * Writes a request.
 * @param via the value of our Via header, without its name.
 * @throws when a name, value or URI holds CR, LF or NUL: a broken promise of our own code.
 */
export function writeRequest(request: OutgoingRequest, via: string): Buffer {
  throw new Error(`not built: ${request.method} ${via}`);
}

/**
 * Writes the response to a request: Via, From, To, Call-ID, CSeq copied, To tag added.
 * @param source where the request came from: fills received and rport of the top Via (RFC 3261 §18.2.1, RFC 3581 §4).
 * @throws when a name or value holds CR, LF or NUL: a broken promise of our own code.
 */
export function writeResponse(to: AnswerHead, response: OutgoingResponse, source: HostPort): Buffer {
  throw new Error(`not built: ${to.callId} ${response.status} ${source.host}`);
}

/** How many messages the package has parsed since the process started: a test sees that the main path uses it. */
export function parseCount(): number {
  return 0;
}
