// Live calls as operators and the API see them: a copy, never the call itself.
import type { Call } from './call.ts';
import { legsOf } from './call.ts';
import type { LiveCall } from './types.ts';

/** A snapshot of one call. */
export function viewOf(call: Call): LiveCall {
  return {
    callId: call.id,
    phase: call.phase,
    startedAt: call.a.history.startedAt,
    answeredAt: call.a.history.answeredAt,
    legs: legsOf(call).map((leg) => ({
      legId: leg.id,
      direction: leg.direction,
      trunk: leg.trunk?.name ?? null,
      gateway: leg.gateway,
      sipCallId: leg.sipCallId,
      caller: leg.caller,
      called: leg.called,
      ringingAt: leg.history.ringingAt,
      answeredAt: leg.history.answeredAt,
      codec: leg.anchor.codec,
    })),
  };
}
