// A gateway that answers the call and takes no audio (port 0, or nothing of what was offered). Another INVITE would ring and be
// billed once more, so it is made its next offers inside the dialog (RFC 3261 §14.1), while the caller waits as before.
import type { CodedError } from '../base/index.ts';
import type { SipResponse } from '../sip/index.ts';
import { answerCaller, unusable } from './answer-caller.ts';
import type { AskedAgain, Call, Exchange, Leg, SentChange } from './call.ts';
import type { Context } from './context.ts';
import { acknowledgedBy, glareWaitMs, sendAck, sendReinvite } from './dialog-requests.ts';
import { refuseCaller } from './ending.ts';
import { nextOffer, refusesOffer } from './gateways.ts';
import { answerExchange, readAnswerTo, sdpBody, takeOffer } from './offer-answer.ts';
import { ALLOW } from './responses.ts';

/** The dialog is gone (RFC 3261 §12.2.1.2). */
const NO_DIALOG = 481;
/** It asks for something itself just now, and was told the same (RFC 3261 §14.2). */
const GLARE = 491;

/**
 * Makes a gateway that has answered its next offer.
 * @param error what is wrong with its answer.
 * @returns false when no offer would mend that or none is left, or its Contact leads nowhere.
 */
export function askAgain(
  cx: Context,
  call: Call,
  { plan, offered, since }: Omit<AskedAgain, 'gaveWay'>,
  error: CodedError,
): boolean {
  const { b } = call;
  // Keys that are not ours, or nothing that can be read: whoever answers so is not asked for more of it.
  if (b === null || error.code !== 'CODEC_NOT_SHARED') return false;
  const next = nextOffer(cx, call, plan, offered);
  if (!next.ok || next.value.exchange === null) return false;
  const { exchange } = next.value;
  takeOffer(call, exchange);
  call.askedAgain = { plan, offered: next.value.offered, since, gaveWay: false };
  return sendOffer(cx, call, b, exchange);
}

function sendOffer(cx: Context, call: Call, leg: Leg, { forwarded }: Exchange): boolean {
  const body = sdpBody(forwarded);
  return sendReinvite(cx, call, leg, { purpose: 'askAgain', headers: [['Allow', ALLOW]], body });
}

/** The wait after a 491 is over. */
export function offerOnceMore(cx: Context, call: Call): void {
  const { b, exchange } = call;
  if (b === null || exchange === null || sendOffer(cx, call, b, exchange)) return;
  goOn(cx, call, { code: 'PEER_REFUSED', message: 'the gateway can’t be reached' });
}

/** A 2xx to such an offer: what it takes now, the caller is answered with. */
export function answeredAgain(
  cx: Context,
  call: Call,
  sent: SentChange,
  response: SipResponse,
): void {
  const { b, exchange } = call;
  if (b === null || exchange === null) return;
  sendAck(cx, b.dialog, acknowledgedBy(sent, response), null);
  const read = readAnswerTo(exchange.forwarded, response);
  const answer = read.ok ? answerExchange(cx, call, exchange, read.value, 'final') : read;
  if (answer.ok) answerCaller(cx, call, sdpBody(answer.value));
  else goOn(cx, call, answer.error);
}

/** A refusal of such an offer. */
export function refusedAgain(cx: Context, call: Call, response: SipResponse): void {
  const { b, askedAgain } = call;
  if (b === null) return;
  if (response.status === GLARE && askedAgain !== null && !askedAgain.gaveWay) {
    call.askedAgain = { ...askedAgain, gaveWay: true };
    cx.setTimer(call, 'restore', glareWaitMs(cx, b));
    return;
  }
  if (response.status === NO_DIALOG) b.finished = true;
  const code = refusesOffer(response) ? 'CODEC_NOT_SHARED' : 'PEER_REFUSED';
  goOn(cx, call, { code, message: `re-INVITE refused with ${response.status}` });
}

/** The next offer; without one the call can't stand. */
function goOn(cx: Context, call: Call, error: CodedError): void {
  const { askedAgain } = call;
  if (askedAgain !== null && askAgain(cx, call, askedAgain, error)) return;
  refuseCaller(cx, call, unusable(error));
}
