// Changes to an answered call: re-INVITE passed through to the other leg (hold, resume, new codec, late offer), glare, ACK.
import type { CodedError, ServerTxnId } from '../base/index.ts';
import { ERRORS } from '../base/index.ts';
import type { AnchoredSdp, HeaderLines, SipRequest, SipResponse } from '../sip/index.ts';
import { recordRouteLines } from '../sip/index.ts';
import type { Call, Leg } from './call.ts';
import { otherLeg } from './call.ts';
import type { Context } from './context.ts';
import type { Acknowledged } from './dialog-requests.ts';
import { sendAck, sendReinvite } from './dialog-requests.ts';
import { endCall, takeWaiting } from './ending.ts';
import { readOffer } from './inbound.ts';
import { answerEcho, answerExchange, openExchange, readBody, sdpBody } from './offer-answer.ts';
import { outcomeOf, statusForCaller } from './outcome.ts';
import { ALLOW, sdpHeaders } from './responses.ts';

/** RFC 3261 §14.2: a second INVITE before the first is answered; Retry-After is drawn from 0 to 10 s. */
const RETRY_AFTER_S_MAX = 10;

/** A re-INVITE from a party. */
export function onReinvite(
  cx: Context,
  call: Call,
  leg: Leg,
  txn: ServerTxnId,
  request: SipRequest,
): void {
  if (leg.waitingInvite !== null) {
    const waitS = Math.floor(cx.random.draw() * (RETRY_AFTER_S_MAX + 1));
    cx.respond(txn, { status: 500, toTag: null, headers: [['Retry-After', String(waitS)]] });
    return;
  }
  const other = otherLeg(call, leg);
  const busy =
    leg.sentInvite !== null ||
    (other !== null && (other.sentInvite !== null || other.waitingInvite !== null));
  if (busy || call.exchange !== null || call.unacknowledged !== null) {
    cx.respond(txn, { status: 491, toTag: null });
    return;
  }
  const offer = readOffer(request);
  if (!offer.ok) {
    refuseChange(cx, txn, offer.error);
    return;
  }
  const contact = request.contacts[0];
  if (contact !== undefined) leg.dialog?.refreshTarget(contact);
  const recordRoutes = recordRouteLines(request);
  leg.waitingInvite = { txn, lateOffer: offer.value === null, answered: false, recordRoutes };
  cx.bindServerTxn(txn, call, leg);
  if (other === null) {
    answerAlone(cx, call, leg, offer.value);
    return;
  }
  let body: Buffer | null = null;
  if (offer.value !== null) {
    const forwarded = openExchange(cx, call, leg, other, offer.value);
    if (!forwarded.ok) {
      takeWaiting(cx, leg);
      refuseChange(cx, txn, forwarded.error);
      return;
    }
    body = sdpBody(forwarded.value);
  }
  passOn(cx, call, other, body);
}

/** A call that ends in this node (echo) answers for itself. */
function answerAlone(
  cx: Context,
  call: Call,
  leg: Leg,
  offer: Parameters<typeof answerEcho>[2] | null,
): void {
  const waiting = leg.waitingInvite;
  if (waiting === null) return;
  if (offer === null) {
    const { lastSent } = leg.anchor;
    if (lastSent !== null) answerWaiting(cx, leg, lastSent);
    return;
  }
  const answer = answerEcho(cx, call, offer);
  if (answer.ok) answerWaiting(cx, leg, answer.value);
  else {
    takeWaiting(cx, leg);
    refuseChange(cx, waiting.txn, answer.error);
  }
}

function passOn(cx: Context, call: Call, leg: Leg, body: Buffer | null): void {
  const headers: HeaderLines = [
    ['Allow', ALLOW],
    ...(body === null ? [] : [['Content-Type', 'application/sdp'] as const]),
  ];
  if (!sendReinvite(cx, call, leg, { headers, body })) refuseAsker(cx, call, leg, 488);
}

/** A final answer to a re-INVITE we passed on. */
export function onReinviteResponse(
  cx: Context,
  call: Call,
  leg: Leg,
  cseq: number,
  response: SipResponse,
): void {
  if (response.status < 200) return;
  const { sentInvite } = leg;
  leg.sentInvite = null;
  const asker = otherLeg(call, leg);
  if (response.status >= 300) {
    refuseAsker(cx, call, leg, response.status);
    return;
  }
  const contact = response.contacts[0];
  if (contact !== undefined) leg.dialog?.refreshTarget(contact);
  const waiting = asker?.waitingInvite ?? null;
  if (waiting?.lateOffer === true && !waiting.answered && asker !== null && sentInvite !== null) {
    const sent = { txn: sentInvite, toTag: response.to.tag ?? '', cseq };
    passLateOffer(cx, call, leg, asker, sent, response.body);
    return;
  }
  if (leg.dialog === null || sentInvite === null) return;
  sendAck(cx, leg.dialog, { txn: sentInvite, toTag: response.to.tag ?? '', cseq }, null);
  const { exchange } = call;
  if (asker === null || waiting === null || exchange === null || exchange.answerer !== leg) return;
  const read = readBody(response.body);
  const answer = read.ok ? answerExchange(cx, call, exchange, read.value, { final: true }) : read;
  if (answer.ok) {
    answerWaiting(cx, asker, answer.value);
    return;
  }
  call.exchange = null;
  takeWaiting(cx, asker);
  refuseChange(cx, waiting.txn, answer.error);
}

function passLateOffer(
  cx: Context,
  call: Call,
  leg: Leg,
  asker: Leg,
  sent: Acknowledged,
  body: Buffer,
): void {
  const read = readBody(body);
  const forwarded = read.ok ? openExchange(cx, call, leg, asker, read.value) : read;
  if (forwarded.ok) {
    call.unacknowledged = { ...sent, leg };
    answerWaiting(cx, asker, forwarded.value);
    return;
  }
  if (leg.dialog !== null) sendAck(cx, leg.dialog, sent, null);
  const { waitingInvite } = asker;
  takeWaiting(cx, asker);
  if (waitingInvite !== null) refuseChange(cx, waitingInvite.txn, forwarded.error);
}

/** The party that was asked said no; 408 and 481 mean that its dialog is gone (RFC 3261 §12.2.1.2). */
function refuseAsker(cx: Context, call: Call, leg: Leg, status: number): void {
  call.exchange = null;
  const asker = otherLeg(call, leg);
  const waiting = asker?.waitingInvite ?? null;
  if (asker !== null && waiting !== null && !waiting.answered) {
    takeWaiting(cx, asker);
    cx.respond(waiting.txn, { status: statusForCaller(status), toTag: null });
  }
  if (status === 408 || status === 481) {
    leg.finished = status === 481;
    endCall(
      cx,
      call,
      { ...outcomeOf('PEER_REFUSED'), status },
      leg.side === 'a' ? 'caller' : 'callee',
    );
  }
}

/** No answer at all to a re-INVITE we passed on. */
export function onReinviteFailed(cx: Context, call: Call, leg: Leg): void {
  leg.sentInvite = null;
  if (call.ending === null) refuseAsker(cx, call, leg, 408);
}

/** The asker took its re-INVITE back: 487 to it, CANCEL to the other side, the call goes on as it was. */
export function onReinviteCancelled(cx: Context, call: Call, leg: Leg): void {
  const waiting = leg.waitingInvite;
  if (waiting === null || waiting.answered) return;
  takeWaiting(cx, leg);
  cx.respond(waiting.txn, { status: 487, toTag: null });
  call.exchange = null;
  const other = otherLeg(call, leg);
  if (other !== null && other.sentInvite !== null)
    cx.sip({ kind: 'cancel', txn: other.sentInvite, headers: [] });
}

/** The ACK of our 2xx; after a late offer it carries the answer, which the other side's ACK waits for. */
export function onAck(cx: Context, call: Call, leg: Leg, request: SipRequest): void {
  takeWaiting(cx, leg);
  const pending = call.unacknowledged;
  if (pending === null || pending.leg === leg || pending.leg.dialog === null) return;
  call.unacknowledged = null;
  const { exchange } = call;
  const read = request.body.length > 0 ? readBody(request.body) : null;
  const answer =
    exchange !== null && read !== null && read.ok
      ? answerExchange(cx, call, exchange, read.value, { final: true })
      : null;
  const body = answer !== null && answer.ok ? sdpBody(answer.value) : null;
  sendAck(cx, pending.leg.dialog, pending, body);
  if (body === null) {
    call.exchange = null;
    endCall(cx, call, outcomeOf('CODEC_NOT_SHARED', 200), leg.side === 'a' ? 'caller' : 'callee');
  }
}

function answerWaiting(cx: Context, leg: Leg, sdp: AnchoredSdp): void {
  const waiting = leg.waitingInvite;
  if (waiting === null) return;
  waiting.answered = true;
  const headers = [...waiting.recordRoutes, ...sdpHeaders(leg)];
  cx.respond(waiting.txn, { status: 200, toTag: leg.localTag, headers, body: sdpBody(sdp) });
}

function refuseChange(cx: Context, txn: ServerTxnId, error: CodedError): void {
  cx.respond(txn, { status: ERRORS[error.code].sip ?? 488, toTag: null });
}
