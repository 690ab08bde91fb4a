// What ends a call from outside: BYE, CANCEL, the engine's last word.
import type { ServerTxnId } from '../base/index.ts';
import type { EngineEvent } from '../engine/index.ts';
import type { SipRequest } from '../sip/index.ts';
import type { Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Answer, Context } from './context.ts';
import { endCall, settle, sideOf, takeWaiting } from './ending.ts';
import { outcomeOf, withReason } from './outcome.ts';
import { mediaOf } from './records.ts';

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
  // RFC 3261 §15.1.2: an INVITE of the same party still waiting is answered 487.
  if (leg.waitingInvite !== null && !leg.waitingInvite.answered) {
    cx.respond(leg.waitingInvite.txn, { status: 487, toTag: leg.localTag });
    takeWaiting(cx, leg);
  }
  const told = withReason(outcomeOf('NORMAL_CLEARING'), request.headerValues('reason'));
  endCall(cx, call, told, sideOf(leg));
}

/**
 * BYE of a callee whose answer has not come yet: on a network that reorders, its 200 is still on the way (peers should wait for
 * our ACK, RFC 3261 §15, and many don't). Remembered, so that the 200 doesn't make a call with nobody at its other end.
 */
export function onEarlyBye(call: Call, leg: Leg, request: SipRequest): Answer {
  const { attempt } = call;
  if (attempt === null || attempt.sipCallId !== request.callId || leg.side !== 'b') {
    return { status: 481, toTag: null };
  }
  attempt.hungUpTag = request.from.tag;
  return { status: 200, toTag: null };
}

/** CANCEL of the first INVITE (the core has answered the CANCEL itself): 487, and the gateway's INVITE is cancelled. */
export function onCancelled(cx: Context, call: Call): void {
  endCall(cx, call, outcomeOf('CALLER_CANCELLED'), 'caller');
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

/** The engine took too long: records are written without counters rather than not at all. */
export function onLingerTimer(cx: Context, call: Call): void {
  for (const leg of legsOf(call)) {
    cx.unbindEndpoint(leg);
    leg.anchor.endpoint = null;
  }
  call.opening = 0;
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
