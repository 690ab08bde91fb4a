// Requests inside a leg's dialog: ACK, BYE and re-INVITE, with the case of a peer whose Contact leads nowhere.
import type { ClientTxnId } from '../base/index.ts';
import type { Dialog, HeaderLines } from '../sip/index.ts';
import type { Call, Leg } from './call.ts';
import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';
import { reasonValue } from './outcome.ts';

/** Which 2xx an ACK is for. */
export interface Acknowledged {
  readonly txn: ClientTxnId;
  /** To tag of the 2xx: tells forks apart. */
  readonly toTag: string;
  /** The INVITE's. */
  readonly cseq: number;
}

/**
 * ACK of a 2xx. A peer whose Contact can't be used gets none: its 2xx repeats end by themselves, and its BYE or our media
 * timeout ends the call.
 * @param body the answer to a late offer; else null.
 */
export function sendAck(cx: Context, dialog: Dialog, to: Acknowledged, body: Buffer | null): void {
  const headers: HeaderLines = body === null ? [] : [['Content-Type', 'application/sdp']];
  const built = dialog.buildAck(to.cseq, { headers, body });
  if (!built.ok) {
    cx.rejected(built.error.code, null);
    return;
  }
  const { target, request } = built.value;
  cx.sip({ kind: 'acknowledge', txn: to.txn, toTag: to.toTag, target, request });
}

/** BYE with the reason it is sent for (RFC 3326). */
export function sendBye(cx: Context, dialog: Dialog, outcome: Outcome): void {
  const reason = reasonValue(outcome);
  const built = dialog.buildRequest('BYE', {
    headers: reason === null ? [] : [['Reason', reason]],
  });
  if (!built.ok) {
    cx.rejected(built.error.code, null);
    return;
  }
  const { target, request } = built.value;
  cx.sip({ kind: 'request', txn: cx.newTxn({ kind: 'bye' }), target, request });
}

/**
 * re-INVITE on a leg, with an offer or without one.
 * @returns false when the peer can't be reached by its Contact.
 */
export function sendReinvite(
  cx: Context,
  call: Call,
  leg: Leg,
  parts: { readonly headers: HeaderLines; readonly body: Buffer | null },
): boolean {
  if (leg.dialog === null) throw new Error('a re-INVITE needs a dialog');
  const built = leg.dialog.buildRequest('INVITE', parts);
  if (!built.ok) {
    cx.rejected(built.error.code, leg.trunk?.name ?? null);
    return false;
  }
  const { target, request, cseq } = built.value;
  const txn = cx.newTxn({ kind: 'reinvite', call, leg, cseq });
  leg.sentInvite = txn;
  cx.sip({ kind: 'request', txn, target, request });
  return true;
}
