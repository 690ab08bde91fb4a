// How a call ends, whoever wants it: BYE, CANCEL or a refusal on each leg, endpoints closed, records written, all given back.
import type { CodedError, EndedBy } from '../base/index.ts';
import { ERRORS } from '../base/index.ts';
import type { HeaderLines } from '../sip/index.ts';
import type { Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Context } from './context.ts';
import { cancelReinvite, sendAck, sendBye } from './dialog-requests.ts';
import { abandonAttempt } from './gateway-invite.ts';
import { closeEndpoints } from './media-orders.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf, reasonValue } from './outcome.ts';
import { commitAnswered, commitEnd, markEnd, REQUEST_TERMINATED } from './records.ts';
import { refusalAnswer } from './responses.ts';

/** How long a record waits for the engine's last counters and a cancelled gateway's last word. */
const COUNTERS_WAIT_MS = 2_000;

/**
 * Ends the call: what was not answered is refused or cancelled, what was gets BYE, media is closed. The records follow when the
 * engine has given the last counters. Calling it again only continues what is left.
 */
export function endCall(cx: Context, call: Call, outcome: Outcome, by: EndedBy): void {
  const { b, heldAnswer, askedAgain } = call;
  // The gateway has answered and was acknowledged: it will bill that, so its record must say so, whatever the caller is told.
  if (call.ending === null && b !== null && b.dialog !== null) {
    commitAnswered(cx, b, heldAnswer?.since ?? askedAgain?.since ?? cx.now);
  }
  const first = markEnd(cx, call, outcome, by);
  if (first) {
    cx.clearTimers(call);
    if (call.attempt !== null && b !== null) {
      b.history.routesTried.push(`${call.attempt.plan.gateway.id} cancelled`);
      // Until it says otherwise: a cancelled INVITE that is never answered counts as terminated (RFC 3261 §9.1).
      b.history.lastStatus = REQUEST_TERMINATED;
    }
    abandonAttempt(cx, call, outcome);
    const told = call.ending?.outcome ?? outcome;
    for (const leg of legsOf(call)) finishLeg(cx, call, leg, told);
    cx.setTimer(call, 'linger', COUNTERS_WAIT_MS);
  }
  closeEndpoints(cx, call);
  settle(cx, call);
}

/** Says good-bye on one leg in the way its state allows. */
function finishLeg(cx: Context, call: Call, leg: Leg, outcome: Outcome): void {
  // So that its transaction ends in bounded time; a 2xx that crosses is acknowledged and nothing more.
  cancelReinvite(cx, leg);
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
  if (waiting !== null && waiting.answered && waiting.opens) {
    // A BYE that overtakes our 200 finds no dialog, and the repeated 200 would then make one that nobody ever ends.
    takeWaiting(cx, leg);
    cx.oweBye(waiting.txn, { leg, dialog: leg.dialog, outcome });
    return;
  }
  acknowledgeBare(cx, call, leg);
  sendBye(cx, leg.dialog, outcome, leg.credentials);
}

/** Whom a leg's own doing is put down to. */
export function sideOf(leg: Leg): EndedBy {
  return leg.side === 'a' ? 'caller' : 'callee';
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

/** Ends a call that never got an answer with a coded final response to the caller. */
export function refuseCaller(cx: Context, call: Call, error: CodedError): void {
  const outcome = outcomeOf(error.code);
  const waiting = call.a.waitingInvite;
  if (waiting !== null && !waiting.answered) {
    takeWaiting(cx, call.a);
    cx.respond(waiting.txn, refusalAnswer(error, call.a.localTag));
    call.a.finished = true;
  }
  cx.rejected(error.code, call.a.trunk?.name ?? null);
  endCall(cx, call, { ...outcome, status: ERRORS[error.code].sip ?? 500 }, 'platform');
}

/** Tells the caller `status` for the last gateway's failure, with what explains it, and ends the call. */
export function finishRefused(
  cx: Context,
  call: Call,
  status: number,
  explanation: HeaderLines = [],
): void {
  const { outcome, by } = call.lastFailure ?? {
    outcome: outcomeOf('GATEWAYS_EXHAUSTED'),
    by: 'platform',
  };
  const waiting = call.a.waitingInvite;
  if (waiting !== null && !waiting.answered) {
    takeWaiting(cx, call.a);
    call.a.finished = true;
    const headers: (readonly [string, string])[] = [...explanation];
    const reason = reasonValue(outcome);
    if (reason !== null) headers.push(['Reason', reason]);
    if (status === 503) headers.push(['Retry-After', '5']);
    cx.respond(waiting.txn, { status, toTag: call.a.localTag, headers });
  }
  endCall(cx, call, { ...outcome, status }, by);
}

/**
 * Writes the records and lets the call go once its media is closed and a gateway that was cancelled has said its last word: a
 * 200 that crossed the CANCEL is acknowledged and billed. Before that it does nothing; the linger timer bounds the wait.
 */
export function settle(cx: Context, call: Call): void {
  if (call.ending === null || call.opening > 0 || call.givenUp !== null) return;
  if (legsOf(call).some((leg) => leg.anchor.endpoint !== null)) return;
  commitEnd(cx, call);
  cx.release(call);
}
