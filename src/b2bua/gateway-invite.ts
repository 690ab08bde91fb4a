// One INVITE to one gateway: its identity, its text, giving it up, and the dialog that its answer makes.
import type { CodedError, ErrorCode, Result } from '../base/index.ts';
import { clientTxnId, hostPortText } from '../base/index.ts';
import type { HeaderLines, OutgoingRequest, SipResponse } from '../sip/index.ts';
import { Dialog, quotedText } from '../sip/index.ts';
import type { GatewayAttempt } from '../trunks/index.ts';
import type { Attempt, Call, Leg } from './call.ts';
import type { Context } from './context.ts';
import { sendAck, sendBye } from './dialog-requests.ts';
import { contactOf } from './identity.ts';
import { outcomeOf, reasonValue } from './outcome.ts';
import { ALLOW } from './responses.ts';

/** A fresh Call-ID and tag for each attempt, so that a late answer of an earlier one can't be taken for this one's. */
export function takeIdentity(cx: Context, call: Call, leg: Leg): void {
  cx.unbindTag(leg.localTag);
  leg.localTag = cx.random.hex(8);
  leg.sipCallId = cx.random.hex(12);
  cx.bindTag(call, leg);
}

export function newAttempt(cx: Context, call: Call, leg: Leg, plan: GatewayAttempt): Attempt {
  const { target } = plan.gateway;
  const host = hostPortText(leg.point.advertise);
  const display = call.fromDisplay === null ? '' : `${quotedText(call.fromDisplay)} `;
  const caller = userPart(leg.caller) || 'anonymous';
  const gatewayHost = hostPortText(target);
  const transport = target.transport === 'udp' ? '' : `;transport=${target.transport}`;
  const user = userPart(leg.called);
  return {
    plan,
    sipCallId: leg.sipCallId,
    localTag: leg.localTag,
    cseq: 1,
    txn: clientTxnId(0),
    requestUri: `sip:${user}@${gatewayHost}${transport}`,
    fromHeader: `${display}<sip:${caller}@${host}>;tag=${leg.localTag}`,
    toHeader: `<sip:${user}@${gatewayHost}>`,
    request: null,
    answeredChallenge: false,
    progressed: false,
    answered: false,
    abandoned: false,
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
  credentials: HeaderLines,
): void {
  const txn = cx.newTxn({ kind: 'invite', call, attempt });
  attempt.txn = txn;
  leg.sentInvite = txn;
  const headers: (readonly [string, string])[] = [
    ['Max-Forwards', String(call.maxForwards)],
    ['From', attempt.fromHeader],
    ['To', attempt.toHeader],
    ['Call-ID', attempt.sipCallId],
    ['CSeq', `${attempt.cseq} INVITE`],
    ['Contact', contactOf(leg)],
    ['Allow', ALLOW],
    ...credentials,
  ];
  if (call.privacy !== null) headers.push(['Privacy', call.privacy]);
  if (cx.settings.product !== null) headers.push(['User-Agent', cx.settings.product]);
  if (body !== null) headers.push(['Content-Type', 'application/sdp']);
  const request: OutgoingRequest = { method: 'INVITE', uri: attempt.requestUri, headers, body };
  attempt.request = { ...request, body: null };
  cx.sip({ kind: 'request', txn, target: attempt.plan.gateway.target, request });
}

/** Gives an attempt up: CANCEL now or with its first provisional; whatever it still answers is cleaned up. */
export function abandonAttempt(cx: Context, call: Call, attempt: Attempt, cause: ErrorCode): void {
  if (attempt.abandoned) return;
  attempt.abandoned = true;
  if (call.b !== null) call.b.sentInvite = null;
  cx.clearTimer(call, 'gateway');
  cx.clearTimer(call, 'ring');
  const reason = reasonValue(outcomeOf(cause));
  cx.sip({
    kind: 'cancel',
    txn: attempt.txn,
    headers: reason === null ? [] : [['Reason', reason]],
  });
}

/** The dialog an attempt's response makes (RFC 3261 §12.1.2). */
export function dialogOf(attempt: Attempt, response: SipResponse): Result<Dialog, CodedError> {
  if (attempt.request === null) throw new Error('an answered attempt was never sent');
  return Dialog.fromUac(attempt.request, response);
}

/** A 2xx of an attempt that was given up, or of a second fork: ACK, then BYE. */
export function hangUpFork(cx: Context, call: Call, attempt: Attempt, response: SipResponse): void {
  const dialog = dialogOf(attempt, response);
  if (!dialog.ok) {
    cx.rejected(dialog.error.code, attempt.plan.trunk.name);
    return;
  }
  const answer = { txn: attempt.txn, toTag: response.to.tag ?? '', cseq: attempt.cseq };
  sendAck(cx, dialog.value, answer, null);
  sendBye(cx, dialog.value, call.ending?.outcome ?? outcomeOf('NORMAL_CLEARING'));
}
