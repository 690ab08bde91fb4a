// Cuts whole SIP messages out of a byte stream (TCP, TLS) by Content-Length, in linear time and bounded memory. The
// length is read by the same scan that the guard uses, so framing and reading can't disagree. What is in a message
// is the guard's business.
import type { CodedError, ErrorCode } from '../../base/index.ts';
import { canonicalHead } from './canonical.ts';
import { readNumber } from './characters.ts';
import { scanHead } from './head-scan.ts';
import { KIND } from './header-names.ts';

export interface FrameLimits {
  /** Largest message on a stream, head and body together, in bytes; at most 65,536. */
  readonly messageBytesMax: number;
}

export type FrameOutput =
  /** One whole message, head and body, to be indexed. May be a view of the chunk: copy it before keeping it. */
  | { readonly kind: 'message'; readonly bytes: Buffer }
  /** A double CRLF between messages: the caller answers a single CRLF (RFC 5626 §3.5.1, §4.4.1). */
  | { readonly kind: 'keepAlive' }
  /**
   * The length can't be trusted any more: the connection must close. `head` is the message up to its empty line, where
   * that much came, so that indexMessage can tell whether a 4xx is due first.
   */
  | { readonly kind: 'broken'; readonly error: CodedError; readonly head: Buffer | null };

const CR = 0x0d;
const LF = 0x0a;
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const NOTHING = Buffer.alloc(0);

/** The length of one message, or why it can't be known. */
type LengthVerdict =
  | { readonly ok: true; readonly bodyBytes: number }
  | { readonly ok: false; readonly error: CodedError };

/**
 * One per connection. Holds at most one unfinished message and the chunk it came with; copies each byte a bounded
 * number of times, however the stream is cut.
 */
export class StreamFramer {
  readonly #messageBytesMax: number;
  /** Unfinished bytes: #held[0..#heldBytes). Grows by doubling, is never handed out. */
  #held: Buffer = NOTHING;
  #heldBytes = 0;
  /** Where the search for the empty line goes on, relative to the message's start. */
  #searchedBytes = 0;
  /** Length of the message under way once its head is read; 0 before. */
  #messageBytes = 0;
  /** CRLFs met since the last message, modulo two: a keep-alive may come in two reads. */
  #lineEnds = 0;
  #isBroken = false;

  constructor(limits: FrameLimits) {
    this.#messageBytesMax = limits.messageBytesMax;
  }

  /** True while a message has begun and isn't whole: the caller's clock for unfinished messages runs. */
  get isMidMessage(): boolean {
    return this.#heldBytes > 0;
  }

  /**
   * Takes what the socket read; gives everything that is complete, in order, at most one keepAlive a call.
   * After `broken` it gives nothing more. The framer keeps no reference to `chunk`.
   */
  push(chunk: Buffer): readonly FrameOutput[] {
    if (this.#isBroken) return [];
    const outputs: FrameOutput[] = [];
    if (this.#heldBytes === 0) {
      this.#keep(chunk, this.#cut(chunk, outputs));
      return outputs;
    }
    this.#append(chunk);
    const held = this.#held.subarray(0, this.#heldBytes);
    const used = this.#cut(held, outputs);
    if (used === 0) return outputs;
    // Messages handed out are views of the held bytes, so what is left moves to a buffer of its own.
    this.#held = NOTHING;
    this.#heldBytes = 0;
    this.#keep(held, used);
    return outputs;
  }

  /** Cuts everything complete from the start of `bytes`; gives how many bytes are used up. */
  #cut(bytes: Buffer, outputs: FrameOutput[]): number {
    let at = 0;
    let hasKeepAlive = false;
    for (;;) {
      if (this.#messageBytes === 0) {
        const begin = this.#skipLineEnds(bytes, at);
        if (begin.isKeepAlive && !hasKeepAlive) {
          hasKeepAlive = true;
          outputs.push({ kind: 'keepAlive' });
        }
        at = begin.at;
        if (begin.isEnd || !this.#readHead(bytes, at, outputs))
          return this.#isBroken ? bytes.length : at;
      }
      if (bytes.length - at < this.#messageBytes) return at;
      outputs.push({ kind: 'message', bytes: bytes.subarray(at, at + this.#messageBytes) });
      at += this.#messageBytes;
      this.#messageBytes = 0;
      this.#searchedBytes = 0;
      this.#lineEnds = 0;
    }
  }

  /** Skips CRLFs before a start line (RFC 3261 §7.5); two of them are a keep-alive. */
  #skipLineEnds(
    bytes: Buffer,
    from: number,
  ): { readonly at: number; readonly isEnd: boolean; readonly isKeepAlive: boolean } {
    let at = from;
    let isKeepAlive = false;
    if (this.#searchedBytes > 0) return { at, isEnd: false, isKeepAlive };
    while (bytes[at] === CR && bytes[at + 1] === LF) {
      at += 2;
      this.#lineEnds = (this.#lineEnds + 1) % 2;
      if (this.#lineEnds === 0) isKeepAlive = true;
    }
    const isHalf = bytes[at] === CR && at + 1 === bytes.length;
    return { at, isEnd: at === bytes.length || isHalf, isKeepAlive };
  }

  /** Finds the empty line and the message's length; false when more bytes are needed or the stream is broken. */
  #readHead(bytes: Buffer, at: number, outputs: FrameOutput[]): boolean {
    // Three bytes back: the empty line may lie across two chunks.
    const from = at + Math.max(this.#searchedBytes - 3, 0);
    const end = bytes.indexOf(HEAD_END, from);
    if (end < 0) {
      this.#searchedBytes = bytes.length - at;
      if (this.#searchedBytes > this.#messageBytesMax) {
        this.#break(
          outputs,
          'MESSAGE_TOO_LARGE',
          `No empty line within ${this.#messageBytesMax} bytes`,
          this.#oversizedHead(bytes, at),
        );
      }
      return false;
    }
    const headBytes = end + HEAD_END.length - at;
    if (headBytes > this.#messageBytesMax) {
      this.#break(
        outputs,
        'MESSAGE_TOO_LARGE',
        `The head has more than ${this.#messageBytesMax} bytes`,
        this.#oversizedHead(bytes, at),
      );
      return false;
    }
    const length = bodyLength(
      bytes.toString('latin1', at, end + 2),
      this.#messageBytesMax - headBytes,
    );
    if (!length.ok) {
      this.#break(
        outputs,
        length.error.code,
        length.error.message,
        bytes.subarray(at, at + headBytes),
      );
      return false;
    }
    this.#messageBytes = headBytes + length.bodyBytes;
    return true;
  }

  /** A byte more than a head may have, so that the guard reads whom to answer and is sure to refuse. */
  #oversizedHead(bytes: Buffer, at: number): Buffer {
    return Buffer.concat([bytes.subarray(at, at + this.#messageBytesMax + 1), HEAD_END]);
  }

  #break(outputs: FrameOutput[], code: ErrorCode, message: string, head: Buffer | null): void {
    this.#isBroken = true;
    outputs.push({ kind: 'broken', error: { code, message }, head });
  }

  /** Keeps a copy of what is left of `bytes` behind `used`. */
  #keep(bytes: Buffer, used: number): void {
    if (this.#isBroken || used >= bytes.length) return;
    this.#append(bytes.subarray(used));
  }

  #append(bytes: Buffer): void {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }
}

/** Reads Content-Length as the guard does; on a stream it must be there, once, and in digits (RFC 3261 §18.3). */
function bodyLength(head: string, bodyBytesMax: number): LengthVerdict {
  const fail = (code: ErrorCode, message: string): LengthVerdict => ({
    ok: false,
    error: { code, message },
  });
  let codes = Buffer.from(head, 'latin1');
  let scan = scanHead(codes, codes.length, false);
  if (!scan.isCanonical) {
    const canonical = canonicalHead(head);
    // A head with stray line ends or headless lines may hide a second length from us or show it to others.
    if (canonical.problem !== null) return fail('MESSAGE_MALFORMED', canonical.problem);
    codes = Buffer.from(canonical.text, 'latin1');
    scan = scanHead(codes, codes.length, true);
  }
  if (scan.repeated?.kind === KIND.contentLength)
    return fail('MESSAGE_MALFORMED', 'More than one Content-Length header');
  const at = scan.firstOf[KIND.contentLength] ?? -1;
  if (at < 0) return fail('MESSAGE_MALFORMED', 'No Content-Length on a stream');
  const bodyBytes = readNumber(
    codes,
    scan.spans[at + 2] ?? 0,
    scan.spans[at + 3] ?? 0,
    Number.MAX_SAFE_INTEGER,
  );
  if (bodyBytes < 0) return fail('MESSAGE_MALFORMED', 'Content-Length is not a number');
  if (bodyBytes > bodyBytesMax)
    return fail('MESSAGE_TOO_LARGE', `The body exceeds the ${bodyBytesMax} bytes left for it`);
  return { ok: true, bodyBytes };
}
