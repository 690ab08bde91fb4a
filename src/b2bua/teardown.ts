// What ends a call from outside: BYE, CANCEL, the engine's last word.
import type { ClientTxnId, ServerTxnId } from '../base/index.ts';
import type { EngineEvent } from '../engine/index.ts';
import type { SipRequest, SipResponse } from '../sip/index.ts';
import { splitList } from '../sip/index.ts';
import type { Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Answer, Context, LateInvite } from './context.ts';
import { endCall, settle, sideOf, takeWaiting } from './ending.ts';
import { hangUpLate } from './gateway-invite.ts';
import { outcomeOf, withRequestReasons } from './outcome.ts';
import { commitAnswered, mediaOf } from './records.ts';

/** BYE from a party: answered at once, the other side follows. */
export function onBye(
  cx: Context,
  call: Call,
  leg: Leg,
  txn: ServerTxnId,
  request: SipRequest,
): void {
  cx.respond(txn, { status: 200, toTag: null });
  leg.finished = true;
  const waiting = leg.waitingInvite;
  if (waiting !== null) {
    // Who has hung up acknowledges nothing any more, so that our 2xx need not be repeated (RFC 3261 §13.3.1.4).
    if (waiting.answered) cx.sip({ kind: 'ackTaken', txn: waiting.txn });
    // RFC 3261 §15.1.2: an INVITE of the same party still waiting is answered 487.
    else cx.respond(waiting.txn, { status: 487, toTag: leg.localTag });
    takeWaiting(cx, leg);
  }
  const reasons = request.headerValues('reason');
  const told = withRequestReasons(outcomeOf('NORMAL_CLEARING'), reasons);
  endCall(cx, call, told, sideOf(leg));
}

/** How long the 200 of a callee that has hung up may be on its way: three repeats of it (RFC 3261 §13.3.1.4). */
const OVERTAKEN_MS = 4_000;

/**
 * BYE of a callee whose answer has not come yet: on a network that reorders, its 200 is still on the way (peers should wait for
 * our ACK, RFC 3261 §15, and many don't). Remembered, so that the 200 doesn't make a call with nobody at its other end. It may
 * be lost, and who has hung up repeats nothing: then the caller has heard ringing for long enough.
 */
export function onEarlyBye(cx: Context, call: Call, leg: Leg, request: SipRequest): Answer {
  const { attempt } = call;
  if (attempt === null || attempt.sipCallId !== request.callId || leg.side !== 'b') {
    return { status: 481, toTag: null };
  }
  attempt.hungUpTag = request.from.tag;
  attempt.progressed = true;
  cx.clearTimer(call, 'gateway');
  cx.setTimer(call, 'ring', OVERTAKEN_MS);
  return { status: 200, toTag: null };
}

/**
 * CANCEL of the first INVITE (the core has answered the CANCEL itself): 487, and the gateway's INVITE is cancelled.
 * @param reason the CANCEL's Reason line, passed on to the gateway; null when it had none.
 */
export function onCancelled(cx: Context, call: Call, reason: string | null): void {
  const reasons = reason === null ? [] : splitList(reason);
  endCall(cx, call, withRequestReasons(outcomeOf('CALLER_CANCELLED'), reasons), 'caller');
}

/** Our 2xx was never acknowledged, so the call can't stand (RFC 3261 §13.3.1.4). */
export function onAckMissing(cx: Context, call: Call, leg: Leg): void {
  takeWaiting(cx, leg);
  endCall(cx, call, outcomeOf('ACK_MISSING'), 'platform');
}

/** The engine closed an endpoint: its counters go into the record. */
export function endpointClosed(
  cx: Context,
  call: Call,
  leg: Leg,
  event: Extract<EngineEvent, { kind: 'endpointClosed' }>,
): void {
  cx.unbindEndpoint(leg);
  leg.anchor.endpoint = null;
  leg.anchor.closing = false;
  if (event.code === 'OK') leg.anchor.counters = mediaOf(event.counters);
  settle(cx, call);
}

/**
 * The last word on an INVITE that was given up or answered before.
 * @param response null when the gateway will never say anything.
 */
export function onLateFinal(
  cx: Context,
  txn: ClientTxnId,
  late: LateInvite,
  response: SipResponse | null,
): void {
  const accepted = response !== null && response.status < 300;
  const billed = accepted && hangUpLate(cx, txn, late, response);
  if (late.givenUp === null) return;
  const { call, gateway } = late.givenUp;
  const awaited = call.givenUp === txn;
  if (billed && call.b !== null && !call.b.recorded) {
    noteLate(call.b, gateway, response.status);
    if (awaited && call.ending !== null) commitAnswered(cx, call.b);
  }
  if (!awaited) return;
  // The record is about this gateway: what it said stands, and not what the caller was told.
  if (response !== null && !accepted && call.b !== null) {
    call.b.history.lastStatus = response.status;
  }
  call.givenUp = null;
  settle(cx, call);
}

/** `gw timeout` becomes `gw timeout+200`: given up, and yet it answered. */
function noteLate(leg: Leg, gateway: string, status: number): void {
  const { routesTried } = leg.history;
  const at = routesTried.findLastIndex((entry) => entry.startsWith(`${gateway} `));
  const entry = routesTried[at];
  if (entry !== undefined && !entry.includes('+')) routesTried[at] = `${entry}+${status}`;
}

/** The engine or a gateway took too long: records are written without what they owe rather than not at all. */
export function onLingerTimer(cx: Context, call: Call): void {
  for (const leg of legsOf(call)) {
    cx.unbindEndpoint(leg);
    leg.anchor.endpoint = null;
  }
  call.opening = 0;
  call.givenUp = null;
  settle(cx, call);
}

/** The media process is gone: no endpoint will ever answer. */
export function forgetEndpoints(cx: Context, call: Call): void {
  call.opening = 0;
  for (const leg of legsOf(call)) {
    cx.unbindEndpoint(leg);
    leg.anchor.endpoint = null;
    leg.anchor.closing = false;
  }
}
