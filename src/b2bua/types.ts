// What goes into the B2BUA and what comes out. It holds no sockets and no clock.
import type {
  CallId,
  ClientTxnId,
  DomainEvent,
  EpochMs,
  ErrorCode,
  LegDirection,
  LegId,
  LocalPoint,
  Random,
} from '../base/index.ts';
import type { EngineEvent, EngineOrder } from '../engine/index.ts';
import type { DigestServer, SipInput, SipOutput } from '../sip/index.ts';
import type { Admission, HealthOutput, TrunkBook } from '../trunks/index.ts';

/** What the SIP core tells its user: everything but bytes to send and refusals, which are the shell's. */
export type SipNews = Exclude<SipOutput, { kind: 'send' } | { kind: 'refused' }>;

/** What the user tells the SIP core. */
export type SipOrder = Exclude<SipInput, { kind: 'received' } | { kind: 'sendFailed' }>;

export type B2buaInput =
  | { readonly kind: 'sip'; readonly news: SipNews }
  | { readonly kind: 'engine'; readonly event: EngineEvent }
  /** Ends one call from outside (operator, usage rule). */
  | { readonly kind: 'hangup'; readonly callId: CallId; readonly cause: ErrorCode }
  /** New calls are refused with 503 while draining; calls in progress go on. */
  | { readonly kind: 'drain'; readonly on: boolean }
  /** The drain limit: BYE to every straggler. */
  | { readonly kind: 'hangupAll'; readonly cause: ErrorCode }
  /** Without a working store no new call is taken, and none is placed that has asked nobody yet: its record could be lost. */
  | { readonly kind: 'storeHealth'; readonly available: boolean }
  /** This INVITE was held back, since the start of its leg could not be written. */
  | { readonly kind: 'unrecorded'; readonly txn: ClientTxnId }
  /** Whether the media process is there to take orders. */
  | { readonly kind: 'engineReady'; readonly ready: boolean }
  /** A new configuration's trunks, routes and limits; calls in progress keep theirs. */
  | { readonly kind: 'reload'; readonly book: TrunkBook };

export type B2buaOutput =
  | { readonly kind: 'sip'; readonly order: SipOrder }
  | { readonly kind: 'engine'; readonly orders: readonly EngineOrder[] }
  /** Must be in the journal before any later output of the same batch is carried out. */
  | { readonly kind: 'commit'; readonly events: readonly DomainEvent[] }
  /** An INVITE was refused before it became a call: for counters. */
  | { readonly kind: 'rejected'; readonly code: ErrorCode; readonly trunk: string | null }
  /** A gateway went down, asked for rest or came back: for logs and counters. */
  | { readonly kind: 'gateway'; readonly news: HealthOutput };

/** One of `media.addresses`: what SDP says for endpoints on that index. */
export interface MediaAddress {
  readonly advertise: string;
}

/** How many of each thing the B2BUA holds. */
export type Held = Readonly<
  Record<'calls' | 'txns' | 'orders' | 'tags' | 'serverTxns' | 'endpoints' | 'timers', number>
>;

export interface B2buaSettings {
  readonly random: Random;
  readonly locals: readonly LocalPoint[];
  readonly mediaAddresses: readonly MediaAddress[];
  readonly inactivityMs: number;
  readonly inactivityHoldMs: number;
  readonly book: TrunkBook;
  readonly admission: Admission;
  /** Challenges trunks with `auth`; null when none has it. */
  readonly digest: DigestServer | null;
  /** The realm of our challenges (RFC 3261 §22.1). */
  readonly realm: string;
  /** Server and User-Agent value; null sends none (topology hiding). */
  readonly product: string | null;
}

export type CallPhase = 'opening' | 'calling' | 'ringing' | 'answered' | 'ending';

/** A leg of a live call. */
export interface LiveLeg {
  readonly legId: LegId;
  readonly direction: LegDirection;
  readonly trunk: string | null;
  readonly gateway: string | null;
  readonly sipCallId: string;
  readonly caller: string;
  readonly called: string;
  readonly ringingAt: EpochMs | null;
  readonly answeredAt: EpochMs | null;
  readonly codec: string | null;
}

/** A live call as operators see it. */
export interface LiveCall {
  readonly callId: CallId;
  readonly phase: CallPhase;
  readonly startedAt: EpochMs;
  readonly answeredAt: EpochMs | null;
  readonly legs: readonly LiveLeg[];
}
