// Figures of two programs that took turns: medians, and the ratio turn by turn.
import type { BenchResult } from './report.ts';
import { median, medianInterval } from './statistics.ts';

export interface Turn {
  readonly ours: number;
  /** Null without a peer. */
  readonly theirs: number | null;
}

/** One figure over all turns. @param peer its name; null when there is none. */
export function pairedResult(
  { name, unit }: { readonly name: string; readonly unit: string },
  turns: readonly Turn[],
  peer: string | null,
): BenchResult {
  const value = median(turns.map(({ ours }) => ours));
  const both = turns.flatMap(({ ours, theirs }) => (theirs === null ? [] : [{ ours, theirs }]));
  if (peer === null || both.length === 0) return { name, unit, value };
  const beside = { name, unit, value, peer, peerValue: median(both.map(({ theirs }) => theirs)) };
  // Nothing divided by nothing is no ratio: a loss of 0 on both sides.
  const ratios = both.filter(({ theirs }) => theirs > 0).map(({ ours, theirs }) => ours / theirs);
  if (ratios.length < both.length) return beside;
  return { ...beside, ratio: median(ratios), ratioInterval: medianInterval(ratios) };
}
