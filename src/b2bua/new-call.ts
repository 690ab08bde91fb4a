// Makes a call and its legs out of an admitted INVITE.
import type { Flow, LocalPoint, ServerTxnId } from '../base/index.ts';
import { mintCallId, mintLegId } from '../base/index.ts';
import type { SipRequest } from '../sip/index.ts';
import { detached, Dialog, recordRouteLines } from '../sip/index.ts';
import { dialledText, readDialled } from '../trunks/index.ts';
import type { Call, Leg } from './call.ts';
import { NO_TIMER } from './call.ts';
import type { Context } from './context.ts';
import { addressIndexFor, contactOf, pinFor, pointFor } from './identity.ts';
import type { Admitted } from './inbound.ts';
import { callerOf, dialledOf } from './inbound.ts';
import { NO_AUDIO } from './leg-audio.ts';
import { openEndpoints } from './media-orders.ts';
import { commitStart } from './records.ts';

/** What a new call is made from. */
export interface CallSeed {
  /** Counts calls; spreads them over media threads and addresses. */
  readonly number: number;
  readonly txn: ServerTxnId;
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly admitted: Admitted;
}

const TIMERS_AT_REST: Call['timers'] = {
  gateway: NO_TIMER,
  ring: NO_TIMER,
  expires: NO_TIMER,
  change: NO_TIMER,
  restore: NO_TIMER,
  engine: NO_TIMER,
  maxDuration: NO_TIMER,
  linger: NO_TIMER,
};

/** Makes the call of an admitted INVITE and orders its endpoints. */
export function startCall(cx: Context, { number, txn, request, flow, admitted }: CallSeed): Call {
  const called = detached(dialledText(readDialled(dialledOf(request))));
  const a = newLeg(cx, {
    side: 'a',
    number,
    sipCallId: detached(request.callId),
    trunk: admitted.trunk,
    peerAddress: flow.remote.host,
    // Media may be of another family than signalling (RFC 6157 §5).
    mediaHost: admitted.offer?.remoteRtp?.host ?? flow.remote.host,
    point: pointFor(cx, { transport: flow.transport, ...flow.remote }),
    caller: detached(callerOf(request)),
    called,
    calledOriginal: called,
    authIdentity: admitted.authIdentity,
  });
  a.waitingInvite = {
    txn,
    lateOffer: admitted.offer === null,
    opens: true,
    answered: false,
    toldAnswer: null,
    cameFrom: null,
    recordRoutes: recordRouteLines(request),
  };
  const call: Call = {
    id: mintCallId(cx.now.epoch, cx.random),
    number,
    phase: 'opening',
    a,
    b: null,
    ticket: admitted.ticket,
    fromDisplay: displayOf(request),
    privacy: request.header('privacy'),
    maxForwards: request.maxForwards - 1,
    firstOffer: admitted.offer,
    plans: [],
    attempt: null,
    exchange: null,
    askedAgain: null,
    restoring: null,
    unacknowledged: null,
    connecting: null,
    heldAnswer: null,
    heldChange: null,
    givenUp: null,
    opening: 0,
    lastFailure: null,
    ending: null,
    timers: { ...TIMERS_AT_REST },
  };
  const metAt = { transport: flow.transport, ...flow.remote };
  const [contact = null] = request.contacts;
  const pinnedTarget = pinFor(cx, { contact, routes: request.recordRoutes, met: metAt });
  const local = { tag: a.localTag, contact: contactOf(a) };
  a.dialog = Dialog.fromUas(request, local, { pinnedTarget, metAt });
  cx.bindServerTxn(txn, call, a);
  cx.bindTag(call, a);
  commitStart(cx, call, a);
  if (admitted.route.kind === 'trunks') {
    call.plans = cx.planAttempts(admitted.route.trunks);
    call.b = newOutboundLeg(cx, call, admitted.route.number);
  }
  openEndpoints(cx, call);
  const expiresS = expiresOf(request);
  if (expiresS !== null) cx.setTimer(call, 'expires', expiresS * 1000);
  return call;
}

/** More than any phone shows. */
const DISPLAY_CHARS_MAX = 128;
/** The caller's name as it goes on to the gateway; null when there is none. */
function displayOf({ from }: SipRequest): string | null {
  const { display } = from;
  if (display === null) return null;
  let end = Math.min(display.length, DISPLAY_CHARS_MAX);
  // Received text has a character a byte: a letter of UTF-8 goes whole or not at all.
  while (end > DISPLAY_CHARS_MAX - UTF8_FOLLOWING_MAX && isFollowing(display, end)) end -= 1;
  return detached(display.slice(0, end));
}

/** Bytes of a letter after its first one (RFC 3629 §3). */
const UTF8_FOLLOWING_MAX = 3;

function isFollowing(text: string, at: number): boolean {
  return at < text.length && (text.charCodeAt(at) & 0xc0) === 0x80;
}

/** Longer than any ring timer; what is more says nothing, and the wheel needs a bound. */
const EXPIRES_S_MAX = 3_600;

/** How long the caller waits for an answer (RFC 3261 §13.2.1); null when it doesn't say, or longer than we would. */
function expiresOf(request: SipRequest): number | null {
  const text = request.header('expires') ?? '';
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : null;
  return seconds !== null && seconds <= EXPIRES_S_MAX ? seconds : null;
}

interface LegSeed {
  readonly side: 'a' | 'b';
  readonly number: number;
  readonly sipCallId: string;
  readonly trunk: Leg['trunk'];
  readonly peerAddress: string;
  /** An address of the family its media will have. */
  readonly mediaHost: string;
  readonly point: LocalPoint;
  readonly caller: string;
  readonly called: string;
  readonly calledOriginal: string;
  readonly authIdentity: string | null;
}

function newLeg(cx: Context, seed: LegSeed): Leg {
  return {
    id: mintLegId(cx.now.epoch, cx.random),
    side: seed.side,
    direction: seed.side === 'a' ? 'inbound' : 'outbound',
    localTag: cx.random.hex(8),
    sipCallId: seed.sipCallId,
    trunk: seed.trunk,
    gateway: null,
    peerAddress: seed.peerAddress,
    point: seed.point,
    caller: seed.caller,
    called: seed.called,
    calledOriginal: seed.calledOriginal,
    authIdentity: seed.authIdentity,
    dialog: null,
    anchor: {
      addressIndex: addressIndexFor(cx, seed.mediaHost, seed.number),
      endpoint: null,
      rtpPort: 0,
      rtcpPort: 0,
      sessionId: String(parseInt(cx.random.hex(6), 16)),
      lastSent: null,
      ours: null,
      theirs: null,
      crypto: null,
      codec: null,
      path: null,
      transcoded: false,
      told: { keys: null, audio: NO_AUDIO },
      closing: false,
      counters: null,
    },
    history: {
      startedAt: cx.now.epoch,
      startedMono: cx.now.mono,
      ringingAt: null,
      progressMono: null,
      answeredAt: null,
      answeredMono: null,
      routesTried: [],
      lastStatus: null,
    },
    waitingInvite: null,
    sentChange: null,
    digits: null,
    credentials: null,
    finished: false,
    recordStarted: seed.side === 'a',
    recorded: false,
  };
}

/** The outgoing leg as far as it is known before a gateway is chosen. */
function newOutboundLeg(cx: Context, call: Call, number: string): Leg {
  const first = call.plans[0];
  const target = first?.gateway.target ?? null;
  const host = target?.host ?? call.a.peerAddress;
  return newLeg(cx, {
    side: 'b',
    number: call.number,
    sipCallId: cx.random.hex(12),
    trunk: first?.trunk ?? null,
    peerAddress: host,
    mediaHost: host,
    point: target === null ? call.a.point : pointFor(cx, target),
    caller: call.a.caller,
    called: number,
    calledOriginal: call.a.called,
    authIdentity: null,
  });
}
