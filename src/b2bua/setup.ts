// From the first INVITE to the answer: endpoints, gateways tried in order, ringing and early media, 200 and ACK.
import { ok } from '../base/index.ts';
import type { EngineCode, EngineEvent } from '../engine/index.ts';
import type { SipResponse } from '../sip/index.ts';
import { detached } from '../sip/index.ts';
import { answerCaller, takeTagFor, unusable } from './answer-caller.ts';
import { askAgain } from './ask-again.ts';
import type { Attempt, Call, Leg } from './call.ts';
import { onChangeConnected } from './change-answers.ts';
import type { Context, ResponseNews } from './context.ts';
import { dialogCredentials, isChallenge } from './credentials.ts';
import { acknowledgedBy, sendAck } from './dialog-requests.ts';
import { endCall, finishRefused, refuseCaller } from './ending.ts';
import { abandonAttempt, dialogOf, headOf } from './gateway-invite.ts';
import {
  answerChallenge,
  askGateway,
  nextGateway,
  noteTried,
  offerAgain,
  tryNextGateway,
} from './gateways.ts';
import { contactOf } from './identity.ts';
import { disconnectLegs, noteTranscoding } from './media-orders.ts';
import {
  acceptable,
  answerEcho,
  answerExchange,
  offerEcho,
  openExchange,
  readAnswerTo,
  readOfferOf,
  sdpBody,
} from './offer-answer.ts';
import {
  heardOutcome,
  outcomeOf,
  outcomeOfOrder,
  outcomeOfSilence,
  statusForCaller,
} from './outcome.ts';
import { commitRinging } from './records.ts';
import { explained, sdpHeaders } from './responses.ts';

/** The engine opened (or refused) an endpoint of a call that is being set up. */
export function endpointOpened(
  cx: Context,
  call: Call,
  leg: Leg,
  event: Extract<EngineEvent, { kind: 'endpointOpened' }>,
): void {
  call.opening -= 1;
  if (event.code === 'OK') {
    leg.anchor.endpoint = event.endpoint;
    leg.anchor.rtpPort = event.rtpPort;
    leg.anchor.rtcpPort = event.rtcpPort;
    cx.bindEndpoint(call, leg);
  } else if (call.ending === null) {
    refuseCaller(cx, call, {
      code: 'ENGINE_FULL',
      message: `engine: ${event.code}`,
      retryAfterS: 2,
    });
  }
  if (call.ending !== null) {
    // Hung up while the engine was still opening: what came now is closed like the rest, and at once, for the next may never come.
    endCall(cx, call, call.ending.outcome, call.ending.by);
    return;
  }
  if (call.opening > 0) return;
  cx.clearTimer(call, 'engine');
  if (call.b === null) answerWithEcho(cx, call);
  else placeCall(cx, call);
}

function answerWithEcho(cx: Context, call: Call): void {
  const { firstOffer } = call;
  const answer = firstOffer === null ? offerEcho(cx, call) : answerEcho(cx, call, firstOffer);
  if (answer.ok) answerCaller(cx, call, sdpBody(answer.value));
  else refuseCaller(cx, call, answer.error);
}

function placeCall(cx: Context, call: Call): void {
  if (call.b === null) return;
  call.phase = 'calling';
  tryNextGateway(cx, call);
}

/** A provisional answer of the gateway: ringing, or early media when it carries SDP. */
export function onProgress(cx: Context, call: Call, attempt: Attempt, response: SipResponse): void {
  if (!attempt.progressed) {
    attempt.progressed = true;
    cx.clearTimer(call, 'gateway');
    cx.setTimer(call, 'ring', attempt.plan.trunk.ringTimeoutS * 1000);
  }
  // A 100 is from the next hop alone (RFC 3261 §16.7 step 5), and a 199 tells of one fork's end (RFC 6228 §4), of which a caller
  // that did not ask for it knows nothing: both stop the gateway's clock and go no further.
  if (response.status === 100 || response.status === 199) return;
  const { b } = call;
  const waiting = call.a.waitingInvite;
  if (b === null || waiting === null || waiting.answered) return;
  call.phase = 'ringing';
  const early = earlyAnswer(cx, call, response);
  if (early !== null) takeTagFor(cx, call.a, early);
  commitRinging(cx, b);
  commitRinging(cx, call.a);
  cx.respond(waiting.txn, {
    status: response.status,
    toTag: call.a.localTag,
    headers: [
      ...waiting.recordRoutes,
      ...(early === null ? [['Contact', contactOf(call.a)] as const] : sdpHeaders(call.a)),
    ],
    body: early,
  });
}

function earlyAnswer(cx: Context, call: Call, response: SipResponse): Buffer | null {
  const { exchange } = call;
  if (exchange === null || response.body.length === 0 || response.contentType !== 'application/sdp')
    return null;
  const read = readAnswerTo(exchange.forwarded, response);
  if (!read.ok) return null;
  const answer = answerExchange(cx, call, exchange, read.value, {
    earlyTag: detached(response.to.tag ?? ''),
  });
  return answer.ok ? sdpBody(answer.value) : null;
}

/** The gateway's 2xx: dialog, ACK (unless the answer is still with the caller), media, and our 200. */
export function onAnswer(cx: Context, call: Call, attempt: Attempt, response: SipResponse): void {
  const { b } = call;
  if (b === null) return;
  const head = headOf(attempt, b);
  const outcome = outcomeOf('NORMAL_CLEARING');
  call.attempt = null;
  const credentials = dialogCredentials(b, attempt);
  cx.setLate(attempt.txn, { kind: 'late', head, outcome, credentials, givenUp: null });
  cx.forgetLate(attempt.txn);
  b.history.routesTried.push(`${attempt.plan.gateway.id} ${response.status}`);
  cx.clearTimer(call, 'gateway');
  cx.clearTimer(call, 'ring');
  cx.gatewayAnswered(attempt, response.status, null);
  const dialog = dialogOf(cx, head, response);
  if (!dialog.ok) {
    // A 2xx whose Contact can't be read can't be acknowledged: to us this gateway gave no answer.
    call.lastFailure = { outcome: outcomeOf('PEER_REFUSED', 502), by: 'callee' };
    finishRefused(cx, call, 502);
    return;
  }
  b.dialog = dialog.value;
  b.credentials = credentials;
  if (attempt.hungUpTag !== null && attempt.hungUpTag === response.to.tag) {
    // Its BYE overtook this 200 and was answered; to the caller nobody was ever there.
    sendAck(cx, b.dialog, acknowledgedBy(attempt, response), null);
    b.finished = true;
    call.lastFailure = { outcome: outcomeOf('NO_ANSWER'), by: 'callee' };
    finishRefused(cx, call, 480);
    return;
  }
  if (call.a.waitingInvite?.lateOffer === true) answerLateOffer(cx, call, attempt, response);
  else answerFirstOffer(cx, call, attempt, response);
}

function answerFirstOffer(cx: Context, call: Call, attempt: Attempt, response: SipResponse): void {
  sendAck(cx, call.b?.dialog ?? null, acknowledgedBy(attempt, response), null);
  const { exchange } = call;
  if (exchange === null) return;
  // Gateways that answered in a 183 often leave the answer out of the 200, although only a reliable 183 would allow it. Another
  // fork's answer is another party's (RFC 3261 §13.2.1).
  const early = exchange.early.get(response.to.tag ?? '') ?? null;
  const read =
    response.body.length === 0 && early !== null
      ? ok(early)
      : readAnswerTo(exchange.forwarded, response);
  const answer = read.ok ? answerExchange(cx, call, exchange, read.value, 'final') : read;
  if (!answer.ok) {
    const { plan, offered } = attempt;
    if (askAgain(cx, call, { plan, offered, since: cx.now }, answer.error)) return;
    // The gateway answered something no leg of ours can use: the call can't stand.
    refuseCaller(cx, call, unusable(answer.error));
    return;
  }
  answerCaller(cx, call, sdpBody(answer.value));
}

function answerLateOffer(cx: Context, call: Call, attempt: Attempt, response: SipResponse): void {
  const { a, b } = call;
  if (b === null) return;
  const offered = readOfferOf(b, response);
  const read = offered.ok ? acceptable(offered.value) : offered;
  const forwarded = read.ok
    ? openExchange(cx, call, { offerer: b, answerer: a }, read.value)
    : read;
  if (!forwarded.ok) {
    sendAck(cx, b.dialog, acknowledgedBy(attempt, response), null);
    refuseCaller(cx, call, unusable(forwarded.error));
    return;
  }
  // The ACK to the gateway carries the caller's answer, so it waits for the caller's ACK (RFC 3261 §13.2.1).
  call.unacknowledged = { ...acknowledgedBy(attempt, response), leg: b };
  answerCaller(cx, call, sdpBody(forwarded.value));
}

/** The engine has connected the legs, or refused to: what waited for it goes on. */
export function connectionDone(
  cx: Context,
  call: Call,
  event: Extract<EngineEvent, { kind: 'orderDone' }>,
): void {
  if (call.ending !== null) return;
  // Endpoints that are no more can't go back to how they were.
  if (call.heldChange !== null && event.code !== 'HANDLE_STALE') {
    onChangeConnected(cx, call, call.heldChange, event);
    return;
  }
  if (event.code !== 'OK') {
    connectionRefused(cx, call, event.code);
    return;
  }
  if (call.connecting?.at(-1) !== event.order) return;
  call.connecting = null;
  cx.clearTimer(call, 'engine');
  noteTranscoding(call);
  const { heldAnswer } = call;
  call.heldAnswer = null;
  if (heldAnswer !== null) answerCaller(cx, call, heldAnswer.body);
}

/** Whether somebody was told that media flows, or is about to be, decides what an order that was refused means. */
function connectionRefused(cx: Context, call: Call, code: EngineCode): void {
  const outcome = outcomeOfOrder(code);
  if (call.heldAnswer !== null) {
    refuseCaller(cx, call, { code: outcome.cause, message: `engine: ${code}` });
  } else if (call.a.history.answeredAt === null && code !== 'HANDLE_STALE') {
    // Early media alone: the call can do without, and its final answer may name another address.
    disconnectLegs(cx, call);
  } else endCall(cx, call, outcome, 'platform');
}

/** The engine owes an answer for too long: the call can't be set up, or not go on as its parties agreed. */
export function onEngineTimer(cx: Context, call: Call): void {
  const message = 'the media process does not answer';
  if (call.a.history.answeredAt === null) {
    refuseCaller(cx, call, { code: 'ENGINE_LOST', message, retryAfterS: 2 });
  } else endCall(cx, call, outcomeOf('ENGINE_LOST'), 'platform');
}

/** The gateway's final refusal: next gateway where the trunk's list says so, else the caller is told. */
export function onRefusal(
  cx: Context,
  call: Call,
  attempt: Attempt,
  { response, flow }: ResponseNews,
): void {
  const { status } = response;
  const outcome = heardOutcome(status, response.headerValues('reason'));
  cx.clearTimer(call, 'gateway');
  cx.clearTimer(call, 'ring');
  const retryAfterS = Number.parseInt(response.header('retry-after') ?? '', 10);
  cx.gatewayAnswered(attempt, status, Number.isFinite(retryAfterS) ? retryAfterS : null);
  const challenged = isChallenge(status);
  if (challenged && answerChallenge(cx, call, attempt, { response, flow })) return;
  if (offerAgain(cx, call, attempt, response)) return;
  call.lastFailure = { outcome, by: 'callee' };
  noteTried(call, attempt, String(status), status);
  call.attempt = null;
  if (attempt.plan.trunk.failsOverOn.has(status) || challenged) {
    tryNextGateway(cx, call);
    return;
  }
  finishRefused(cx, call, statusForCaller(status), explained(response));
}

/** Timer B, or the transport failed: as a 408 or 503 from the gateway (RFC 3261 §8.1.3.1). */
export function onUnreachable(
  cx: Context,
  call: Call,
  attempt: Attempt,
  why: 'timeout' | 'transport',
): void {
  call.attempt = null;
  noteTried(call, attempt, why, why === 'timeout' ? 408 : 503);
  cx.clearTimer(call, 'gateway');
  cx.clearTimer(call, 'ring');
  cx.gatewaySilent(attempt);
  call.lastFailure = { outcome: outcomeOfSilence(why), by: 'platform' };
  tryNextGateway(cx, call);
}

/**
 * No first response in time: the next gateway gets its chance, this one's late answers are cleaned up. Without a next one that
 * can be asked there is nothing to win by giving up: on a network that loses packets the INVITE's repeats go on until Timer B.
 */
export function onGatewayTimer(cx: Context, call: Call): void {
  const { attempt } = call;
  if (attempt === null) return;
  const next = nextGateway(cx, call);
  if (next === null) return;
  noteTried(call, attempt, 'timeout', 408);
  cx.gatewaySilent(attempt);
  abandonAttempt(cx, call, outcomeOf('GATEWAY_TIMEOUT'));
  call.lastFailure = { outcome: outcomeOf('GATEWAY_TIMEOUT'), by: 'platform' };
  askGateway(cx, call, next);
}

/** Timer C: it rang and nobody answered (RFC 3261 §16.6 step 11). */
export function onRingTimer(cx: Context, call: Call): void {
  const { attempt } = call;
  if (attempt === null) return;
  noteTried(call, attempt, 'unanswered', 487);
  abandonAttempt(cx, call, outcomeOf('NO_ANSWER'));
  call.lastFailure = { outcome: outcomeOf('NO_ANSWER'), by: 'platform' };
  finishRefused(cx, call, 480);
}

/** The caller's INVITE ran out before its answer (RFC 3261 §13.3.1). */
export function onExpiresTimer(cx: Context, call: Call): void {
  const { attempt } = call;
  if (attempt !== null) noteTried(call, attempt, 'unanswered', 487);
  abandonAttempt(cx, call, outcomeOf('NO_ANSWER'));
  endCall(cx, call, outcomeOf('NO_ANSWER', 487), 'platform');
}
