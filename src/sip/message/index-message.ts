// The lazy index of one message: what transactions match on, read from the canonical text without building a tree.
import type { TransportKind } from '../../base/index.ts';
import { SPAN_SIZE } from './head-scan.ts';
import { KIND } from './header-names.ts';

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
  /** False: whoever sent this speaks another version of SIP, whatever its start line says. */
  readonly isVersion2: boolean;
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
  /** Of a refused message with a broken CSeq the number is 0. */
  readonly cseq: { readonly number: number; readonly method: string };
  readonly fromTag: string | null;
  /** 0 to 255; 70 when absent (RFC 3261 §16.6 step 3) or broken. */
  readonly maxForwards: number;
  /** The Content-Length written; null when there was none that could be read. */
  readonly contentLength: number | null;
  /** A view of the received bytes, cut to Content-Length: copy it before keeping it. */
  readonly body: Buffer;
  /** Start line and headers in canonical form, lines ended by CRLF: the one text every later reader reads. */
  readonly text: string;
  /** Value of the first header of that name (any case, never compact); null when absent. */
  header(name: string): string | null;
  /** Values of all headers of that name, one per line, in order. Not split at commas. */
  headerLines(name: string): readonly string[];
  /** Every header in order, names as the sender spelt them (compact ones expanded). */
  allHeaders(): readonly (readonly [name: string, value: string])[];
}

/** A copy of `text`, ours or a peer's, that keeps no longer string alive (V8 slices hold their parent). */
export function detached(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
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

/** What the guard found; the index adds reading by name. */
export interface IndexFacts {
  readonly transport: TransportKind;
  readonly text: string;
  /** As scanHead gives them. */
  readonly spans: readonly number[];
  readonly firstOf: readonly number[];
  readonly startLine: StartLine;
  readonly topVia: TopVia;
  readonly cseq: { readonly number: number; readonly method: string };
  readonly fromTag: string | null;
  readonly toTag: string | null;
  readonly maxForwards: number;
  readonly contentLength: number | null;
  readonly body: Buffer;
}

/** Built by the guard only. Retains the head's text and the datagram (through `body`) as long as it lives. */
export class IndexedMessage implements MessageIndex {
  readonly transport: TransportKind;
  readonly isRequest: boolean;
  readonly startLine: StartLine;
  readonly method: string;
  readonly topVia: TopVia;
  readonly cseq: { readonly number: number; readonly method: string };
  readonly fromTag: string | null;
  readonly toTag: string | null;
  readonly maxForwards: number;
  readonly contentLength: number | null;
  readonly body: Buffer;
  readonly text: string;
  readonly #spans: readonly number[];
  readonly #firstOf: readonly number[];

  constructor(facts: IndexFacts) {
    this.transport = facts.transport;
    this.startLine = facts.startLine;
    this.isRequest = facts.startLine.kind === 'request';
    this.method = facts.startLine.kind === 'request' ? facts.startLine.method : facts.cseq.method;
    this.topVia = facts.topVia;
    this.cseq = facts.cseq;
    this.fromTag = facts.fromTag;
    this.toTag = facts.toTag;
    this.maxForwards = facts.maxForwards;
    this.contentLength = facts.contentLength;
    this.body = facts.body;
    this.text = facts.text;
    this.#spans = facts.spans;
    this.#firstOf = facts.firstOf;
  }

  get callId(): string {
    return this.#first(KIND.callId);
  }

  get fromText(): string {
    return this.#first(KIND.from);
  }

  get toText(): string {
    return this.#first(KIND.to);
  }

  get cseqText(): string {
    return this.#first(KIND.cseq);
  }

  get viaLines(): readonly string[] {
    const lines: string[] = [];
    const viaId = this.#spans[(this.#firstOf[KIND.via] ?? 0) + 4];
    for (let at = 0; at < this.#spans.length; at += SPAN_SIZE) {
      if (this.#spans[at + 4] === viaId) lines.push(this.#valueAt(at));
    }
    return lines;
  }

  header(name: string): string | null {
    for (let at = 0; at < this.#spans.length; at += SPAN_SIZE) {
      if (this.#isNamed(at, name)) return this.#valueAt(at);
    }
    return null;
  }

  headerLines(name: string): readonly string[] {
    const values: string[] = [];
    for (let at = 0; at < this.#spans.length; at += SPAN_SIZE) {
      if (this.#isNamed(at, name)) values.push(this.#valueAt(at));
    }
    return values;
  }

  allHeaders(): readonly (readonly [name: string, value: string])[] {
    const headers: (readonly [string, string])[] = [];
    for (let at = 0; at < this.#spans.length; at += SPAN_SIZE) {
      headers.push([this.text.slice(this.#spans[at], this.#spans[at + 1]), this.#valueAt(at)]);
    }
    return headers;
  }

  /** Names are tokens, so comparing under the case bit is exact (characters.ts, tokenEquals). */
  #isNamed(at: number, name: string): boolean {
    const start = this.#spans[at] ?? 0;
    const length = name.length;
    if ((this.#spans[at + 1] ?? 0) - start !== length) return false;
    for (let i = 0; i < length; i += 1) {
      if ((this.text.charCodeAt(start + i) | 0x20) !== (name.charCodeAt(i) | 0x20)) return false;
    }
    return true;
  }

  #valueAt(at: number): string {
    return this.text.slice(this.#spans[at + 2], this.#spans[at + 3]);
  }

  #first(kind: number): string {
    const at = this.#firstOf[kind] ?? -1;
    return at < 0 ? '' : this.#valueAt(at);
  }
}
