// The record of a call that was let in but can't be placed: unknown number, no codec, unreadable offer.
import { ERRORS, mintCallId, mintLegId } from '../base/index.ts';
import type { SipRequest } from '../sip/index.ts';
import { dialledText, readDialled } from '../trunks/index.ts';
import type { Context } from './context.ts';
import { callerOf, dialledOf } from './inbound.ts';
import type { Refusal } from './inbound.ts';
import { reasonValue } from './outcome.ts';

/**
 * Writes the one-leg record and gives the ticket back. Callers that were not let in (address, credentials, limits) get no
 * record, else a flood of refused INVITEs would be a flood of rows; they are counted.
 */
export function recordRefusal(cx: Context, request: SipRequest, refusal: Refusal): void {
  const { admitted, error } = refusal;
  if (admitted === null) return;
  cx.settings.admission.release(admitted.ticket);
  const entry = ERRORS[error.code];
  const outcome = { cause: error.code, status: entry.sip ?? 500, q850: entry.q850 };
  const called = dialledText(readDialled(dialledOf(request)));
  const start = {
    legId: mintLegId(cx.now.epoch, cx.random),
    callId: mintCallId(cx.now.epoch, cx.random),
    direction: 'inbound',
    trunk: admitted.trunk.name,
    gateway: null,
    sipCallId: request.callId,
    caller: callerOf(request),
    called,
    calledOriginal: called,
    authIdentity: admitted.authIdentity,
    startedAt: cx.now.epoch,
  } as const;
  cx.commit({ kind: 'leg.started', leg: start });
  cx.commit({
    kind: 'leg.ended',
    leg: {
      ...start,
      ringingAt: null,
      answeredAt: null,
      endedAt: cx.now.epoch,
      durationMs: 0,
      pddMs: null,
      finalStatus: outcome.status,
      cause: outcome.cause,
      q850: outcome.q850,
      reasonHeader: reasonValue(outcome),
      endedBy: 'platform',
      codec: null,
      transcoded: false,
      srtp: null,
      media: null,
      routesTried: '',
    },
  });
}
