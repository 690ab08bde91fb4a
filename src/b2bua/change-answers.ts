// What the party says that was asked for a change, and what that means for the one that asked. Where the two would end up with
// different pictures of the call, the answerer is taken back to what both agreed to last.
import type { EngineEvent } from '../engine/index.ts';
import type { SipResponse } from '../sip/index.ts';
import { answeredAgain, offerOnceMore, refusedAgain } from './ask-again.ts';
import type { Call, HeldChange, Leg, SentChange } from './call.ts';
import { legsOf, otherLeg } from './call.ts';
import type { Context } from './context.ts';
import type { ClientTxnId } from '../base/index.ts';
import {
  acknowledgedBy,
  answerReinviteChallenge,
  glareWaitMs,
  resendReinvite,
  sendAck,
  sendReinvite,
} from './dialog-requests.ts';
import { endCall, sideOf } from './ending.ts';
import {
  agreedNow,
  answerWaiting,
  answerWhenConnected,
  goBack,
  refuseWaiting,
} from './held-change.ts';
import { followContact } from './identity.ts';
import { noteTranscoding } from './media-orders.ts';
import {
  acceptable,
  answerAgreed,
  answerExchange,
  openExchange,
  readAnswerTo,
  readOfferOf,
  sdpBody,
  takeExchange,
} from './offer-answer.ts';
import {
  outcomeOf,
  outcomeOfOrder,
  outcomeOfSilence,
  reasonValue,
  statusForCaller,
} from './outcome.ts';
import { ALLOW, explained } from './responses.ts';

/** How soon to look again when another change is under way. */
const LOOK_AGAIN_MS = 1_000;

/** Whether a change is under way anywhere in the call, up to the ACK of its 2xx (RFC 3261 §14.2, RFC 3264 §4). */
export function isChanging(call: Call): boolean {
  if (call.exchange !== null || call.unacknowledged !== null || call.heldChange !== null) {
    return true;
  }
  return legsOf(call).some((leg) => leg.sentChange !== null || leg.waitingInvite !== null);
}

/** An answer to a re-INVITE of ours. */
export function onReinviteResponse(
  cx: Context,
  call: Call,
  leg: Leg,
  txn: ClientTxnId,
  response: SipResponse,
): void {
  const { status } = response;
  if (status < 200 || leg.dialog === null) return;
  const sent = leg.sentChange;
  if (sent === null || sent.txn !== txn || call.ending !== null) {
    // The call ended meanwhile: a 2xx still wants its ACK, and the BYE is on its way.
    const authorization = sent?.txn === txn ? sent.authorization : [];
    if (status < 300)
      sendAck(cx, leg.dialog, acknowledgedBy({ txn, authorization }, response), null);
    return;
  }
  leg.sentChange = null;
  cx.clearTimer(call, 'change');
  if (status >= 300) {
    if (!sent.cancelled && answerReinviteChallenge(cx, call, leg, sent, response)) return;
    if (sent.purpose === 'askAgain') refusedAgain(cx, call, response);
    else if (sent.purpose === 'restore') restoreRefused(cx, call, leg, status);
    else changeRefused(cx, call, leg, response);
    return;
  }
  followContact(cx, leg.dialog, response.contacts[0] ?? null);
  if (sent.purpose === 'askAgain') answeredAgain(cx, call, sent, response);
  else if (sent.purpose === 'restore') takeRestored(cx, call, leg, sent, response);
  else if (sent.cancelled) undo(cx, call, leg, sent, response);
  else if (sent.body === null) passLateOffer(cx, call, leg, sent, response);
  else passAnswer(cx, call, leg, sent, response);
}

/** No answer at all to a re-INVITE of ours, which is as a 408 (RFC 3261 §8.1.3.1). */
export function onReinviteFailed(
  cx: Context,
  call: Call,
  leg: Leg,
  { txn, why }: { readonly txn: ClientTxnId; readonly why: 'timeout' | 'transport' },
): void {
  const sent = leg.sentChange;
  if (sent?.txn !== txn || call.ending !== null) return;
  leg.sentChange = null;
  cx.clearTimer(call, 'change');
  if (why === 'transport' && resendReinvite(cx, call, leg, sent)) return;
  call.exchange = null;
  const asker = otherLeg(call, leg);
  // Whose first INVITE still waits is told with the end of the call.
  if (asker !== null && sent.purpose !== 'askAgain')
    refuseWaiting(cx, asker, { status: 408, toTag: null });
  endCall(cx, call, outcomeOfSilence(why), 'platform');
}

/** The party that was asked said no; 408 and 481 mean that its dialog is gone (RFC 3261 §12.2.1.2). */
function changeRefused(cx: Context, call: Call, leg: Leg, response: SipResponse): void {
  call.exchange = null;
  const { status } = response;
  const asker = otherLeg(call, leg);
  if (asker !== null) {
    const headers = explained(response);
    refuseWaiting(cx, asker, { status: statusForCaller(status), toTag: null, headers });
  }
  if (status !== 408 && status !== 481) return;
  leg.finished = status === 481;
  endCall(cx, call, { ...outcomeOf('PEER_REFUSED'), status }, sideOf(leg));
}

function passAnswer(
  cx: Context,
  call: Call,
  leg: Leg,
  sent: SentChange,
  response: SipResponse,
): void {
  sendAck(cx, leg.dialog, acknowledgedBy(sent, response), null);
  const asker = otherLeg(call, leg);
  const { exchange } = call;
  if (asker === null || exchange === null) return;
  const before = agreedNow(call);
  const read = readAnswerTo(exchange.forwarded, response);
  const answer = read.ok ? answerExchange(cx, call, exchange, read.value, 'final') : read;
  if (answer.ok) {
    answerWhenConnected(cx, call, asker, { answer: answer.value, before });
    return;
  }
  // Whatever is wrong with the answer is not the asker's fault, so it hears 488 and not 400.
  refuseWaiting(cx, asker, { status: 488, toTag: null });
  restore(cx, call, leg);
}

function passLateOffer(
  cx: Context,
  call: Call,
  leg: Leg,
  sent: SentChange,
  response: SipResponse,
): void {
  const asker = otherLeg(call, leg);
  if (asker === null) return;
  const offered = readOfferOf(leg, response);
  const read = offered.ok ? acceptable(offered.value) : offered;
  const parties = { offerer: leg, answerer: asker };
  const forwarded = read.ok ? openExchange(cx, call, parties, read.value) : read;
  if (forwarded.ok) {
    call.unacknowledged = { ...acknowledgedBy(sent, response), leg };
    answerWaiting(cx, asker, forwarded.value);
    return;
  }
  refuseWaiting(cx, asker, { status: 488, toTag: null });
  answerUnasked(cx, call, leg, sent, response);
}

/**
 * The engine has carried out an order of a change, or refused it. With the last one the asker gets its 200; when one was
 * refused, or the asker has taken its INVITE back, everything is as before, and the answerer is led back to it.
 */
export function onChangeConnected(
  cx: Context,
  call: Call,
  held: HeldChange,
  event: Extract<EngineEvent, { kind: 'orderDone' }>,
): void {
  if (event.code !== 'OK') held.refused ??= event.code;
  if (call.connecting?.at(-1) !== event.order) return;
  call.connecting = null;
  call.heldChange = null;
  cx.clearTimer(call, 'engine');
  const { asker, refused } = held;
  if (refused === null) noteTranscoding(call);
  const waits = asker.waitingInvite?.txn === held.txn;
  if (refused === null && waits) {
    answerWaiting(cx, asker, held.answer);
    return;
  }
  if (refused !== null) {
    const outcome = outcomeOfOrder(refused);
    const headers = [['Reason', reasonValue(outcome) ?? '']] as const;
    refuseWaiting(cx, asker, { status: outcome.status, toTag: null, headers });
  }
  goBack(cx, call, held);
  const other = otherLeg(call, asker);
  if (other !== null) restore(cx, call, other);
}

/** A 2xx to a change that was taken back: the answerer believes in it, so it is led back to what the asker still has. */
function undo(cx: Context, call: Call, leg: Leg, sent: SentChange, response: SipResponse): void {
  if (sent.body === null) {
    answerUnasked(cx, call, leg, sent, response);
    return;
  }
  sendAck(cx, leg.dialog, acknowledgedBy(sent, response), null);
  restore(cx, call, leg);
}

/** Answers a late offer out of what the other party agreed to last; the call ends when even that can't be done. */
function answerUnasked(
  cx: Context,
  call: Call,
  leg: Leg,
  sent: SentChange,
  response: SipResponse,
): void {
  const other = otherLeg(call, leg);
  const read = readOfferOf(leg, response);
  const answer =
    read.ok && other !== null ? answerAgreed(cx, call, { leg, other }, read.value) : null;
  const body = answer !== null && answer.ok ? sdpBody(answer.value) : null;
  sendAck(cx, leg.dialog, acknowledgedBy(sent, response), body);
  if (body === null) endCall(cx, call, outcomeOf('CODEC_NOT_SHARED', 200), sideOf(leg));
}

/**
 * The party would not be led back, so the two have different pictures of the call. After a 491 (it was changing something
 * itself) there is one more try; then the call ends, for nothing else would bring them together.
 */
function restoreRefused(cx: Context, call: Call, leg: Leg, status: number): void {
  call.exchange = null;
  if (status === 491 && call.restoring === null) {
    call.restoring = leg;
    cx.setTimer(call, 'restore', glareWaitMs(cx, leg));
    return;
  }
  leg.finished = status === 481;
  endCall(cx, call, { ...outcomeOf('PEER_REFUSED'), status }, sideOf(leg));
}

/** Time to ask once more after a 491; to lead a party back only while nobody changes the call. */
export function onRestoreTimer(cx: Context, call: Call): void {
  if (call.askedAgain !== null) {
    offerOnceMore(cx, call);
    return;
  }
  if (call.restoring === null) return;
  if (isChanging(call)) cx.setTimer(call, 'restore', LOOK_AGAIN_MS);
  else restore(cx, call, call.restoring);
}

/** re-INVITE with what the other leg agreed to last; nobody waits for its answer. */
function restore(cx: Context, call: Call, leg: Leg): void {
  // The one that went wrong is over, whether or not another can be opened: a call can't be changed while one is.
  call.exchange = null;
  const other = otherLeg(call, leg);
  const agreed = other?.anchor.theirs ?? null;
  if (other === null || agreed === null) return;
  const offer = openExchange(cx, call, { offerer: other, answerer: leg }, agreed);
  if (!offer.ok) return;
  const headers = [['Allow', ALLOW]] as const;
  const body = sdpBody(offer.value);
  if (!sendReinvite(cx, call, leg, { purpose: 'restore', headers, body })) call.exchange = null;
}

function takeRestored(
  cx: Context,
  call: Call,
  leg: Leg,
  sent: SentChange,
  response: SipResponse,
): void {
  sendAck(cx, leg.dialog, acknowledgedBy(sent, response), null);
  const { exchange } = call;
  call.exchange = null;
  call.restoring = null;
  if (exchange === null) return;
  const read = readAnswerTo(exchange.forwarded, response);
  const answer = read.ok ? acceptable(read.value) : read;
  const taken = answer.ok ? takeExchange(cx, call, exchange, answer.value) : answer;
  // Without a description of what it does now, and keys that both sides know, there is no way to speak to this party any more.
  if (!taken.ok) endCall(cx, call, outcomeOf(taken.error.code, 200), sideOf(leg));
}
