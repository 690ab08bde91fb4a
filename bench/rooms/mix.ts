// The mix suite: what adding up a room costs for each participant and frame, by bench/native/mix_bench.cc, and whether that is the same
// in small rooms and large ones. Codecs and sockets are not in it.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SuiteReport } from '../figures/report.ts';
import { pairedResult } from '../figures/paired.ts';
import { chooseCores, onCore } from '../machine/cores.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { disturbanceReason, MachineWatch } from '../machine/disturbance.ts';
import { machineFacts } from '../machine/facts.ts';
import { buildTools } from '../scenarios/rtp-load.ts';
import type { Suite, SuiteOptions } from '../suite.ts';

const PROGRAM = fileURLToPath(new URL('../../build/bench/mix_bench', import.meta.url));
const SIZES = [3, 10, 50, 100, 256, 1000] as const;
const RUNS = 5;

export const mixSuite: Suite = {
  name: 'mix',
  summary: 'mixing alone: ns a participant and frame, in rooms of 3 to 1,000',
  run: ({ quick, say }) => Promise.resolve(runMixSuite(quick ? 1 : RUNS, { say })),
};

/** @param runs of the program, each of which takes the least of its own. */
export function runMixSuite(runs: number, { say }: Pick<SuiteOptions, 'say'>): SuiteReport {
  buildTools(['mix_bench']);
  const disturbances: Disturbance[] = [];
  let reason: string | null = null;
  const told = Array.from({ length: runs }, () => {
    const watch = new MachineWatch();
    const [program, ...args] = onCore(chooseCores().program, [PROGRAM]);
    const costs = costsBySize(execFileSync(program, args, { encoding: 'utf8' }));
    const disturbance = watch.end();
    disturbances.push(disturbance);
    reason ??= disturbanceReason(disturbance);
    say(SIZES.map((size) => `${size}: ${costs.get(size)?.toFixed(1) ?? '?'} ns`).join(', '));
    return costs;
  });
  const machine = machineFacts(disturbances);
  if (reason !== null)
    return { suite: 'mix', valid: false, invalidReason: reason, machine, results: [] };
  const figure = (name: string, unit: string, of: (costs: Costs) => number) =>
    pairedResult(
      { name, unit },
      told.map((costs) => ({ ours: of(costs), theirs: null })),
      null,
    );
  return {
    suite: 'mix',
    valid: true,
    machine,
    results: [
      ...SIZES.map((size) =>
        figure(`mix.ns_per_participant_${size}`, 'ns', (costs) => costOf(costs, size)),
      ),
      figure('mix.largest_to_smallest', 'x', (costs) => costOf(costs, 256) / costOf(costs, 3)),
    ],
  };
}

type Costs = ReadonlyMap<number, number>;

function costOf(costs: Costs, size: number): number {
  const cost = costs.get(size);
  if (cost === undefined) throw new Error(`mix_bench says nothing of a room of ${size}`);
  return cost;
}

/** Ns by size of the room, all talking, with the best of the instruction sets that were tried. */
export function costsBySize(printed: string): Costs {
  const costs = new Map<number, number>();
  const lines = printed.matchAll(/^mix (\d+), all talking\s+\S+\s+([\d.]+) ns/gm);
  for (const [, size, ns] of lines)
    costs.set(Number(size), Math.min(costs.get(Number(size)) ?? Infinity, Number(ns)));
  return costs;
}
