// Calls that meet a store that refuses while they are being set up: what can't be recorded is not sent.
import type { CodedError } from '../base/index.ts';
import type { Call } from './call.ts';
import type { Context } from './context.ts';
import { refuseCaller } from './ending.ts';

const STORE_REFUSES: CodedError = {
  code: 'STORE_UNAVAILABLE',
  message: 'the store refuses writes',
  retryAfterS: 5,
};

/** Refuses the calls that have asked nobody yet; the others go on, and their facts wait in memory. */
export function refuseOpening(cx: Context, calls: Iterable<Call>): void {
  for (const call of [...calls]) {
    if (call.phase === 'opening' && call.ending === null) refuseCaller(cx, call, STORE_REFUSES);
  }
}

/** Refuses a call whose INVITE was held back: there is no transaction to cancel, and the gateway has heard nothing. */
export function refuseUnrecorded(cx: Context, call: Call): void {
  const { attempt, b } = call;
  call.attempt = null;
  if (attempt !== null) b?.history.routesTried.push(`${attempt.plan.gateway.id} STORE_UNAVAILABLE`);
  refuseCaller(cx, call, STORE_REFUSES);
}
