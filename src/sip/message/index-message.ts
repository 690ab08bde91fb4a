// The lazy index of one message: what transactions match on, read from the canonical text without building a tree.
import type { TransportKind } from '../../base/index.ts';

export type StartLine =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

/** The first Via value, as matching needs it (RFC 3261 §17.1.3, §17.2.3). */
export interface TopVia {
  /** The value as written (canonical text). */
  readonly text: string;
  /** Upper case: UDP, TCP, TLS, WS, WSS, … */
  readonly transport: string;
  /** Lower case; IPv6 without brackets. */
  readonly host: string;
  readonly port: number | null;
  /** Null when absent (RFC 2543 peers). */
  readonly branch: string | null;
  /** Lower-case host with brackets as written, and `:port` when one was written. */
  readonly sentBy: string;
  /** True when the sender asks for RFC 3581 (`;rport`). */
  readonly wantsRport: boolean;
}

/** What a response copies from its request; small and flat once taken by keepAnswerHead. */
export interface AnswerHead {
  /** Values of the Via headers, one per header line, in order. */
  readonly viaLines: readonly string[];
  readonly fromText: string;
  readonly toText: string;
  readonly toTag: string | null;
  readonly callId: string;
  readonly cseqText: string;
}

export interface MessageIndex extends AnswerHead {
  readonly transport: TransportKind;
  readonly isRequest: boolean;
  readonly startLine: StartLine;
  /** The request's method; for a response the CSeq's. */
  readonly method: string;
  readonly topVia: TopVia;
  readonly cseq: { readonly number: number; readonly method: string };
  readonly fromTag: string | null;
  /** 70 when absent (RFC 3261 §16.6 step 3). */
  readonly maxForwards: number;
  /** The Content-Length written; null when there was none. */
  readonly contentLength: number | null;
  /** A view of the received bytes, cut to Content-Length: copy it before keeping it. */
  readonly body: Buffer;
  /** Start line and headers in canonical form, lines ended by CRLF: the one text every later reader reads. */
  readonly text: string;
  /** Value of the first header of that name (any case, never compact); null when absent. */
  header(name: string): string | null;
  /** Values of all headers of that name, one per line, in order. Not split at commas. */
  headerLines(name: string): readonly string[];
}

/** A copy of `text` that keeps no longer string alive (V8 slices hold their parent). */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').latin1Slice();
}

/** The part a server transaction keeps after it dropped the request: detached from message text and bytes. */
export function keepAnswerHead(from: AnswerHead): AnswerHead {
  return {
    viaLines: from.viaLines.map(detached),
    fromText: detached(from.fromText),
    toText: detached(from.toText),
    toTag: from.toTag === null ? null : detached(from.toTag),
    callId: detached(from.callId),
    cseqText: detached(from.cseqText),
  };
}
