// One INVITE to one gateway: its identity, its text, giving it up, and the dialog that its answer makes.
import type { ClientTxnId, CodedError, Result } from '../base/index.ts';
import { clientTxnId, hostPortText } from '../base/index.ts';
import type { HeaderLines, OutgoingRequest, SipResponse } from '../sip/index.ts';
import { Dialog, quotedText } from '../sip/index.ts';
import type { Attempt, Call, InviteHead, Leg } from './call.ts';
import type { Context, LateInvite } from './context.ts';
import { dialogCredentials } from './credentials.ts';
import { acknowledgedBy, sendAck, sendBye } from './dialog-requests.ts';
import { contactOf, pinFor } from './identity.ts';
import type { Outcome } from './outcome.ts';
import { reasonValue } from './outcome.ts';
import { ALLOW, SDP_TYPE } from './responses.ts';

/** What a caller is who doesn't say who it is (RFC 3323 §4.1.1.3): no host of ours makes it look like one of our users. */
const ANONYMOUS = 'anonymous@anonymous.invalid';

/** A fresh Call-ID and tag for each attempt, so that a late answer of an earlier one can't be taken for this one's. */
export function takeIdentity(cx: Context, call: Call, leg: Leg): void {
  cx.unbindTag(leg.localTag);
  leg.localTag = cx.random.hex(8);
  leg.sipCallId = cx.random.hex(12);
  cx.bindTag(call, leg);
}

export function newAttempt(
  call: Call,
  leg: Leg,
  { plan, offered }: Pick<Attempt, 'plan' | 'offered'>,
): Attempt {
  const { target } = plan.gateway;
  const display = call.fromDisplay === null ? '' : `${quotedText(call.fromDisplay)} `;
  const isAnonymous = leg.caller === '' || leg.caller.toLowerCase() === 'anonymous';
  const caller = isAnonymous
    ? ANONYMOUS
    : `${userPart(leg.caller)}@${hostPortText(leg.point.advertise)}`;
  const gatewayHost = hostPortText(target);
  const transport = target.transport === 'udp' ? '' : `;transport=${target.transport}`;
  const user = userPart(leg.called);
  return {
    plan,
    offered,
    sipCallId: leg.sipCallId,
    cseq: 1,
    txn: clientTxnId(0),
    requestUri: `sip:${user}@${gatewayHost}${transport}`,
    fromHeader: `${display}<sip:${caller}>;tag=${leg.localTag}`,
    toHeader: `<sip:${user}@${gatewayHost}>`,
    answeredRealm: null,
    challenger: null,
    authorization: [],
    hungUpTag: null,
    progressed: false,
  };
}

/** Escapes what a user part may not hold (RFC 3261 §25.1 userinfo): a dialled name came from a stranger. */
function userPart(text: string): string {
  return text
    .replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/#]/g, (char) =>
      [...Buffer.from(char, 'utf8')]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join(''),
    )
    .replace(/#/g, '%23');
}

export function sendInvite(
  cx: Context,
  call: Call,
  leg: Leg,
  attempt: Attempt,
  body: Buffer | null,
): void {
  const txn = cx.newTxn({ kind: 'invite', call, attempt });
  attempt.txn = txn;
  const headers: (readonly [string, string])[] = [
    ['Max-Forwards', String(call.maxForwards)],
    ['From', attempt.fromHeader],
    ['To', attempt.toHeader],
    ['Call-ID', attempt.sipCallId],
    ['CSeq', `${attempt.cseq} INVITE`],
    ['Contact', contactOf(leg)],
    ['Allow', ALLOW],
    ...attempt.authorization,
  ];
  if (call.privacy !== null) headers.push(['Privacy', call.privacy]);
  if (cx.settings.product !== null) headers.push(['User-Agent', cx.settings.product]);
  if (body !== null) headers.push(SDP_TYPE);
  const request: OutgoingRequest = { method: 'INVITE', uri: attempt.requestUri, headers, body };
  cx.sip({ kind: 'request', txn, target: attempt.plan.gateway.target, request });
}

/** What a 2xx to this attempt makes a dialog of. */
export function headOf(attempt: Attempt, leg: Leg): InviteHead {
  const headers: HeaderLines = [
    ['From', attempt.fromHeader],
    ['Call-ID', attempt.sipCallId],
    ['CSeq', `${attempt.cseq} INVITE`],
    ['Contact', contactOf(leg)],
  ];
  const request = { method: 'INVITE', uri: attempt.requestUri, headers, body: null };
  const { target } = attempt.plan.gateway;
  return { target, request, authorization: attempt.authorization };
}

/** The dialog that a 2xx to this INVITE makes. MESSAGE_MALFORMED when its Contact can't be read. */
export function dialogOf(
  cx: Context,
  { target, request }: InviteHead,
  response: SipResponse,
): Result<Dialog, CodedError> {
  const contact = response.contacts[0] ?? null;
  const routes = response.recordRoutes.toReversed();
  const pinnedTarget = pinFor(cx, { contact, routes, met: target });
  return Dialog.fromUac(request, response, { pinnedTarget, metAt: target });
}

/** Gives the attempt up: CANCEL now or with its first provisional; what it still answers is hung up. */
export function abandonAttempt(cx: Context, call: Call, outcome: Outcome): void {
  const { attempt, b } = call;
  if (attempt === null || b === null) return;
  call.attempt = null;
  cx.clearTimer(call, 'gateway');
  cx.clearTimer(call, 'ring');
  const credentials = dialogCredentials(b, attempt);
  const givenUp = { call, gateway: attempt.plan.gateway.id };
  cx.setLate(attempt.txn, {
    kind: 'late',
    head: headOf(attempt, b),
    outcome,
    credentials,
    givenUp,
  });
  call.givenUp = attempt.txn;
  const reason = reasonValue(outcome);
  const headers: HeaderLines = reason === null ? [] : [['Reason', reason]];
  cx.sip({ kind: 'cancel', txn: attempt.txn, headers });
}

/**
 * A 2xx of an attempt that was given up, or of a second fork: ACK, then BYE (RFC 3261 §9.1, §13.2.2.4). A late offer in it
 * stays unanswered, since the BYE follows at once.
 * @returns whether it was acknowledged.
 */
export function hangUpLate(
  cx: Context,
  txn: ClientTxnId,
  { head, outcome, credentials }: LateInvite,
  response: SipResponse,
): boolean {
  cx.forgetLate(txn);
  const dialog = dialogOf(cx, head, response);
  if (!dialog.ok) {
    cx.rejected(dialog.error.code, null);
    return false;
  }
  const { authorization } = head;
  sendAck(cx, dialog.value, acknowledgedBy({ txn, authorization }, response), null);
  sendBye(cx, dialog.value, outcome, credentials);
  return true;
}
