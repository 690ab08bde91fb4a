// The answer to a party's re-INVITE: kept back until the engine has connected what was agreed, or taken back with it.
import type { AnchoredSdp } from '../sip/index.ts';
import type { Agreed, Call, HeldChange, Leg } from './call.ts';
import { legsOf, otherLeg } from './call.ts';
import type { Answer, Context } from './context.ts';
import { takeWaiting } from './ending.ts';
import { connectLegs } from './media-orders.ts';
import { sdpBody } from './offer-answer.ts';
import { sdpHeaders } from './responses.ts';

/** What the legs have agreed to, to be read before a change is taken. */
export function agreedNow(call: Call): ReadonlyMap<Leg, Agreed> {
  return new Map(
    legsOf(call).map((leg) => {
      const { lastSent, ours, theirs, crypto } = leg.anchor;
      return [leg, { lastSent, ours, theirs, crypto }];
    }),
  );
}

/**
 * 200 to a re-INVITE that waits, once the engine has connected the legs as it says (docs/decisions/008): an address that
 * can't be reached is refused while the call still stands as it was.
 */
export function answerWhenConnected(
  cx: Context,
  call: Call,
  asker: Leg,
  { answer, before }: Pick<HeldChange, 'answer' | 'before'>,
): void {
  const waiting = asker.waitingInvite;
  if (waiting === null) return;
  if (call.connecting === null) answerWaiting(cx, asker, answer);
  else call.heldChange = { asker, txn: waiting.txn, answer, before, refused: null };
}

/** 200 to a re-INVITE that waits. */
export function answerWaiting(cx: Context, leg: Leg, sdp: AnchoredSdp): void {
  const waiting = leg.waitingInvite;
  if (waiting === null) return;
  waiting.answered = true;
  if (waiting.cameFrom !== null) leg.dialog?.meet(waiting.cameFrom);
  const headers = [...waiting.recordRoutes, ...sdpHeaders(leg)];
  cx.respond(waiting.txn, { status: 200, toTag: leg.localTag, headers, body: sdpBody(sdp) });
}

/** A refusal to a re-INVITE that waits for its answer; without effect when none does. */
export function refuseWaiting(cx: Context, leg: Leg, answer: Answer): void {
  const waiting = leg.waitingInvite;
  if (waiting === null || waiting.answered) return;
  takeWaiting(cx, leg);
  cx.respond(waiting.txn, answer);
}

/** The media as it was before the change. What the other party was told of it stays its newest description. */
export function goBack(cx: Context, call: Call, { asker, before }: HeldChange): void {
  for (const [{ anchor }, { lastSent, ours, theirs, crypto }] of before) {
    // The asker never saw the answer, so that the next one takes its version (RFC 3264 §8).
    if (anchor === asker.anchor) anchor.lastSent = lastSent;
    anchor.ours = ours;
    anchor.theirs = theirs;
    anchor.crypto = crypto;
    // Which of its orders were refused isn't looked at, so it is told everything again.
    anchor.told = null;
  }
  connectLegs(cx, call, asker, otherLeg(call, asker) ?? asker);
}
