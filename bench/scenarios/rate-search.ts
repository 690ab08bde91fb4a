// Finds the highest rate at which no call fails: coarse steps up, then fine ones. Knows nothing of calls; whoever asks
// carries the steps out.

export type StepVerdict = 'clean' | 'failed';

export interface RateSearch {
  readonly firstRate: number;
  readonly coarse: number;
  /** A divisor of `coarse`; the answer is that exact. */
  readonly fine: number;
  /** Where the search ends even when all steps were clean. */
  readonly rateMax: number;
}

/**
 * @param step carries out one rate.
 * @returns the highest clean rate below the first that failed; 0 when none was clean.
 */
export async function searchRate(
  { firstRate, coarse, fine, rateMax }: RateSearch,
  step: (rate: number) => Promise<StepVerdict>,
): Promise<number> {
  let clean = 0;
  let failed = rateMax + fine;
  for (let rate = firstRate; rate < failed; rate += coarse) {
    if ((await step(rate)) === 'clean') clean = rate;
    else failed = rate;
  }
  for (let rate = clean + fine; rate < failed; rate += fine) {
    if ((await step(rate)) === 'clean') clean = rate;
    else failed = rate;
  }
  return clean;
}
