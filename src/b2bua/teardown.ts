// The end of a call, whoever wants it: BYE and CANCEL both ways, endpoints closed, records written, everything given back.
import type { EndedBy, ServerTxnId } from '../base/index.ts';
import type { EngineEvent } from '../engine/index.ts';
import type { SipRequest, SipResponse } from '../sip/index.ts';
import { abandonAttempt } from './attempts.ts';
import type { Attempt, Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Context } from './context.ts';
import { sendAck, sendBye } from './dialog-requests.ts';
import { closeEndpoints } from './offer-answer.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf } from './outcome.ts';
import { commitEnd, markEnd, mediaOf } from './records.ts';
import { dialogOf } from './setup.ts';

/** How long a record waits for the engine's last counters. */
const COUNTERS_WAIT_MS = 2_000;

/**
 * Ends the call: what was not answered is refused or cancelled, what was gets BYE, media is closed. The records follow when the
 * engine has given the last counters. Calling it again only continues what is left.
 */
export function endCall(cx: Context, call: Call, outcome: Outcome, by: EndedBy): void {
  const first = markEnd(cx, call, outcome, by);
  if (first) {
    for (const name of [...call.timers.keys()]) cx.clearTimer(call, name);
    if (call.attempt !== null && call.b !== null && call.b.dialog === null && call.b.sentInvite !== null) {
      abandonAttempt(cx, call, call.attempt, outcome.cause);
    }
    const told = call.ending?.outcome ?? outcome;
    for (const leg of legsOf(call)) finishLeg(cx, call, leg, told);
    cx.setTimer(call, 'linger', COUNTERS_WAIT_MS);
  }
  closeEndpoints(cx, call);
  settle(cx, call);
}

/** Says good-bye on one leg in the way its state allows. */
function finishLeg(cx: Context, call: Call, leg: Leg, outcome: Outcome): void {
  const waiting = leg.waitingInvite;
  if (waiting !== null && !waiting.answered) {
    takeWaiting(cx, leg);
    const first = leg.side === 'a' && leg.history.answeredAt === null;
    const status = first ? outcome.status : 487;
    cx.respond(waiting.txn, { status, toTag: leg.localTag });
    if (first) leg.finished = true;
  }
  if (leg.finished || leg.dialog === null) return;
  // The caller's dialog is confirmed by our 2xx only; before it there is nothing to BYE.
  if (leg.side === 'a' && leg.history.answeredAt === null) return;
  leg.finished = true;
  acknowledgeBare(cx, call, leg);
  sendBye(cx, leg.dialog, outcome);
}

/** Forgets a party's INVITE that has its final answer. */
export function takeWaiting(cx: Context, leg: Leg): void {
  if (leg.waitingInvite === null) return;
  cx.unbindServerTxn(leg.waitingInvite.txn);
  leg.waitingInvite = null;
}

/** A 2xx whose ACK waited for an answer that will never come is acknowledged before its BYE (RFC 3261 §13.2.2.4). */
function acknowledgeBare(cx: Context, call: Call, leg: Leg): void {
  const pending = call.unacknowledged;
  if (pending === null || pending.leg !== leg || leg.dialog === null) return;
  call.unacknowledged = null;
  sendAck(cx, leg.dialog, pending, null);
}

/** A 2xx of an attempt that was given up, or of a second fork: ACK, then BYE. */
export function hangUpDialog(cx: Context, call: Call, attempt: Attempt, response: SipResponse): void {
  const dialog = dialogOf(attempt, response);
  if (!dialog.ok) {
    cx.rejected(dialog.error.code, attempt.plan.trunk.name);
    return;
  }
  const answer = { txn: attempt.txn, toTag: response.to.tag ?? '', cseq: attempt.cseq };
  sendAck(cx, dialog.value, answer, null);
  sendBye(cx, dialog.value, call.ending?.outcome ?? outcomeOf('NORMAL_CLEARING'));
}

/** BYE from a party: answered at once, the other side follows. */
export function onBye(cx: Context, call: Call, leg: Leg, txn: ServerTxnId, request: SipRequest): void {
  cx.respond(txn, { status: 200, toTag: null });
  leg.finished = true;
  // RFC 3261 §15.1.2: an INVITE of the same party still waiting is answered 487.
  if (leg.waitingInvite !== null && !leg.waitingInvite.answered) {
    cx.respond(leg.waitingInvite.txn, { status: 487, toTag: leg.localTag });
    takeWaiting(cx, leg);
  }
  const q850 = /Q\.850\s*;\s*cause\s*=\s*(\d{1,3})/i.exec(request.header('reason') ?? '')?.[1];
  const outcome = outcomeOf('NORMAL_CLEARING');
  const told = q850 === undefined ? outcome : { ...outcome, q850: Number(q850) };
  endCall(cx, call, told, leg.side === 'a' ? 'caller' : 'callee');
}

/** CANCEL of the first INVITE (the core has answered the CANCEL itself): 487, and the gateway's INVITE is cancelled. */
export function onCancelled(cx: Context, call: Call): void {
  endCall(cx, call, outcomeOf('CALLER_CANCELLED'), 'caller');
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

function settle(cx: Context, call: Call): void {
  if (call.ending === null || call.opening > 0) return;
  if (legsOf(call).some((leg) => leg.anchor.endpoint !== null)) return;
  commitEnd(cx, call);
  cx.release(call);
}
