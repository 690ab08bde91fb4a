// What the caller's first INVITE is answered with once the other side has spoken: our 200, and the tag that each answer has.
import type { CodedError } from '../base/index.ts';
import type { Call, Leg } from './call.ts';
import type { Context } from './context.ts';
import { commitAnswered } from './records.ts';
import { sdpHeaders } from './responses.ts';

/** 200 to the caller, as soon as the engine has connected the media. @param body our answer, or our offer to one that made none. */
export function answerCaller(cx: Context, call: Call, body: Buffer): void {
  const waiting = call.a.waitingInvite;
  if (waiting === null) return;
  if (call.connecting !== null) {
    // RFC 3264 §5.1: whoever says where it receives must be ready to, and an address the engine can't use is still refused.
    call.heldAnswer = { body, since: call.askedAgain?.since ?? cx.now };
    return;
  }
  takeTagFor(cx, call.a, body);
  waiting.answered = true;
  cx.clearTimer(call, 'expires');
  call.phase = 'answered';
  // Its facts live on in what the legs agreed to.
  call.firstOffer = null;
  call.askedAgain = null;
  // One moment for both legs: what one is charged for the other is too.
  if (call.b !== null) commitAnswered(cx, call.b);
  commitAnswered(cx, call.a);
  const limitS = Math.min(call.a.trunk?.maxDurationS ?? 0, call.b?.trunk?.maxDurationS ?? Infinity);
  if (limitS > 0 && Number.isFinite(limitS)) cx.setTimer(call, 'maxDuration', limitS * 1000);
  const headers = [...waiting.recordRoutes, ...sdpHeaders(call.a)];
  cx.respond(waiting.txn, { status: 200, toTag: call.a.localTag, headers, body });
}

/** What the caller is told of a gateway's SDP that is of no use: nothing is wrong with its own, and the other's is not its matter. */
export function unusable({ code }: CodedError): CodedError {
  const message = 'the other side described no audio that can be used';
  return { code: code === 'SRTP_NOT_SHARED' ? code : 'CODEC_NOT_SHARED', message };
}

/**
 * Gives the caller another tag of ours when this answer differs from what the one it knows stands for. Under one tag every
 * description but the first is ignored (RFC 3261 §13.2.1); forks of the gateway's and the gateway after it answer differently,
 * and so each is to the caller what it is to us: a dialog of its own.
 */
export function takeTagFor(cx: Context, leg: Leg, answer: Buffer): void {
  const waiting = leg.waitingInvite;
  if (waiting === null || leg.dialog === null) return;
  const told = waiting.toldAnswer;
  waiting.toldAnswer = answer;
  if (told === null || told.equals(answer)) return;
  cx.retag(leg, leg.dialog);
}
