// The little statistics that figures need: medians, and how sure a median ratio is.

/**
 * The middle value, or the mean of the two middle ones.
 * @throws RangeError without values: a figure that nothing was measured for must not be printed.
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('no values, no median');
  return (lower + upper) / 2;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/**
 * The 95 % interval of the median by bootstrap: medians of samples drawn from the values, with a fixed seed so that
 * the same values always give the same interval.
 */
export function medianInterval(values: readonly number[]): Interval {
  const draw = sequence(values.length);
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[draw()] ?? Number.NaN)),
  ).sort((a, b) => a - b);
  const at = (share: number): number => medians[Math.round(share * (RESAMPLES - 1))] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975) };
}

/** Numbers below `size`, by a 32-bit xorshift. */
function sequence(size: number): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % size;
  };
}
