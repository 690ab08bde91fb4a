// Turns what happened on a leg into the facts that the journal, the call records and everyone above live from.
import type { EndedBy, EpochMs, LegMedia, LegRecord, LegStart, Now } from '../base/index.ts';
import type { EndpointCounters } from '../engine/index.ts';
import type { Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';
import { reasonValue } from './outcome.ts';

/** RFC 3261 §21.4.25. */
export const REQUEST_TERMINATED = 487;

/** The fact that a leg exists; in the journal before its first answer or request goes out. */
export function commitStart(cx: Context, call: Call, leg: Leg): void {
  cx.commit({ kind: 'leg.started', leg: startOf(call, leg) });
}

/** The gateway asked now, where the start names another; in the journal before its INVITE, so that a crash record is right. */
export function commitAttempt(cx: Context, leg: Leg): void {
  const attempt = {
    trunk: leg.trunk?.name ?? null,
    gateway: leg.gateway,
    sipCallId: leg.sipCallId,
    routesTried: leg.history.routesTried.join(','),
  };
  cx.commit({ kind: 'leg.attempted', legId: leg.id, attempt });
}

/** First ringing of a leg: later ones change nothing. */
export function commitRinging(cx: Context, leg: Leg): void {
  const { history } = leg;
  if (history.progressMono === null) history.progressMono = cx.now.mono;
  if (history.ringingAt !== null) return;
  history.ringingAt = cx.now.epoch;
  cx.commit({ kind: 'leg.ringing', legId: leg.id, at: cx.now.epoch });
}

/** The answer of a leg, once. @param at when it came. */
export function commitAnswered(cx: Context, leg: Leg, at: Now = cx.now): void {
  const { history } = leg;
  if (history.answeredAt !== null) return;
  history.answeredAt = at.epoch;
  history.answeredMono = at.mono;
  if (history.progressMono === null) history.progressMono = at.mono;
  cx.commit({ kind: 'leg.answered', legId: leg.id, at: at.epoch });
}

/** The final records of a call that has ended, one a leg, each once. */
export function commitEnd(cx: Context, call: Call): void {
  if (call.ending === null) throw new Error(`call ${call.id} has no end to record`);
  for (const leg of legsOf(call)) {
    if (leg.recorded || !leg.recordStarted) continue;
    leg.recorded = true;
    cx.commit({ kind: 'leg.ended', leg: recordOf(call, leg, call.ending) });
  }
}

function startOf(call: Call, leg: Leg): LegStart {
  return {
    legId: leg.id,
    callId: call.id,
    direction: leg.direction,
    trunk: leg.trunk?.name ?? null,
    gateway: leg.gateway,
    sipCallId: leg.sipCallId,
    caller: leg.caller,
    called: leg.called,
    calledOriginal: leg.calledOriginal,
    authIdentity: leg.authIdentity,
    startedAt: leg.history.startedAt,
  };
}

function recordOf(call: Call, leg: Leg, end: NonNullable<Call['ending']>): LegRecord {
  const { history } = leg;
  const answered = history.answeredMono;
  // Written out in full: spreading the start into it made V8 build each record property by property, at ten times the cost.
  return {
    legId: leg.id,
    callId: call.id,
    direction: leg.direction,
    trunk: leg.trunk?.name ?? null,
    gateway: leg.gateway,
    sipCallId: leg.sipCallId,
    caller: leg.caller,
    called: leg.called,
    calledOriginal: leg.calledOriginal,
    authIdentity: leg.authIdentity,
    startedAt: history.startedAt,
    ringingAt: history.ringingAt,
    answeredAt: history.answeredAt,
    endedAt: laterOf(end.at, history.answeredAt),
    durationMs: answered === null ? 0 : Math.max(0, Math.round(end.mono - answered)),
    pddMs:
      history.progressMono === null ? null : Math.round(history.progressMono - history.startedMono),
    finalStatus: answered === null ? (history.lastStatus ?? end.outcome.status) : 200,
    cause: end.outcome.cause,
    q850: end.outcome.q850,
    reasonHeader: reasonValue(end.outcome),
    endedBy: end.by,
    codec: leg.anchor.codec,
    transcoded: leg.anchor.transcoded,
    srtp: leg.anchor.crypto?.ours.suite ?? null,
    media: leg.anchor.counters,
    routesTried: routesOf(call, leg).join(','),
  };
}

/** A gateway's answer that crossed the end of its call was hung up at once: its leg lasted no time, after that end. */
function laterOf(endedAt: EpochMs, answeredAt: EpochMs | null): EpochMs {
  return answeredAt !== null && answeredAt > endedAt ? answeredAt : endedAt;
}

/** What became of each gateway; where none was asked there is no record of an outbound leg, so the caller's tells why. */
function routesOf(call: Call, leg: Leg): readonly string[] {
  const { b } = call;
  return leg.side === 'a' && b !== null && !b.recordStarted
    ? b.history.routesTried
    : leg.history.routesTried;
}

/** Engine counters as the record keeps them. */
export function mediaOf(counters: EndpointCounters): LegMedia {
  return {
    packetsReceived: counters.packetsReceived,
    octetsReceived: counters.octetsReceived,
    packetsSent: counters.packetsSent,
    octetsSent: counters.octetsSent,
    packetsLost: counters.packetsLost,
    jitterMs: counters.jitterMs,
    // A peer with a wrong key must not look like one that was silent.
    packetsRefused: counters.packetsRefused + counters.srtpRefused,
    mos: counters.mosListening > 0 ? counters.mosListening : null,
    packetsLate: counters.packetsLate,
    concealedMs: counters.concealedMs,
    playoutDelayMs: counters.playedMs > 0 ? counters.playoutDelayMs : null,
  };
}

/** Marks the call's end once; the first reason stands. */
export function markEnd(cx: Context, call: Call, outcome: Outcome, by: EndedBy): boolean {
  if (call.ending !== null) return false;
  // Ended by order before any answer: the caller's INVITE is told 487, and so is the record.
  const unanswered = call.a.history.answeredAt === null && outcome.status < 300;
  const told = unanswered ? { ...outcome, status: REQUEST_TERMINATED } : outcome;
  call.ending = { outcome: told, by, at: cx.now.epoch, mono: cx.now.mono };
  call.phase = 'ending';
  return true;
}
