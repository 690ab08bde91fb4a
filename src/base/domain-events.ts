// Facts that rooms announce. They are committed (journal, store) before the bus may tell anyone.
import type { EpochMs } from './time.ts';
import type { CallId, LegId } from './ids.ts';

export type LegDirection = 'inbound' | 'outbound';
export type EndedBy = 'caller' | 'callee' | 'platform';

/** RTP as seen by the engine on one leg, from received packets and, where it came, RTCP. */
export interface LegMedia {
  readonly packetsReceived: number;
  readonly octetsReceived: number;
  readonly packetsSent: number;
  readonly octetsSent: number;
  readonly packetsLost: number;
  /** RFC 3550 §6.4.1 interarrival jitter, milliseconds. */
  readonly jitterMs: number;
  /** Packets refused because they came from a foreign source. */
  readonly packetsRefused: number;
  /** Listening quality, MOS-LQ by the E-model (ITU-T G.107) from received packets; null where audio wasn't decoded. */
  readonly mos: number | null;
  /** Decoded audio alone, else 0: packets that came after their time to be played. */
  readonly packetsLate: number;
  /** The same: audio made up in place of what was lost or late. */
  readonly concealedMs: number;
  /** From a packet's arrival to its being heard, mean of the last second; null where audio wasn't decoded. */
  readonly playoutDelayMs: number | null;
}

/** A leg as known when its INVITE came in or went out. */
export interface LegStart {
  readonly legId: LegId;
  readonly callId: CallId;
  readonly direction: LegDirection;
  readonly trunk: string | null;
  /** The gateway asked first, in a record the last one; null on inbound legs. */
  readonly gateway: string | null;
  /** The SIP Call-ID of this leg's dialog. */
  readonly sipCallId: string;
  readonly caller: string;
  readonly called: string;
  /** Digits as received, before rewriting (equal to `called` on the inbound leg). */
  readonly calledOriginal: string;
  readonly authIdentity: string | null;
  readonly startedAt: EpochMs;
}

/** What a further attempt of an outbound leg is known by. */
export interface LegAttempt {
  readonly trunk: string | null;
  readonly gateway: string | null;
  readonly sipCallId: string;
  /** Gateways tried before it, as in LegRecord. */
  readonly routesTried: string;
}

/** The finished call record of one leg (CDR). Times of things that did not happen are null. */
export interface LegRecord extends LegStart {
  readonly ringingAt: EpochMs | null;
  readonly answeredAt: EpochMs | null;
  readonly endedAt: EpochMs;
  /** Measured by the monotonic clock, so a clock step never shows. Answer to end; 0 when never answered. */
  readonly durationMs: number;
  /** INVITE to first ringing or answer; null when neither came. */
  readonly pddMs: number | null;
  readonly finalStatus: number;
  /** Catalogue code of why it ended, for example NORMAL_CLEARING or MEDIA_TIMEOUT. */
  readonly cause: string;
  /** ITU-T Q.850 cause value (RFC 3326). */
  readonly q850: number | null;
  readonly reasonHeader: string | null;
  readonly endedBy: EndedBy;
  /** What the peer was sent. */
  readonly codec: string | null;
  /** Whether audio was encoded anew between the legs, from one companding law to the other too. */
  readonly transcoded: boolean;
  /** SRTP suite by its name in SDP (RFC 4568); null for plain RTP. */
  readonly srtp: string | null;
  readonly media: LegMedia | null;
  /** Gateways tried in order with their outcome: "gw1.example 503,gw2.example 200". */
  readonly routesTried: string;
}

export type DomainEvent =
  | { readonly kind: 'leg.started'; readonly leg: LegStart }
  /** A further gateway is asked, or the first after some were passed over: what the start says of it no longer holds. */
  | { readonly kind: 'leg.attempted'; readonly legId: LegId; readonly attempt: LegAttempt }
  | { readonly kind: 'leg.ringing'; readonly legId: LegId; readonly at: EpochMs }
  | { readonly kind: 'leg.answered'; readonly legId: LegId; readonly at: EpochMs }
  | { readonly kind: 'leg.ended'; readonly leg: LegRecord };
