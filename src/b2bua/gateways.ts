// One gateway after the other: who is asked next, and the answer to a challenge.
import type { GatewayAttempt } from '../trunks/index.ts';
import type { Attempt, Call } from './call.ts';
import type { Context, ResponseNews } from './context.ts';
import { answerTo } from './credentials.ts';
import { finishRefused } from './ending.ts';
import { newAttempt, sendInvite, takeIdentity } from './gateway-invite.ts';
import { pointFor } from './identity.ts';
import { disconnectLegs } from './media-orders.ts';
import { openExchange, sdpBody } from './offer-answer.ts';
import { outcomeOf } from './outcome.ts';
import { commitAttempt, commitStart } from './records.ts';

/** Sends the INVITE to the next gateway that has room; tells the caller when none is left. */
export function tryNextGateway(cx: Context, call: Call): void {
  for (;;) {
    const plan = call.plans.shift();
    if (plan === undefined) break;
    const room = cx.settings.admission.tryOutbound(cx.now.mono, call.ticket, plan.trunk);
    if (!room.ok) {
      call.lastFailure = { outcome: outcomeOf(room.error.code), by: 'platform' };
      call.b?.history.routesTried.push(`${plan.gateway.id} ${room.error.code}`);
      continue;
    }
    if (sendAttempt(cx, call, plan)) return;
  }
  const failed = call.lastFailure?.outcome ?? null;
  // What the last gateway said is told as it is; only "nobody could be asked" has a status of our own.
  const exhausted =
    failed === null || failed.status < 300 || failed.status === 401 || failed.status === 407;
  if (exhausted) call.lastFailure = null;
  finishRefused(cx, call, exhausted ? 503 : failed.status);
}

/** @returns false when this gateway's trunk shares no codec with the caller: the next one may. */
function sendAttempt(cx: Context, call: Call, plan: GatewayAttempt): boolean {
  const { b } = call;
  if (b === null) throw new Error('an attempt needs an outbound leg');
  const { target } = plan.gateway;
  b.trunk = plan.trunk;
  b.gateway = plan.gateway.id;
  b.peerAddress = target.host;
  b.point = pointFor(cx, target);
  // Early media of the gateway before: the caller is not to hear it any more, nor that gateway the caller.
  disconnectLegs(cx, call);
  let body: Buffer | null = null;
  if (call.firstOffer !== null) {
    const forwarded = openExchange(cx, call, { offerer: call.a, answerer: b }, call.firstOffer);
    if (!forwarded.ok) {
      call.lastFailure = { outcome: outcomeOf(forwarded.error.code), by: 'platform' };
      b.history.routesTried.push(`${plan.gateway.id} ${forwarded.error.code}`);
      return false;
    }
    body = sdpBody(forwarded.value);
  }
  b.history.lastStatus = null;
  takeIdentity(cx, call, b);
  const attempt = newAttempt(cx, call, b, plan);
  call.attempt = attempt;
  // The record is about this gateway now; what the one before still says is noted in it and not waited for.
  call.givenUp = null;
  const isFirst = !b.recordStarted;
  if (isFirst) {
    b.recordStarted = true;
    commitStart(cx, call, b);
  }
  if (!isFirst || b.history.routesTried.length > 0) commitAttempt(cx, b);
  sendInvite(cx, call, b, attempt, body);
  cx.setTimer(call, 'gateway', plan.trunk.gatewayTimeoutS * 1000);
  return true;
}

/**
 * Answers a gateway's 401 or 407 with the trunk's credentials, once an attempt (RFC 3261 §22.2).
 * @returns false when there are none, the realm is another's, or they were refused already.
 */
export function answerChallenge(
  cx: Context,
  call: Call,
  attempt: Attempt,
  { response, flow }: ResponseNews,
): boolean {
  const { trunk } = attempt.plan;
  const { credentials } = trunk;
  const { b } = call;
  if (credentials === null || attempt.answeredRealm !== null || b === null) return false;
  const request = { method: 'INVITE', uri: attempt.requestUri };
  const { realm } = credentials;
  const answer = answerTo(cx, response, request, { credentials, realm });
  if (!answer.ok) return false;
  attempt.answeredRealm = answer.value.realm;
  attempt.challenger = flow.remote.host;
  attempt.authorization = [answer.value.header];
  attempt.cseq += 1;
  // What the first INVITE was told says nothing about this one: its first provisional has to stop the gateway's clock anew
  // and start the ring timer (RFC 3261 §16.6 step 11).
  attempt.progressed = false;
  const body = call.exchange === null ? null : sdpBody(call.exchange.forwarded);
  sendInvite(cx, call, b, attempt, body);
  cx.setTimer(call, 'gateway', trunk.gatewayTimeoutS * 1000);
  return true;
}
