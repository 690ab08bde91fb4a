// What the figures are to reach: one table, so that a report can say of each whether it does. `must` is what the project promises
// itself, `stretch` what the hardware seems to allow.
import type { BenchResult } from './report.ts';

export interface Goal {
  /** The figure itself, or its ratio to the peer's. */
  readonly of: 'value' | 'ratio';
  readonly better: 'less' | 'more';
  readonly must: number;
  readonly stretch?: number;
}

export const GOALS: Readonly<Record<string, Goal>> = {
  'relay.cpu_ns_per_packet': { of: 'ratio', better: 'less', must: 0.5, stretch: 0.43 },
  'relay.added_p50': { of: 'ratio', better: 'less', must: 0.2 },
  'srtp.added_ns_per_packet': { of: 'value', better: 'less', must: 1000, stretch: 500 },
  'transcode.pcma_streams_per_core': { of: 'ratio', better: 'more', must: 4, stretch: 7 },
  'transcode.g722_streams_per_core': { of: 'ratio', better: 'more', must: 2.5, stretch: 3 },
  'transcode.opus_calls_per_core': { of: 'value', better: 'more', must: 185, stretch: 198 },
  'mix.participants_per_core_3': { of: 'value', better: 'more', must: 4000, stretch: 5000 },
  'mix.participants_per_core_16': { of: 'value', better: 'more', must: 4000, stretch: 5000 },
  'mix.participants_per_core_256': { of: 'value', better: 'more', must: 4000, stretch: 5000 },
  'mix.largest_to_smallest': { of: 'value', better: 'less', must: 1.1 },
  'memory.relay_bytes_per_call': { of: 'value', better: 'less', must: 8000, stretch: 2000 },
  'memory.opus_bytes_per_call': { of: 'value', better: 'less', must: 80_000, stretch: 65_000 },
  'jitter.worst_to_speexdsp': { of: 'value', better: 'less', must: 1 },
  'jitter.worst_to_hindsight': { of: 'value', better: 'less', must: 1.15 },
};

/** `undecided`: the interval of the ratio holds the goal. `unknown`: nothing to compare, for want of a peer. */
export type Verdict = 'reached' | 'short' | 'undecided' | 'unknown';

/** Whether a figure reaches what it must; null when nothing is asked of it. */
export function verdictOf(result: BenchResult, goal: Goal | undefined): Verdict | null {
  if (goal === undefined) return null;
  const reaches = (value: number): boolean =>
    goal.better === 'less' ? value <= goal.must : value >= goal.must;
  if (goal.of === 'value') return reaches(result.value) ? 'reached' : 'short';
  if (result.ratio === undefined) return 'unknown';
  const { low, high } = result.ratioInterval ?? { low: result.ratio, high: result.ratio };
  if (reaches(low) !== reaches(high)) return 'undecided';
  return reaches(result.ratio) ? 'reached' : 'short';
}
