// The state of one call: two legs, their media, and where in its life it is. Data only; the phases live in their own files.
import type {
  CallId,
  ClientTxnId,
  EndedBy,
  EndpointHandle,
  EpochMs,
  LegDirection,
  LegId,
  LegMedia,
  LocalPoint,
  MonoMs,
  Now,
  OrderId,
  SendTarget,
  ServerTxnId,
} from '../base/index.ts';
import type { EngineCode } from '../engine/index.ts';
import type {
  AgreedCrypto,
  AnchoredSdp,
  AudioDescription,
  Dialog,
  HeaderLines,
  OutgoingRequest,
} from '../sip/index.ts';
import type { GatewayAttempt, Ticket, Trunk } from '../trunks/index.ts';
import type { AudioPath } from './audio-path.ts';
import type { AudioSetting } from './leg-audio.ts';
import type { Outcome } from './outcome.ts';
import type { CallPhase } from './types.ts';

/** A leg's media: our end in the engine, and what both sides last said about it. */
export interface LegAnchor {
  readonly addressIndex: number;
  /** Null until the engine has answered, and again once it was told to close. */
  endpoint: EndpointHandle | null;
  rtpPort: number;
  rtcpPort: number;
  readonly sessionId: string;
  /** The newest description we sent, agreed or not: the next one's version follows it. */
  lastSent: AnchoredSdp | null;
  /** What is agreed. */
  ours: AnchoredSdp | null;
  theirs: AudioDescription | null;
  /** Keys of both directions; null for plain RTP. */
  crypto: AgreedCrypto | null;
  /** What the peer is sent; null until the leg was connected. */
  codec: string | null;
  /** What became of the audio between this leg and the other; null until they were connected. */
  path: AudioPath | null;
  /** At some time audio was encoded anew here: what the leg's record says, whatever the call became. */
  transcoded: boolean;
  /** What the engine works by, so that it is told changes alone; null when that isn't sure. */
  told: { readonly keys: AgreedCrypto | null; readonly audio: AudioSetting } | null;
  /** The engine was told to close and has not answered yet. */
  closing: boolean;
  counters: LegMedia | null;
}

/** What the call record needs to know of a leg, filled in as it happens. */
export interface LegHistory {
  readonly startedAt: EpochMs;
  readonly startedMono: MonoMs;
  ringingAt: EpochMs | null;
  progressMono: MonoMs | null;
  answeredAt: EpochMs | null;
  answeredMono: MonoMs | null;
  readonly routesTried: string[];
  /** What the gateway asked last answered, or what its silence counts as (RFC 3261 §8.1.3.1, §9.1); null before. */
  lastStatus: number | null;
}

/** An INVITE transaction of ours that the peer on this leg waits to have answered. */
export interface WaitingInvite {
  readonly txn: ServerTxnId;
  /** The INVITE came without an offer: our 2xx carries one and the ACK brings the answer (RFC 3261 §13.2.1). */
  readonly lateOffer: boolean;
  /** It opened the dialog: until our 2xx arrives, the peer knows no dialog that a BYE could end. */
  readonly opens: boolean;
  /** Our 2xx went out; the ACK is still to come. */
  answered: boolean;
  /** The answer that our tag of now stands for at the caller; null while it was told none. */
  toldAnswer: Buffer | null;
  /** Where a re-INVITE came from that moves a caller's dialog there once it is accepted; null for all others. */
  readonly cameFrom: SendTarget | null;
  /** Record-Route lines that our answers repeat (RFC 3261 §12.1.1). */
  readonly recordRoutes: HeaderLines;
}

/** What a trunk answers its gateways' challenges with. */
export type Credentials = NonNullable<Trunk['credentials']>;

/** What a challenged request inside a dialog may be answered with. */
export interface DialogCredentials {
  readonly credentials: Credentials;
  /** The one realm that is answered. */
  readonly realm: string;
  /** The gateway's own address: a dialog that leads to any other party is never given an answer. */
  readonly gatewayHost: string;
}

/** A re-INVITE of ours on its way. */
export interface SentChange {
  /**
   * `pass`: the other party asked for it. `restore`: ours, to undo a change that only one side took. `askAgain`: ours, to a
   * gateway whose answer left nothing to hear.
   */
  readonly purpose: 'pass' | 'restore' | 'askAgain';
  readonly txn: ClientTxnId;
  readonly uri: string;
  readonly headers: HeaderLines;
  /** Our offer; null when the offer is asked for. */
  readonly body: Buffer | null;
  /** What answers challenges; empty before one. */
  readonly authorization: HeaderLines;
  /** Taken back: nobody waits for its answer any more. */
  cancelled: boolean;
}

export interface Leg {
  readonly id: LegId;
  readonly side: 'a' | 'b';
  readonly direction: LegDirection;
  /** Our tag, and so the key under which in-dialog requests find the leg. */
  localTag: string;
  sipCallId: string;
  trunk: Trunk | null;
  gateway: string | null;
  /** Where its SIP messages come from, for the media source rule. */
  peerAddress: string;
  /** Our listening point towards it: Contact. */
  point: LocalPoint;
  caller: string;
  called: string;
  readonly calledOriginal: string;
  readonly authIdentity: string | null;
  dialog: Dialog | null;
  readonly anchor: LegAnchor;
  readonly history: LegHistory;
  waitingInvite: WaitingInvite | null;
  /** A re-INVITE of ours without a final answer yet. */
  sentChange: SentChange | null;
  /** Null until there is one to tell. */
  digits: ToldDigits | null;
  /** What its gateway may be answered with inside the dialog; null for callers and where none are due. */
  credentials: DialogCredentials | null;
  /** BYE was sent or received: nothing more is said on this dialog. */
  finished: boolean;
  /** Its start is in the journal (the outbound leg's only once a gateway is asked). */
  recordStarted: boolean;
  recorded: boolean;
}

/** A key and how long it is down. */
export interface Press {
  /** 0 to 15. */
  readonly digit: number;
  readonly toneMs: number;
}

/** Digits for a peer that is told of them by INFO, in the order of their coming. */
export interface ToldDigits {
  readonly waiting: Press[];
  /** An INFO has no final answer yet. */
  underWay: boolean;
  /** When all presses so far could have been made one after the other, on the clock of `MonoMs`. */
  busyUntil: number;
}

/** What makes a dialog of a 2xx (RFC 3261 §12.1.2): what is left of an INVITE that was answered or given up. */
export interface InviteHead {
  /** The gateway it was sent to. */
  readonly target: SendTarget;
  readonly request: OutgoingRequest;
  /** What the INVITE answered a challenge with. */
  readonly authorization: HeaderLines;
}

/** One INVITE to one gateway. Every attempt has a Call-ID and tag of its own, so a late answer can't be mixed up. */
export interface Attempt {
  readonly plan: GatewayAttempt;
  /** The shapes of what the gateway has been offered, with this INVITE and before it. */
  readonly offered: readonly string[];
  readonly sipCallId: string;
  cseq: number;
  txn: ClientTxnId;
  readonly requestUri: string;
  readonly fromHeader: string;
  readonly toHeader: string;
  /** The realm whose challenge was answered; null before. */
  answeredRealm: string | null;
  /** The address that challenge came from; null before. */
  challenger: string | null;
  /** What it was answered with; empty before. */
  authorization: HeaderLines;
  progressed: boolean;
  /** Tag of a callee whose BYE overtook its 200; null while none did. */
  hungUpTag: string | null;
}

/** An offer on its way through us: made by one leg, put to the other, not yet answered. */
export interface Exchange {
  readonly offerer: Leg;
  readonly answerer: Leg;
  readonly offer: AudioDescription;
  readonly forwarded: AnchoredSdp;
  /** The answers that came with provisionals, newest last, by the To tag of the fork: each stands when that fork's 2xx has none. */
  readonly early: ReadonlyMap<string, AudioDescription>;
}

/** A gateway that answered without audio, and is made further offers in its dialog while the caller waits. */
export interface AskedAgain extends Pick<Attempt, 'plan' | 'offered'> {
  /** When it answered. */
  readonly since: Now;
  /** It was changing something itself, and said 491 to the newest offer: that is made once more. */
  readonly gaveWay: boolean;
}

/** What a leg has agreed to: where a change that comes to nothing goes back to. */
export type Agreed = Pick<LegAnchor, 'lastSent' | 'ours' | 'theirs' | 'crypto'>;

/** A change that both parties took, while the engine still carries it out: our 200 to the asker waits. */
export interface HeldChange {
  readonly asker: Leg;
  /** The asker's INVITE; once it was taken back, another one or none waits there. */
  readonly txn: ServerTxnId;
  readonly answer: AnchoredSdp;
  readonly before: ReadonlyMap<Leg, Agreed>;
  /** What the engine refused the first of its orders with; null while it refused none. */
  refused: EngineCode | null;
}

/** Which 2xx an ACK is for. */
export interface Acknowledged {
  readonly txn: ClientTxnId;
  /** To tag of the 2xx: tells forks apart. */
  readonly toTag: string;
  /** The INVITE's. */
  readonly cseq: number;
  /** The INVITE's: the ACK repeats what answered a challenge (RFC 3261 §22.1). */
  readonly authorization: HeaderLines;
}

/** A 2xx with an offer, received on `leg`: its ACK must carry the answer (RFC 3261 §13.2.1). */
export interface Unacknowledged extends Acknowledged {
  readonly leg: Leg;
}

export const TIMER_NAMES = [
  'gateway',
  'ring',
  'expires',
  'change',
  'restore',
  'engine',
  'maxDuration',
  'linger',
] as const;
export type TimerName = (typeof TIMER_NAMES)[number];
/** A timer that is not set. */
export const NO_TIMER = 0;

export interface Call {
  readonly id: CallId;
  readonly number: number;
  phase: CallPhase;
  readonly a: Leg;
  b: Leg | null;
  readonly ticket: Ticket;
  /** What goes on unchanged to the far side of the first INVITE. */
  readonly fromDisplay: string | null;
  readonly privacy: string | null;
  readonly maxForwards: number;
  /** The first INVITE's offer until the call is answered; null with a late offer. */
  firstOffer: AudioDescription | null;
  /** Still to be tried, in order. */
  plans: GatewayAttempt[];
  /** The gateway being asked; null before, after its answer, and once it was given up. */
  attempt: Attempt | null;
  exchange: Exchange | null;
  /** Null before the gateway's answer, and when that was good enough. */
  askedAgain: AskedAgain | null;
  /** A leg that must be led back and said 491: the attempt that is still to come, or under way, is the last. */
  restoring: Leg | null;
  /** A 2xx whose ACK waits for the other side's answer (late offer). */
  unacknowledged: Unacknowledged | null;
  /** The orders of the connection under way, none of them dropped; null once the engine has carried out the last. */
  connecting: readonly OrderId[] | null;
  /**
   * Our 200's body, kept back until the media is connected: a caller may send with the 200's arrival. `since` is when the
   * gateway answered.
   */
  heldAnswer: { readonly body: Buffer; readonly since: Now } | null;
  /** The same for the 200 to a re-INVITE. */
  heldChange: HeldChange | null;
  /** The INVITE given up last, while its final answer is not known: the callee's record waits for it. */
  givenUp: ClientTxnId | null;
  /** Endpoints the engine still has to open. */
  opening: number;
  /** Why the gateway tried last did not answer, and whose doing that was: the caller is told when there is no next one. */
  lastFailure: {
    readonly outcome: Outcome;
    readonly by: EndedBy;
    /** Headers that tell the caller more. */
    readonly explanation?: HeaderLines;
  } | null;
  ending: {
    readonly outcome: Outcome;
    readonly by: EndedBy;
    readonly at: EpochMs;
    readonly mono: MonoMs;
  } | null;
  /** Numbers in the table's wheel. */
  readonly timers: Record<TimerName, number>;
}

/** The other leg; null for a call that ends inside (echo). */
export function otherLeg(call: Call, leg: Leg): Leg | null {
  return leg === call.a ? call.b : call.a;
}

/** Legs of a call, one or two. */
export function legsOf(call: Call): readonly Leg[] {
  return call.b === null ? [call.a] : [call.a, call.b];
}
