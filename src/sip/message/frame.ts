// Cuts whole SIP messages out of a byte stream (TCP, TLS) by Content-Length, in linear time and bounded memory.
import type { CodedError } from '../../base/index.ts';

export interface FrameLimits {
  /** Largest message on a stream, head and body together, in bytes. */
  readonly messageBytesMax: number;
}

export type FrameOutput =
  /** One whole message, head and body, to be indexed. */
  | { readonly kind: 'message'; readonly bytes: Buffer }
  /** A double CRLF between messages: the caller answers a single CRLF (RFC 5626 §3.5.1, §4.4.1). */
  | { readonly kind: 'keepAlive' }
  /** The length can't be trusted any more: the connection must close. `head` allows an answer, where it could be cut. */
  | { readonly kind: 'broken'; readonly error: CodedError; readonly head: Buffer | null };

export class StreamFramer {
  readonly #limits: FrameLimits;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** Takes what the socket read; gives everything that is complete. After `broken` it gives nothing more. */
  push(chunk: Buffer): readonly FrameOutput[] {
    throw new Error(`not built: ${chunk.length} of ${this.#limits.messageBytesMax}`);
  }
}
