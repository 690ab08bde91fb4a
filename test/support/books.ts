// What the call records must say after a run, whatever happened on the way: the books of the house.
import * as assert from 'uvu/assert';
import type { Cdr } from './engine.ts';

export interface CallBooks {
  readonly inbound: Cdr;
  readonly outbound: readonly Cdr[];
}

/**
 * Groups records by call and checks what holds for every call: one inbound leg, no leg twice, an end with a cause and a
 * final status on each.
 */
export function booksOf(cdrs: readonly Cdr[]): CallBooks[] {
  assert.is(new Set(cdrs.map((cdr) => cdr.leg_id)).size, cdrs.length, 'a leg has two records');
  const calls = new Map<string, Cdr[]>();
  for (const cdr of cdrs) calls.set(cdr.call_id, [...(calls.get(cdr.call_id) ?? []), cdr]);
  return [...calls.values()].map((legs) => {
    const [inbound, ...more] = legs.filter((leg) => leg.direction === 'inbound');
    if (inbound === undefined)
      throw new Error(`call ${legs[0]?.call_id ?? '?'} has no inbound leg`);
    assert.is(more.length, 0, `call ${inbound.call_id} has two inbound legs`);
    for (const leg of legs) {
      assert.ok(leg.cause !== '', `leg ${leg.leg_id} ended without a cause`);
      assert.ok(leg.final_status >= 200, `leg ${leg.leg_id} has no final status`);
      assert.ok(leg.duration_ms >= 0, `leg ${leg.leg_id} has a negative duration`);
    }
    return { inbound, outbound: legs.filter((leg) => leg.direction === 'outbound') };
  });
}

/** How often each value occurs: for one assertion over many records. */
export function tally<T>(
  items: readonly T[],
  key: (item: T) => string | number,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}
