// The control suite: time of small pieces of the control plane, by benchmark.js, on one core. For looking at one function
// between two commits; what a call costs as a whole is the calls suite's.
import Benchmark from 'benchmark';
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { median } from '../figures/statistics.ts';
import { chooseCores, moveTo } from '../machine/cores.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { disturbanceReason, MachineWatch } from '../machine/disturbance.ts';
import { machineFacts } from '../machine/facts.ts';
import type { Suite } from '../suite.ts';
import type { Work } from './work.ts';
import { allWork } from './work.ts';

const FULL = { maxTime: 5, minSamples: 50 } as const;
const QUICK = { maxTime: 0.2, minSamples: 5 } as const;

export const controlSuite: Suite = {
  name: 'control',
  summary: 'small pieces of the control plane: SIP guard, SIP and SDP parsers, routing',
  run: async ({ quick, say }) => {
    moveTo(chooseCores().load);
    const disturbances: Disturbance[] = [];
    const results: BenchResult[] = [];
    let reason: string | null = null;
    for (const work of allWork()) {
      const { result, disturbance } = measure(work, quick ? QUICK : FULL);
      say(`${result.name}: ${result.value.toFixed(2)} us`);
      results.push(result);
      disturbances.push(disturbance);
      reason ??= disturbanceReason(disturbance);
    }
    const machine = machineFacts(disturbances);
    const report = { suite: 'control', machine };
    return reason === null
      ? { ...report, valid: true, results }
      : ({ ...report, valid: false, invalidReason: reason, results: [] } satisfies SuiteReport);
  },
};

/** The median of the cycles, in microseconds an operation. */
function measure(
  work: Work,
  options: { readonly maxTime: number; readonly minSamples: number },
): { readonly result: BenchResult; readonly disturbance: Disturbance } {
  const watch = new MachineWatch();
  let checksum = 0;
  const bench = new Benchmark(
    work.name,
    () => {
      checksum += work.once();
    },
    options,
  ).run();
  if (bench.error !== undefined) throw new Error(`${work.name} failed`, { cause: bench.error });
  if (!(checksum > 0)) throw new Error(`${work.name} did nothing`);
  return {
    result: {
      name: `control.${work.name}`,
      unit: 'us',
      value: 1e6 * median(bench.stats.sample),
    },
    disturbance: watch.end(),
  };
}
