// Suites that put the same cases to our media process and to a peer, in turn: what they share.
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { pairedResult } from '../figures/paired.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { machineFacts } from '../machine/facts.ts';
import { findProgram } from '../machine/programs.ts';
import type { MediaPeer } from '../peers/media-program.ts';
import { rtpengine } from '../peers/rtpengine.ts';
import { trunkyardMedia } from '../peers/trunkyard-media.ts';
import type { SuiteOptions } from '../suite.ts';
import { loadText } from './relay.ts';
import type { LoadedRun, RelaySize } from './relay-run.ts';
import { runLoaded } from './relay-run.ts';

/** The runs of one program in one turn, by the case's name. */
export type CaseRuns = ReadonlyMap<string, LoadedRun>;

export interface CaseFigure {
  readonly name: string;
  readonly unit: string;
  readonly of: (runs: CaseRuns) => number;
}

export interface CaseSuite {
  readonly suite: string;
  readonly cases: ReadonlyMap<string, RelaySize>;
  /** Calls of ours, where it takes more of them than of the peer's to use as much of a core. */
  readonly ownCalls?: ReadonlyMap<string, number>;
  readonly figures: readonly CaseFigure[];
  readonly turns: number;
  /** Runs that may be tried once more because the machine was disturbed, in all. */
  readonly retriesMax: number;
  /** Null: ours alone. */
  readonly peer: MediaPeer | null;
}

/** Of the packets of a run that counts. */
const LOSS_SHARE_MAX = 0.02;

interface CaseTurn {
  readonly ours: CaseRuns;
  readonly theirs: CaseRuns | null;
}

/** rtpengine where it is installed; says so where it isn't. */
export function rtpenginePeer(say: SuiteOptions['say']): MediaPeer | null {
  const path = findProgram('rtpengine');
  if (path === null) say('rtpengine is not installed: ours alone (Debian: rtpengine-daemon)');
  return path === null ? null : rtpengine(path);
}

/** A run's figure. @throws when there is no such case: a suite names what it has. */
export function runOf(runs: CaseRuns, name: string): LoadedRun {
  const run = runs.get(name);
  if (run === undefined) throw new Error(`no case ${name}`);
  return run;
}

/** Runs all cases, ours and theirs in turn, the order changing from turn to turn. */
export async function runCases(
  suite: CaseSuite,
  { say }: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  const cores = chooseCores();
  const lonely = coresReason(cores);
  if (lonely !== null) return report(suite, { reason: lonely, results: [], disturbances: [] });
  moveTo(cores.load);
  const runner = new CaseRunner(suite, { cores, say });
  const turns: CaseTurn[] = [];
  for (let turn = 0; turn < suite.turns && runner.reason === null; turn += 1) {
    const theirsFirst =
      turn % 2 === 1 && suite.peer !== null ? await runner.runAll(suite.peer) : null;
    const ours = await runner.runAll(trunkyardMedia);
    const theirs = theirsFirst ?? (suite.peer === null ? null : await runner.runAll(suite.peer));
    turns.push({ ours, theirs });
  }
  const { reason, disturbances } = runner;
  const results =
    reason === null
      ? suite.figures.map((figure) =>
          pairedResult(
            figure,
            turns.map(({ ours, theirs }) => ({
              ours: figure.of(ours),
              theirs: theirs === null ? null : figure.of(theirs),
            })),
            suite.peer?.name ?? null,
          ),
        )
      : [];
  return report(suite, { reason, results, disturbances });
}

class CaseRunner {
  readonly #suite: CaseSuite;
  readonly #cores: Cores;
  readonly #say: SuiteOptions['say'];
  #retriesLeft: number;
  /** Of the runs that count. */
  readonly disturbances: Disturbance[] = [];
  /** Why there will be no figures; null while there may be. */
  reason: string | null = null;

  constructor(
    suite: CaseSuite,
    { cores, say }: { readonly cores: Cores; readonly say: SuiteOptions['say'] },
  ) {
    this.#suite = suite;
    this.#cores = cores;
    this.#say = say;
    this.#retriesLeft = suite.retriesMax;
  }

  async runAll(program: MediaPeer): Promise<CaseRuns> {
    const runs = new Map<string, LoadedRun>();
    for (const [name, size] of this.#suite.cases) {
      if (this.reason !== null) break;
      const calls =
        (program === trunkyardMedia ? this.#suite.ownCalls?.get(name) : undefined) ?? size.calls;
      const run = await this.#runValid(program, name, { ...size, calls });
      if (run !== null) runs.set(name, run);
    }
    return runs;
  }

  /** Null, with the reason set, when no run was valid. */
  async #runValid(program: MediaPeer, name: string, size: RelaySize): Promise<LoadedRun | null> {
    for (;;) {
      const run = await runLoaded(program, size, this.#cores);
      const us = (run.cpuNsPerPacket / 1000).toFixed(2);
      this.#say(
        `${program.name.padEnd(11)} ${name.padEnd(8)}: ${us} us CPU a packet, ${loadText(run)}`,
      );
      const invalidReason = run.invalidReason ?? lossReason(program.name, name, run);
      if (invalidReason === null) {
        this.disturbances.push(run.disturbance);
        return run;
      }
      if (this.#retriesLeft === 0) {
        this.reason = invalidReason;
        return null;
      }
      this.#retriesLeft -= 1;
    }
  }
}

/** A program that carries one way only, or can't keep up, did less work for each packet than the figure says. */
function lossReason(program: string, name: string, { lossShare }: LoadedRun): string | null {
  if (lossShare <= LOSS_SHARE_MAX) return null;
  return `${program} lost ${(100 * lossShare).toFixed(0)} % of the packets of ${name}`;
}

function report(
  { suite }: CaseSuite,
  outcome: {
    readonly reason: string | null;
    readonly results: readonly BenchResult[];
    readonly disturbances: readonly Disturbance[];
  },
): SuiteReport {
  const machine = machineFacts(outcome.disturbances);
  return outcome.reason === null
    ? { suite, valid: true, machine, results: outcome.results }
    : { suite, valid: false, invalidReason: outcome.reason, machine, results: [] };
}
