// Requests inside a leg's dialog: ACK, BYE, INFO and re-INVITE, with the case of a peer whose Contact leads nowhere.
import type { Dialog, DialogRequest, HeaderLines, SipResponse } from '../sip/index.ts';
import type { Acknowledged, Call, DialogCredentials, Leg, SentChange } from './call.ts';
import type { Context, LoneRequest, SentAlone } from './context.ts';
import { answerInDialog, isChallenge } from './credentials.ts';
import type { Outcome } from './outcome.ts';
import { reasonValue } from './outcome.ts';
import { SDP_TYPE } from './responses.ts';

/**
 * How long a party may think about a change of the call. Longer than Timer B, which ends the call when it says nothing at
 * all: this is for one that only says "trying".
 */
const CHANGE_WAIT_MS = 40_000;

/** The 2xx that a response to this INVITE of ours is, as its ACK names it. */
export function acknowledgedBy(
  { txn, authorization }: Pick<Acknowledged, 'txn' | 'authorization'>,
  response: SipResponse,
): Acknowledged {
  return { txn, toTag: response.to.tag ?? '', cseq: response.cseq.number, authorization };
}

/**
 * ACK of a 2xx; where the peer was met when it can't be sent where its Contact leads, as a name without an address. A peer whose
 * Contact can't be read gets none: its 2xx repeats end by themselves, and its BYE or our media timeout ends the call.
 * @param dialog null: there is none, and so nothing to acknowledge.
 * @param body the answer to a late offer; else null.
 */
export function sendAck(
  cx: Context,
  dialog: Dialog | null,
  to: Acknowledged,
  body: Buffer | null,
): void {
  if (dialog === null) return;
  const headers = body === null ? to.authorization : [...to.authorization, SDP_TYPE];
  const built = dialog.buildAck(to.cseq, { headers, body });
  if (!built.ok) {
    cx.rejected(built.error.code, null);
    return;
  }
  const { target, request } = built.value;
  const { orElse } = dialog;
  cx.sip({ kind: 'acknowledge', txn: to.txn, toTag: to.toTag, target, orElse, request });
}

/** BYE with the reason it is sent for (RFC 3326). */
export function sendBye(
  cx: Context,
  dialog: Dialog,
  outcome: Outcome,
  credentials: DialogCredentials | null,
): void {
  const reason = reasonValue(outcome);
  const headers: HeaderLines = reason === null ? [] : [['Reason', reason]];
  const bare = { body: null, answered: [], tells: null };
  sendAlone(cx, { method: 'BYE', dialog, headers, credentials, ...bare });
}

/** Sends a request that changes nothing: BYE, or INFO with a digit. @returns false when the peer's Contact leads nowhere. */
export function sendAlone(cx: Context, request: LoneRequest): boolean {
  const { method, dialog, headers, body, answered } = request;
  const built = dialog.buildRequest(method, { headers: [...headers, ...answered], body });
  if (!built.ok) {
    cx.rejected(built.error.code, null);
    return false;
  }
  const { target, request: sent, cseq } = built.value;
  const txn = cx.newTxn({ ...request, kind: 'alone', uri: sent.uri, cseq });
  cx.sip({ kind: 'request', txn, target, request: sent });
  return true;
}

/**
 * An answer to it: a challenge of the gateway is answered, every other final ends the matter.
 * @returns true when that was the end of it.
 */
export function onAloneAnswered(cx: Context, sent: SentAlone, response: SipResponse): boolean {
  if (response.status < 200) return false;
  if (!isChallenge(response.status)) return true;
  const { method, uri, credentials, answered } = sent;
  const answer = answerInDialog(cx, response, { method, uri, answered }, credentials);
  return !answer.ok || !sendAlone(cx, { ...sent, answered: answer.value });
}

/**
 * It could not be sent where the peer's Contact leads: it goes to where the peer was met, lest its call stay up and its digits
 * get lost.
 * @returns true when that was the end of it.
 */
export function onAloneUnsent(cx: Context, sent: SentAlone): boolean {
  if (sent.dialog.fallBack()) return !sendAlone(cx, { ...sent, answered: [] });
  cx.rejected('GATEWAY_UNREACHABLE', null);
  return true;
}

/**
 * re-INVITE on a leg, with an offer or without one.
 * @returns false when the peer can't be reached by its Contact.
 */
export function sendReinvite(
  cx: Context,
  call: Call,
  leg: Leg,
  change: Pick<SentChange, 'purpose' | 'headers' | 'body'>,
): boolean {
  return send(cx, call, leg, { ...change, authorization: [] });
}

/** Answers a challenge to a re-INVITE of ours. @returns false when it can't be answered. */
export function answerReinviteChallenge(
  cx: Context,
  call: Call,
  leg: Leg,
  sent: SentChange,
  response: SipResponse,
): boolean {
  if (!isChallenge(response.status)) return false;
  const request = { method: 'INVITE', uri: sent.uri, answered: sent.authorization };
  const answer = answerInDialog(cx, response, request, leg.credentials);
  return answer.ok && send(cx, call, leg, { ...sent, authorization: answer.value });
}

/** RFC 3261 §14.1: how long to wait after a 491. The owner of the Call-ID waits longer, so that the two don't collide again. */
const OWNER_WAIT_MS = { least: 2_100, span: 1_900 };
const OTHER_WAIT_MS = { least: 0, span: 2_000 };

/** The wait before a re-INVITE that was told 491 is sent once more. */
export function glareWaitMs(cx: Context, leg: Leg): number {
  const { least, span } = leg.direction === 'outbound' ? OWNER_WAIT_MS : OTHER_WAIT_MS;
  return Math.round(least + cx.random.draw() * span);
}

/**
 * A re-INVITE of ours could not be sent where the peer's Contact leads: it goes to where the peer was met, unless it was taken
 * back meanwhile.
 * @returns false when that is no other place.
 */
export function resendReinvite(cx: Context, call: Call, leg: Leg, sent: SentChange): boolean {
  if (leg.dialog?.fallBack() !== true) return false;
  return sent.cancelled || send(cx, call, leg, sent);
}

type Sending = Pick<SentChange, 'purpose' | 'headers' | 'body' | 'authorization'>;

function send(cx: Context, call: Call, leg: Leg, sending: Sending): boolean {
  const { headers, body, authorization } = sending;
  if (leg.dialog === null) throw new Error('a re-INVITE needs a dialog');
  const type = body === null ? [] : [SDP_TYPE];
  const lines = [...headers, ...authorization, ...type];
  const built = leg.dialog.buildRequest('INVITE', { headers: lines, body });
  if (!built.ok) {
    cx.rejected(built.error.code, leg.trunk?.name ?? null);
    return false;
  }
  carry(cx, call, leg, built.value, sending);
  return true;
}

function carry(
  cx: Context,
  call: Call,
  leg: Leg,
  { target, request }: DialogRequest,
  { purpose, headers, body, authorization }: Sending,
): void {
  const txn = cx.newTxn({ kind: 'reinvite', call, leg });
  const facts = { purpose, headers, body, authorization };
  leg.sentChange = { ...facts, txn, uri: request.uri, cancelled: false };
  cx.setTimer(call, 'change', CHANGE_WAIT_MS);
  cx.sip({ kind: 'request', txn, target, request });
}

/** Takes back a re-INVITE of ours that has no final answer yet (RFC 3261 §9.1). */
export function cancelReinvite(cx: Context, leg: Leg): void {
  const { sentChange } = leg;
  if (sentChange === null || sentChange.cancelled) return;
  sentChange.cancelled = true;
  cx.sip({ kind: 'cancel', txn: sentChange.txn, headers: [] });
}
