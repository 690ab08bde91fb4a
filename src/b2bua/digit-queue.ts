// Digits that a party is told of by INFO: one after the other, for on a network that loses messages one INFO overtakes another,
// and the peer has to refuse the one that comes late (RFC 3261 §12.2.2). A re-INVITE of ours is not overtaken either.
import type { Call, Leg, Press } from './call.ts';
import type { Context, SentAlone } from './context.ts';
import { sendAlone } from './dialog-requests.ts';

/** Each at the place of its event number (RFC 4733 §3.2). */
export const DIGITS = '0123456789*#ABCD';
export const RELAY_TYPE = 'application/dtmf-relay';

/** Presses that may wait, and that may come at once. */
const PRESSES_MAX = 32;
/**
 * No finger and no dialler is quicker for long. A peer may claim presses as fast as it may send packets, and each one costs the
 * carrier a request and us a transaction.
 */
const PRESS_MS = 70;
/** What a peer says to a request whose CSeq is not above the last one's. */
const OVERTAKEN = 500;

/** Tells a party of a digit as soon as it may be. @returns false when it can't be told: not answered, over, or too many. */
export function tellByInfo(cx: Context, call: Call, leg: Leg, press: Press): boolean {
  if (call.phase !== 'answered' || leg.dialog === null || leg.finished) return false;
  const now = cx.now.mono;
  leg.digits ??= { waiting: [], underWay: false, busyUntil: now };
  const { digits } = leg;
  const busyUntil = Math.max(now, digits.busyUntil) + PRESS_MS;
  if (digits.waiting.length >= PRESSES_MAX || busyUntil - now > PRESSES_MAX * PRESS_MS) {
    cx.rejected('DIGITS_TOO_FAST', leg.trunk?.name ?? null);
    return false;
  }
  digits.busyUntil = busyUntil;
  digits.waiting.push(press);
  tellNext(cx, call, leg);
  return true;
}

/** Sends the next INFO unless another request of ours is to arrive first, or the ACK that says the peer knows the dialog. */
export function tellNext(cx: Context, call: Call, leg: Leg): void {
  const { digits, dialog, credentials } = leg;
  if (digits === null || digits.underWay) return;
  if (call.phase !== 'answered' || dialog === null || leg.finished) {
    digits.waiting.length = 0;
    return;
  }
  if (leg.sentChange !== null || leg.waitingInvite?.opens === true) return;
  const press = digits.waiting.shift();
  if (press === undefined) return;
  const text = `Signal=${DIGITS[press.digit] ?? ''}\r\nDuration=${Math.round(press.toneMs)}\r\n`;
  digits.underWay = sendAlone(cx, {
    method: 'INFO',
    dialog,
    headers: [['Content-Type', RELAY_TYPE]],
    body: Buffer.from(text, 'latin1'),
    credentials,
    answered: [],
    tells: { call, leg, press },
  });
}

/**
 * The last word on an INFO: the next one follows. One that a re-INVITE sent after it has overtaken is sent again.
 * @param status null when there was no answer.
 */
export function onDigitTold(cx: Context, sent: SentAlone, status: number | null): void {
  const { tells, dialog, cseq } = sent;
  if (tells === null || tells.leg.digits === null) return;
  const { call, leg, press } = tells;
  tells.leg.digits.underWay = false;
  if (status === OVERTAKEN && dialog.lastCseq !== cseq) tells.leg.digits.waiting.unshift(press);
  tellNext(cx, call, leg);
}
