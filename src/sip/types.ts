// The words of the SIP room: what the transaction user (b2bua) gives and gets. RFC 3261 unless noted.
import type { ClientTxnId, CodedError, Flow, SendTarget, ServerTxnId } from '../base/index.ts';

/** Header parameters: lower-case names, null for a flag without a value, values unquoted. */
export type Params = ReadonlyMap<string, string | null>;

export interface SipUri {
  /** Lower case: 'sip', 'sips', 'tel', 'urn', … */
  readonly scheme: string;
  /** Unescaped? No: as written, so that a rewrite never changes what it doesn't mean to. */
  readonly user: string | null;
  readonly password: string | null;
  /** Lower case; IPv6 without brackets. Empty for tel: and urn:. */
  readonly host: string;
  readonly port: number | null;
  readonly params: Params;
  /** The URI as it was written. */
  readonly text: string;
}

export interface NameAddr {
  readonly display: string | null;
  /** The URI text between the brackets (or bare). */
  readonly uri: string;
  readonly params: Params;
  /** `tag` parameter of From and To. */
  readonly tag: string | null;
}

export interface Via {
  readonly transport: string;
  readonly host: string;
  readonly port: number | null;
  readonly branch: string | null;
  readonly params: Params;
}

interface SipMessageBase {
  readonly callId: string;
  readonly cseq: { readonly number: number; readonly method: string };
  readonly from: NameAddr;
  readonly to: NameAddr;
  readonly vias: readonly Via[];
  readonly contacts: readonly NameAddr[];
  /** Record-Route values in message order, as name-addr text. */
  readonly recordRoutes: readonly string[];
  /** Route values in message order, as name-addr text. */
  readonly routes: readonly string[];
  /** Media type in lower case without parameters; null without a body. */
  readonly contentType: string | null;
  readonly body: Buffer;
  /** First value of a header by any-case name, unfolded; null when absent. Compact names were expanded. */
  header(name: string): string | null;
  /** Every value of a header in order; list headers split at top-level commas. */
  headerValues(name: string): readonly string[];
}

export interface SipRequest extends SipMessageBase {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: SipUri;
  /** 0 to 255; 70 when absent. */
  readonly maxForwards: number;
}

export interface SipResponse extends SipMessageBase {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
}

export type SipMessage = SipRequest | SipResponse;

/** Header lines in the order they go out: [name, value]; names in RFC spelling. */
export type HeaderLines = readonly (readonly [string, string])[];

/** A request to be sent. Via and Content-Length are the core's; everything else stands here. */
export interface OutgoingRequest {
  readonly method: string;
  readonly uri: string;
  /** Must hold From, To, Call-ID, CSeq, Max-Forwards; Contact and Route where due. */
  readonly headers: HeaderLines;
  readonly body: Buffer | null;
}

/** A response to a server transaction. Via, From, To (tag added), Call-ID, CSeq, Content-Length are the core's. */
export interface OutgoingResponse {
  readonly status: number;
  /** Reason phrase; the standard one when null. */
  readonly reason: string | null;
  /** Our tag for To; ignored when the request's To has one. Null only for 100. */
  readonly toTag: string | null;
  readonly headers: HeaderLines;
  readonly body: Buffer | null;
}

export type SipInput =
  /** One whole message: a datagram, or what the stream framer cut. */
  | { readonly kind: 'received'; readonly flow: Flow; readonly bytes: Buffer }
  /** The transport could not deliver a client transaction's request. */
  | { readonly kind: 'sendFailed'; readonly txn: ClientTxnId }
  /** Opens a client transaction (any method but ACK and CANCEL). `txn` is the caller's number, never reused. */
  | {
      readonly kind: 'request';
      readonly txn: ClientTxnId;
      readonly target: SendTarget;
      readonly request: OutgoingRequest;
    }
  /** Answers a server transaction; provisional as often as wanted, final once. */
  | { readonly kind: 'respond'; readonly txn: ServerTxnId; readonly response: OutgoingResponse }
  /**
   * A final answer, no 2xx to INVITE, for somebody we don’t know: sent once, and the transaction is forgotten with it. A stranger's forged
   * source is answered no oftener than it asks, and holds no memory (RFC 3261 §26.3.2.4). A repeat of the request
   * comes as a new one; `toTag` is the core's, the same for each repeat.
   */
  | { readonly kind: 'dismiss'; readonly txn: ServerTxnId; readonly response: OutgoingResponse }
  /** The ACK that came for our 2xx is its dialog's, or a BYE came instead: the 2xx is not repeated any more. */
  | { readonly kind: 'ackTaken'; readonly txn: ServerTxnId }
  /** The ACK of a 2xx to INVITE `txn` from the dialog with `toTag`: sent now and again for each repeated 2xx. */
  | {
      readonly kind: 'acknowledge';
      readonly txn: ClientTxnId;
      readonly toTag: string;
      readonly target: SendTarget;
      /** Where it goes, now and for repeats, when it can't be sent to `target`; null or left out: nowhere. */
      readonly orElse?: SendTarget | null;
      readonly request: OutgoingRequest;
    }
  /** Cancels an INVITE; waits for a provisional first (§9.1). `headers` may carry a Reason. */
  | { readonly kind: 'cancel'; readonly txn: ClientTxnId; readonly headers: HeaderLines };

export type SipOutput =
  /**
   * All messages of a client transaction, its CANCEL and the ACK of its failure carry one `to`, the same object, which
   * no other transaction has: they must go to the same address (RFC 3261 §9.1, §17.1.1.3). The ACK of a 2xx and its repeats
   * have another one, for it is a transaction of its own (§13.2.2.4).
   */
  | {
      readonly kind: 'send';
      readonly to: Flow | SendTarget;
      readonly bytes: Buffer;
      readonly txn: ClientTxnId | null;
    }
  /** A new request that is neither ACK, CANCEL nor a repeat. INVITEs get their 100 from the core after 200 ms. */
  | {
      readonly kind: 'requestReceived';
      readonly txn: ServerTxnId;
      readonly flow: Flow;
      readonly request: SipRequest;
    }
  /**
   * An ACK for a 2xx that server transaction `txn` sent; `request` parsed, its body may be the answer to our offer. Whether its
   * sender may speak for the dialog is the user's to say: until `ackTaken` the 2xx goes on being repeated, and every ACK comes.
   */
  | {
      readonly kind: 'ackReceived';
      readonly txn: ServerTxnId;
      readonly flow: Flow;
      readonly request: SipRequest;
    }
  /** A CANCEL from where this INVITE came from, which has no final answer yet; the core answered the CANCEL with 200. The user answers 487. */
  | { readonly kind: 'cancelled'; readonly txn: ServerTxnId; readonly reason: string | null }
  /** Provisionals (to INVITE the 100 too, which says that the next hop lives), and finals. Repeats are absorbed; a 2xx of another fork (other To tag) comes again. */
  | {
      readonly kind: 'responseReceived';
      readonly txn: ClientTxnId;
      /** Where it came from. */
      readonly flow: Flow;
      readonly response: SipResponse;
    }
  /** Timer B or F, or the transport said no. Nothing more comes for this transaction. */
  | {
      readonly kind: 'requestFailed';
      readonly txn: ClientTxnId;
      readonly why: 'timeout' | 'transport';
    }
  /** 64*T1 passed after our 2xx without an ACK (§13.3.1.4). */
  | { readonly kind: 'ackMissing'; readonly txn: ServerTxnId }
  /** Refused before it became a transaction; `answered` says whether a 4xx went out. For counters and logs. */
  | {
      readonly kind: 'refused';
      readonly flow: Flow;
      readonly error: CodedError;
      readonly answered: boolean;
    };
