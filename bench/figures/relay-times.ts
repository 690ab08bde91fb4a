// Quantiles of the engine's own histogram of relay times (SPEC A28), as Prometheus takes them from its buckets.
import { RELAY_TIME_BOUNDS_US } from '../../src/engine/index.ts';
import type { RelayTimes } from '../../src/engine/index.ts';

/**
 * The time within which a share of the samples lies, as if those of a bucket lay evenly in it; the last bound for what lies beyond.
 * @returns null without samples.
 */
export function quantileUs(times: RelayTimes | null, share: number): number | null {
  const total = times?.counts.reduce((sum, count) => sum + count, 0) ?? 0;
  if (times === null || total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [index, count] of times.counts.entries()) {
    const upper = RELAY_TIME_BOUNDS_US[index];
    const lower = RELAY_TIME_BOUNDS_US[index - 1] ?? 0;
    if (upper === undefined) return lower;
    if (count > 0 && below + count >= rank)
      return lower + ((upper - lower) * (rank - below)) / count;
    below += count;
  }
  return null;
}
