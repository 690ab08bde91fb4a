// Digits by SIP INFO, in the two forms that equipment sends (RFC 6086 §2 calls both legacy usage):
//
//   application/dtmf-relay   Signal=5 CRLF Duration=160 CRLF
//   application/dtmf         5
//
// One press is one INFO, and each waits for the one before. Between a peer that says digits so and one that doesn't, the engine hears and says them.
import type { CodedError, Result, ServerTxnId } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { EngineEvent } from '../engine/index.ts';
import type { HeaderLines, SipRequest } from '../sip/index.ts';
import { digitWayOf } from './audio-path.ts';
import type { Call, Leg, Press } from './call.ts';
import { otherLeg } from './call.ts';
import type { Context } from './context.ts';
import { DIGITS, RELAY_TYPE, tellByInfo } from './digit-queue.ts';
import { agreedSideOf } from './media-orders.ts';
import { refusalAnswer } from './responses.ts';

const PLAIN_TYPE = 'application/dtmf';
const ACCEPTED: HeaderLines = [['Accept', `${RELAY_TYPE}, ${PLAIN_TYPE}`]];

/** What a press lasts that doesn't say, and what may be said: shorter isn't heard, longer is a mistake. */
const TONE_MS = { usual: 160, least: 70, most: 5_000 } as const;
/** Between two digits, so that the same one twice isn't heard as one. */
const PAUSE_MS = 80;
/** A body is a few words. */
const BODY_BYTES_MAX = 256;

/** INFO of a party: its digit goes on to the other one, or it is told why not. */
export function onInfo(
  cx: Context,
  call: Call,
  leg: Leg,
  txn: ServerTxnId,
  request: SipRequest,
): void {
  if (request.header('info-package') !== null) {
    cx.respond(txn, { status: BAD_PACKAGE, toTag: null, headers: NO_PACKAGES });
    return;
  }
  // Nothing to be understood, so nothing to be refused (RFC 2976 §2.2): some send it to see whether the call still stands.
  if (request.body.length === 0) {
    cx.respond(txn, { status: 200, toTag: null });
    return;
  }
  const press = readPress(request);
  if (!press.ok) {
    const accepted = press.error.code === 'BODY_UNSUPPORTED';
    const answer = refusalAnswer(press.error, null);
    cx.respond(txn, accepted ? { ...answer, headers: ACCEPTED } : answer);
    return;
  }
  const said = takesInfo(leg) && sayTo(cx, call, leg, press.value);
  cx.respond(txn, { status: said ? 200 : NOT_SAID_HERE, toTag: null });
}

/** RFC 6086 §4.2.2: an Info Package that we never said we would take; the empty list says so again. */
const BAD_PACKAGE = 469;
const NO_PACKAGES: HeaderLines = [['Recv-Info', '']];

/** RFC 3261 §21.4.26: understood, but not to be had on this leg. */
const NOT_SAID_HERE = 488;

/**
 * Only of a peer whose trunk says so. Others say digits by telephone-event or sound them, which is heard whatever else they send:
 * their INFO would be every digit a second time.
 */
function takesInfo(leg: Leg): boolean {
  const side = agreedSideOf(leg);
  return side !== null && digitWayOf(side) === 'info';
}

/** The engine heard a digit of a party: the other one is told by INFO where that is its way. */
export function onDigit(
  cx: Context,
  call: Call,
  leg: Leg,
  { digit, durationMs }: Extract<EngineEvent, { kind: 'digit' }>,
): void {
  const other = otherLeg(call, leg);
  if (other?.trunk?.dtmf === 'info') {
    tellByInfo(cx, call, other, { digit, toneMs: heldTo(durationMs) });
  }
}

function sayTo(cx: Context, call: Call, leg: Leg, press: Press): boolean {
  const other = otherLeg(call, leg);
  if (other === null) return false;
  if (other.trunk?.dtmf === 'info') return tellByInfo(cx, call, other, press);
  const { endpoint, path, told } = other.anchor;
  if (endpoint === null || path !== 'decoded' || !told?.audio.send) return false;
  const order = cx.newOrder({ kind: 'say', call, leg: other });
  const { digit, toneMs } = press;
  cx.engine([{ kind: 'sendDigits', order, endpoint, digits: [digit], toneMs, pauseMs: PAUSE_MS }]);
  return true;
}

function readPress({ body, contentType }: SipRequest): Result<Press, CodedError> {
  const text = body.subarray(0, BODY_BYTES_MAX).toString('latin1');
  if (contentType === PLAIN_TYPE) return pressOf(text.trim(), null);
  if (contentType !== RELAY_TYPE) {
    const message = `INFO with Content-Type ${contentType ?? 'missing'}`;
    return err({ code: 'BODY_UNSUPPORTED', message });
  }
  const signal = /^[ \t]*signal[ \t]*=[ \t]*(\S+)[ \t]*$/im.exec(text)?.[1];
  const duration = /^[ \t]*duration[ \t]*=[ \t]*(\d{1,6})[ \t]*$/im.exec(text)?.[1];
  // Some write the event's number for what isn't a numeral: 10 for the star.
  const numbered = /^1[0-5]$/.test(signal ?? '') ? DIGITS[Number(signal)] : signal;
  return pressOf(numbered ?? '', duration ?? null);
}

function pressOf(signal: string, durationMs: string | null): Result<Press, CodedError> {
  const digit = signal.length === 1 ? DIGITS.indexOf(signal.toUpperCase()) : -1;
  if (digit < 0) return err({ code: 'MESSAGE_MALFORMED', message: 'INFO names no digit' });
  return ok({ digit, toneMs: heldTo(durationMs === null ? TONE_MS.usual : Number(durationMs)) });
}

function heldTo(toneMs: number): number {
  return Math.min(TONE_MS.most, Math.max(TONE_MS.least, toneMs));
}
