// What every phase of a call may do: speak to the SIP core, order media, set timers, write the record. One per B2BUA.
import type {
  ClientTxnId,
  DomainEvent,
  ErrorCode,
  Now,
  OrderId,
  Random,
  ServerTxnId,
} from '../base/index.ts';
import type { EngineOrder } from '../engine/index.ts';
import type { Dialog, HeaderLines } from '../sip/index.ts';
import type { GatewayAttempt, Trunk } from '../trunks/index.ts';
import type {
  Attempt,
  Call,
  DialogCredentials,
  InviteHead,
  Leg,
  Press,
  TimerName,
} from './call.ts';
import type { Outcome } from './outcome.ts';
import type { B2buaSettings, SipNews, SipOrder } from './types.ts';

/** What a client transaction of ours is for. */
export type TxnUse =
  | { readonly kind: 'invite'; readonly call: Call; readonly attempt: Attempt }
  /** Answered or given up: a further 2xx is a fork's or comes too late, and is hung up. */
  | LateInvite
  | { readonly kind: 'reinvite'; readonly call: Call; readonly leg: Leg }
  | SentAlone;

/** A response and where it came from. */
export type ResponseNews = Pick<
  Extract<SipNews, { kind: 'responseReceived' }>,
  'response' | 'flow'
>;

/** A request, the transaction that waits for its answer, and where it came from. */
export type RequestNews = Pick<
  Extract<SipNews, { kind: 'requestReceived' }>,
  'txn' | 'request' | 'flow'
>;

export interface LateInvite {
  readonly kind: 'late';
  readonly head: InviteHead;
  /** Why the call was given up; what the BYE to a late answer says. */
  readonly outcome: Outcome;
  /** What a challenge to that BYE may be answered with. */
  readonly credentials: DialogCredentials | null;
  /** The call that gave it up, and the gateway that was asked; null for forks of an INVITE that was answered. */
  readonly givenUp: { readonly call: Call; readonly gateway: string } | null;
}

/** A request in a dialog whose answer nobody waits for. */
export interface LoneRequest {
  readonly method: 'BYE' | 'INFO';
  readonly dialog: Dialog;
  readonly headers: HeaderLines;
  readonly body: Buffer | null;
  /** Null when a challenge is not to be answered. */
  readonly credentials: DialogCredentials | null;
  /** What challenges to it were answered with. */
  readonly answered: HeaderLines;
  /** The digit that INFO tells a party of; null with BYE. */
  readonly tells: { readonly call: Call; readonly leg: Leg; readonly press: Press } | null;
}

/** One on its way, that may be challenged. */
export interface SentAlone extends LoneRequest {
  readonly kind: 'alone';
  readonly uri: string;
  readonly cseq: number;
}

/** A BYE that waits (RFC 3261 §15: not before the ACK of our 2xx, or the end of its transaction). */
export interface OwedBye {
  readonly leg: Leg;
  readonly dialog: Dialog;
  readonly outcome: Outcome;
}

/** What an order to the engine was for. */
export type OrderUse =
  | { readonly kind: 'open'; readonly call: Call; readonly leg: Leg }
  | { readonly kind: 'close'; readonly call: Call; readonly leg: Leg }
  | { readonly kind: 'change'; readonly call: Call; readonly leg: Leg }
  /** Digits: the call goes on, said or not. */
  | { readonly kind: 'say'; readonly call: Call; readonly leg: Leg };

export interface Answer {
  readonly status: number;
  readonly reason?: string | null;
  readonly toTag: string | null;
  readonly headers?: HeaderLines;
  readonly body?: Buffer | null;
}

export interface Context {
  /** The moment of the input being handled. */
  readonly now: Now;
  readonly settings: B2buaSettings;
  readonly random: Random;
  sip(order: SipOrder): void;
  respond(txn: ServerTxnId, answer: Answer): void;
  /** A final answer to somebody we don't know: sent once, with a tag of the core's, and nothing is kept (RFC 3261 §26.3.2.4). */
  dismiss(txn: ServerTxnId, answer: Answer): void;
  engine(orders: readonly EngineOrder[]): void;
  commit(event: DomainEvent): void;
  rejected(code: ErrorCode, trunk: string | null): void;
  newTxn(use: TxnUse): ClientTxnId;
  /** From now on whatever the transaction is still told belongs to no call. */
  setLate(txn: ClientTxnId, late: LateInvite): void;
  /** A 2xx came: after 64*T1 no other can (RFC 3261 §13.2.2.4), and the transaction is forgotten. */
  forgetLate(txn: ClientTxnId): void;
  newOrder(use: OrderUse): OrderId;
  /** Nobody waits for the answers to these any more. */
  dropOrders(orders: readonly OrderId[]): void;
  /** From now on in-dialog requests with our tag `leg.localTag` find this leg. */
  bindTag(call: Call, leg: Leg): void;
  unbindTag(tag: string): void;
  /** The leg whose INVITE to a gateway has this Call-ID and From tag; null when no call lives from such a one. */
  legOfInvite(callId: string, fromTag: string): Leg | null;
  /** Gives a leg another tag, and an early dialog of that tag: requests with the old one find nobody any more. */
  retag(leg: Leg, dialog: Dialog): void;
  /** ACK, CANCEL and ackMissing of this server transaction find this leg. */
  bindServerTxn(txn: ServerTxnId, call: Call, leg: Leg): void;
  unbindServerTxn(txn: ServerTxnId): void;
  /** The BYE of a leg whose 200 was not acknowledged yet: it waits for the ACK, however long ago the call ended. */
  oweBye(txn: ServerTxnId, bye: OwedBye): void;
  setTimer(call: Call, name: TimerName, delayMs: number): void;
  clearTimer(call: Call, name: TimerName): void;
  clearTimers(call: Call): void;
  /** The endpoint's events find this leg. */
  bindEndpoint(call: Call, leg: Leg): void;
  unbindEndpoint(leg: Leg): void;
  /** Gateways of these trunks in the order to try them, resting ones left out. */
  planAttempts(trunks: readonly Trunk[]): GatewayAttempt[];
  /** Tells gateway health how an attempt ended; not how it began, for many that fail say 100 first. */
  gatewayAnswered(attempt: Attempt, status: number, retryAfterS: number | null): void;
  gatewaySilent(attempt: Attempt): void;
  release(call: Call): void;
}
