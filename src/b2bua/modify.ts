// A party changes an answered call: its re-INVITE is passed to the other leg (hold, resume, new codec, late offer), or refused
// while another change is under way; its ACK may bring the answer to our offer.
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { AudioDescription, HeaderLines, SipRequest } from '../sip/index.ts';
import { recordRouteLines } from '../sip/index.ts';
import { isChanging } from './change-answers.ts';
import type { Call, Leg } from './call.ts';
import { legsOf, otherLeg } from './call.ts';
import type { Context, RequestNews } from './context.ts';
import { cancelReinvite, sendAck, sendReinvite } from './dialog-requests.ts';
import { endCall, sideOf, takeWaiting } from './ending.ts';
import { agreedNow, answerWhenConnected, refuseWaiting } from './held-change.ts';
import { followContact } from './identity.ts';
import { readOffer } from './inbound.ts';
import {
  answerEcho,
  answerExchange,
  offerEcho,
  openExchange,
  readAnswerTo,
  sdpBody,
  takeEchoAnswer,
} from './offer-answer.ts';
import { outcomeOf } from './outcome.ts';
import { ALLOW, refusalAnswer } from './responses.ts';

/** RFC 3261 §14.2: a second INVITE before the first is answered; Retry-After is drawn from 0 to 10 s. */
const RETRY_AFTER_S_MAX = 10;

/** A re-INVITE from a party. */
export function onReinvite(
  cx: Context,
  call: Call,
  leg: Leg,
  { txn, request, flow }: RequestNews,
): void {
  if (leg.waitingInvite !== null && !leg.waitingInvite.answered) {
    const waitS = Math.floor(cx.random.draw() * (RETRY_AFTER_S_MAX + 1));
    const headers = [['Retry-After', String(waitS)]] as const;
    cx.respond(txn, { status: 500, toTag: null, headers });
    return;
  }
  if (isChanging(call)) {
    cx.respond(txn, { status: 491, toTag: null });
    return;
  }
  const offer = readOffer(leg, request);
  if (!offer.ok) {
    cx.respond(txn, refusalAnswer(offer.error, null));
    return;
  }
  if (leg.dialog !== null && !followContact(cx, leg.dialog, request.contacts[0] ?? null)) {
    const message = 'Contact leads nowhere from here';
    cx.respond(txn, refusalAnswer({ code: 'MESSAGE_MALFORMED', message }, null));
    return;
  }
  const recordRoutes = recordRouteLines(request);
  leg.waitingInvite = {
    txn,
    lateOffer: offer.value === null,
    opens: false,
    answered: false,
    toldAnswer: null,
    // A NAT has given a caller another port, or it has opened another connection. Gateways stay where they are configured.
    cameFrom: leg.side === 'a' ? { transport: flow.transport, ...flow.remote } : null,
    recordRoutes,
  };
  cx.bindServerTxn(txn, call, leg);
  const other = otherLeg(call, leg);
  if (other === null) answerAlone(cx, call, leg, offer.value);
  else passOn(cx, call, { leg, other }, offer.value);
}

/** A call that ends in this node (echo) answers for itself. */
function answerAlone(cx: Context, call: Call, leg: Leg, offer: AudioDescription | null): void {
  const before = agreedNow(call);
  const answer = offer === null ? offerEcho(cx, call) : answerEcho(cx, call, offer);
  if (answer.ok) answerWhenConnected(cx, call, leg, { answer: answer.value, before });
  else refuseWaiting(cx, leg, refusalAnswer(answer.error, null));
}

function passOn(
  cx: Context,
  call: Call,
  { leg, other }: { readonly leg: Leg; readonly other: Leg },
  offer: AudioDescription | null,
): void {
  let body: Buffer | null = null;
  const headers: HeaderLines = [['Allow', ALLOW]];
  if (offer !== null) {
    const forwarded = openExchange(cx, call, { offerer: leg, answerer: other }, offer);
    if (!forwarded.ok) {
      refuseWaiting(cx, leg, refusalAnswer(forwarded.error, null));
      return;
    }
    body = sdpBody(forwarded.value);
  }
  if (sendReinvite(cx, call, other, { purpose: 'pass', headers, body })) return;
  call.exchange = null;
  refuseWaiting(cx, leg, { status: 488, toTag: null });
}

/** The asker took its re-INVITE back: 487 to it, CANCEL to the other side, the call goes on as it was. */
export function onReinviteCancelled(cx: Context, call: Call, leg: Leg): void {
  const waiting = leg.waitingInvite;
  if (waiting === null || waiting.answered) return;
  refuseWaiting(cx, leg, { status: 487, toTag: null });
  withdraw(cx, call);
}

/** The party that was asked only ever said "trying": the asker is told, and the call goes on as it was. */
export function onChangeTimer(cx: Context, call: Call): void {
  if (call.askedAgain !== null) {
    // There is no "as it was": the caller waits for its first answer.
    endCall(cx, call, outcomeOf('GATEWAY_TIMEOUT'), 'platform');
    return;
  }
  for (const leg of legsOf(call)) refuseWaiting(cx, leg, { status: 504, toTag: null });
  withdraw(cx, call);
}

function withdraw(cx: Context, call: Call): void {
  cx.clearTimer(call, 'change');
  call.exchange = null;
  for (const leg of legsOf(call)) cancelReinvite(cx, leg);
}

/** The ACK of our 2xx; after a late offer it carries the answer, which the other side's ACK waits for. */
export function onAck(cx: Context, call: Call, leg: Leg, request: SipRequest): void {
  const offered = leg.waitingInvite?.lateOffer ?? false;
  takeWaiting(cx, leg);
  if (!offered || call.ending !== null) return;
  const sent = call.b === null ? leg.anchor.lastSent : (call.exchange?.forwarded ?? null);
  const answer = request.body.length > 0 ? readAnswerTo(sent, request) : NO_ANSWER;
  const taken = call.b === null ? takenByEcho(cx, call, answer) : passAnswer(cx, call, leg, answer);
  // The offer stands unanswered, and nothing but the end of the call can follow (RFC 3261 §13.2.2.4).
  if (!taken.ok) endCall(cx, call, outcomeOf(taken.error.code, 200), sideOf(leg));
}

const NO_ANSWER = err<CodedError>({ code: 'ANSWER_MISSING', message: 'the ACK has no body' });

type Answer = Result<AudioDescription, CodedError>;

function takenByEcho(cx: Context, call: Call, answer: Answer): Result<null, CodedError> {
  return answer.ok ? takeEchoAnswer(cx, call, answer.value) : answer;
}

/** Nothing is due where no other side waits; else the other side's ACK goes out, whatever came of the answer. */
function passAnswer(cx: Context, call: Call, leg: Leg, far: Answer): Result<null, CodedError> {
  const { unacknowledged: pending, exchange } = call;
  if (pending === null || pending.leg === leg || pending.leg.dialog === null) return ok(null);
  call.unacknowledged = null;
  call.exchange = null;
  const answer =
    far.ok && exchange !== null
      ? answerExchange(cx, call, exchange, far.value, 'final')
      : NO_ANSWER;
  sendAck(cx, pending.leg.dialog, pending, answer.ok ? sdpBody(answer.value) : null);
  if (answer.ok) return ok(null);
  return far.ok ? answer : far;
}
