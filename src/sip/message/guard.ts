// The security boundary of signalling: every rule a message must keep before anything else reads it.
import type { CodedError, TransportKind } from '../../base/index.ts';
import type { MessageIndex } from './index-message.ts';

export type GuardResult =
  | { readonly verdict: 'ok'; readonly index: MessageIndex }
  /** A request that breaks a rule but can be answered: `error.code` gives the status, `index` the headers to copy. */
  | { readonly verdict: 'reject'; readonly error: CodedError; readonly index: MessageIndex }
  /** Not to be answered: a response, an ACK, or a request without the headers that an answer copies. */
  | { readonly verdict: 'drop'; readonly error: CodedError };

/**
 * Checks one whole message and indexes it.
 * @param bytes one datagram, or one message as cut by StreamFramer.
 */
export function indexMessage(bytes: Buffer, transport: TransportKind): GuardResult {
  throw new Error(`not built: ${bytes.length} ${transport}`);
}
