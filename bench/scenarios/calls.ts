// The calls suite: SIPp calls SIPp through the whole product on one core. Highest rate without a failed call, CPU for a call,
// memory for a call that stands; bench/README.md says how each is taken.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult, SuiteReport } from '../figures/report.ts';
import { median } from '../figures/statistics.ts';
import type { Cores } from '../machine/cores.ts';
import { chooseCores, coresReason, moveTo } from '../machine/cores.ts';
import type { Disturbance } from '../machine/disturbance.ts';
import { disturbanceReason, MachineWatch } from '../machine/disturbance.ts';
import { machineFacts } from '../machine/facts.ts';
import { findProgram } from '../machine/programs.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { CallEngine } from './call-engine.ts';
import type { BurstResult } from './call-load.ts';
import { Callees, GENERATOR_SHARE_MAX, startBurst } from './call-load.ts';
import type { RateSearch, StepVerdict } from './rate-search.ts';
import { searchRate } from './rate-search.ts';

export interface CallsSettings {
  readonly stepS: number;
  readonly search: RateSearch;
  /** Searches; the rate is their median. */
  readonly rounds: number;
  /** Calls up for the memory of one, and how many a second they are set up. */
  readonly standing: { readonly calls: number; readonly rate: number };
}

const FULL: CallsSettings = {
  stepS: 10,
  search: { firstRate: 400, coarse: 400, fine: 100, rateMax: 6_000 },
  rounds: 3,
  standing: { calls: 4_000, rate: 200 },
};
const QUICK: CallsSettings = {
  stepS: 3,
  search: { firstRate: 100, coarse: 300, fine: 300, rateMax: 1_300 },
  rounds: 1,
  standing: { calls: 200, rate: 100 },
};
/** The generator must manage this much more than the program did before its figure counts. */
const CONTROL_MARGIN = 1.2;
/** A step that fails is tried once more: one stall of the host is not the program's limit. */
const TRIES = 2;
const SETTLE_MS = 8_000;
/** How long calls stand while memory is read each second; the least counts, since garbage on its way out is no call's. */
const STANDING_S = 20;
/** What the first calls teach the compiler, and the memory that takes, is not part of any figure. */
const WARM_UP = { rate: 300, calls: 3_000, stayMs: 0 } as const;
/** Enough for the compiler, and little garbage that could pass for memory that calls need. */
const SHORT_WARM_UP = { rate: 100, calls: 500, stayMs: 0 } as const;

export const callsSuite: Suite = {
  name: 'calls',
  summary:
    'SIPp to SIPp through the whole product on one core: calls a second, CPU and memory a call',
  run: (options) => runCallsSuite(options.quick ? QUICK : FULL, options),
};

/** A run that can't give figures, found out on the way. */
class InvalidRun extends Error {}

interface Step {
  readonly rate: number;
  readonly burst: BurstResult;
  readonly cpuUsPerCall: number;
  readonly disturbance: Disturbance;
}

/** The suite in any size. */
export async function runCallsSuite(
  settings: CallsSettings,
  { say }: Pick<SuiteOptions, 'say'>,
): Promise<SuiteReport> {
  const cores = chooseCores();
  const lonely = coresReason(cores);
  const folder = mkdtempSync(join(tmpdir(), 'trunkyard-bench-'));
  const bench = new CallsBench({ settings, cores, folder, say });
  try {
    if (lonely !== null) throw new InvalidRun(lonely);
    if (findProgram('sipp') === null)
      throw new InvalidRun('SIPp is not installed (Debian: sip-tester)');
    moveTo(cores.load);
    const results = await bench.run();
    return { suite: 'calls', valid: true, machine: machineFacts(bench.disturbances), results };
  } catch (error) {
    if (!(error instanceof InvalidRun)) throw error;
    return {
      suite: 'calls',
      valid: false,
      invalidReason: error.message,
      machine: machineFacts(bench.disturbances),
      results: [],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class CallsBench {
  readonly #settings: CallsSettings;
  readonly #cores: Cores;
  readonly #folder: string;
  readonly #say: (line: string) => void;
  readonly disturbances: Disturbance[] = [];
  #starts = 0;

  constructor(options: {
    readonly settings: CallsSettings;
    readonly cores: Cores;
    readonly folder: string;
    readonly say: (line: string) => void;
  }) {
    this.#settings = options.settings;
    this.#cores = options.cores;
    this.#folder = options.folder;
    this.#say = options.say;
  }

  async run(): Promise<readonly BenchResult[]> {
    const best: Step[] = [];
    for (let round = 0; round < this.#settings.rounds; round += 1) {
      best.push(await this.#withCallees((callees) => this.#round(callees)));
    }
    const rate = median(best.map((step) => step.rate));
    await this.#withCallees((callees) => this.#control(callees, CONTROL_MARGIN * rate));
    const memory = await this.#withCallees((callees) => this.#standing(callees));
    return [
      { name: 'calls.rate_per_core', unit: 'calls/s', value: rate },
      {
        name: 'calls.cpu_us_per_call',
        unit: 'us',
        value: median(best.map(({ cpuUsPerCall }) => cpuUsPerCall)),
      },
      { name: 'calls.memory_per_call', unit: 'bytes', value: memory },
    ];
  }

  /** One search with a fresh engine, and with another after each step that failed. @returns its highest clean step. */
  async #round(callees: Callees): Promise<Step> {
    let engine = await this.#engine(callees);
    let best: Step | null = null;
    try {
      await this.#burst(WARM_UP, engine, callees);
      const step = async (rate: number): Promise<StepVerdict> => {
        for (let tried = 1; ; tried += 1) {
          const done = await this.#step(rate, engine, callees);
          if (done.burst.clean) {
            best = done;
            return 'clean';
          }
          await engine.stop();
          engine = await this.#engine(callees);
          await this.#burst(WARM_UP, engine, callees);
          if (tried < TRIES) continue;
          this.#checkFailure(done);
          return 'failed';
        }
      };
      await searchRate(this.#settings.search, step);
    } finally {
      await engine.stop();
    }
    return this.#undisturbed(best);
  }

  #undisturbed(best: Step | null): Step {
    if (best === null) throw new InvalidRun('not even the first step was clean');
    // The rate would stand, being reached in spite of all, but its CPU would not.
    const disturbed = disturbanceReason(best.disturbance);
    if (disturbed !== null) throw new InvalidRun(`at ${best.rate} calls/s ${disturbed}`);
    return best;
  }

  /** A clean step counts whatever went on beside it; a failed one only when nothing else can have been the reason. */
  #checkFailure({ rate, burst, disturbance }: Step): void {
    if (burst.generatorShare > GENERATOR_SHARE_MAX)
      throw new InvalidRun(
        `SIPp used ${percent(burst.generatorShare)} of its core at ${rate} calls/s and may have been the limit`,
      );
    const disturbed = disturbanceReason(disturbance);
    if (disturbed !== null) throw new InvalidRun(`at ${rate} calls/s ${disturbed}`);
  }

  async #step(rate: number, engine: CallEngine, callees: Callees): Promise<Step> {
    const calls = rate * this.#settings.stepS;
    const before = engine.cpuNs();
    const { burst, disturbance } = await this.#burst({ rate, calls, stayMs: 0 }, engine, callees);
    const cpuUsPerCall = (engine.cpuNs() - before) / 1e3 / calls;
    const verdict = burst.clean ? 'clean' : 'FAILED';
    this.#say(
      `${rate} calls/s: ${verdict}, ${burst.failed} failed, ${burst.retransmissions} retransmissions, ${(burst.elapsedMs / 1000).toFixed(1)} s, ${cpuUsPerCall.toFixed(0)} us CPU a call, SIPp ${percent(burst.generatorShare)}, steal ${percent(disturbance.stealShare)}, others ${percent(disturbance.foreignShare)}`,
    );
    if (burst.clean) this.disturbances.push(disturbance);
    return { rate, burst, cpuUsPerCall, disturbance };
  }

  async #burst(
    burst: { readonly rate: number; readonly calls: number; readonly stayMs: number },
    engine: CallEngine | null,
    callees: Callees,
  ): Promise<{ readonly burst: BurstResult; readonly disturbance: Disturbance }> {
    const watch = new MachineWatch();
    const running = await startBurst(burst, {
      remote: engine?.at ?? callees.at,
      callees,
      cores: this.#cores,
      workDir: this.#folder,
    });
    const result = await running.finished;
    return { burst: result, disturbance: watch.end() };
  }

  /** SIPp calls SIPp: what the generator manages without any program between. */
  async #control(callees: Callees, rate: number): Promise<void> {
    const calls = Math.ceil(rate * this.#settings.stepS);
    const { burst } = await this.#burst({ rate: Math.ceil(rate), calls, stayMs: 0 }, null, callees);
    this.#say(
      `SIPp alone at ${Math.ceil(rate)} calls/s: ${burst.failed} failed, ${percent(burst.generatorShare)} of its core`,
    );
    if (!burst.clean) throw new InvalidRun(`SIPp alone does not manage ${Math.ceil(rate)} calls/s`);
  }

  /** Memory with calls up less memory before, for each call. */
  async #standing(callees: Callees): Promise<number> {
    const { calls, rate } = this.#settings.standing;
    const engine = await this.#engine(callees);
    try {
      await this.#burst(SHORT_WARM_UP, engine, callees);
      await engine.idle();
      await pause(SETTLE_MS);
      const before = engine.residentBytes();
      const setUpMs = (1_000 * calls) / rate;
      const running = await startBurst(
        { rate, calls, stayMs: setUpMs + 2 * SETTLE_MS + 1_000 * STANDING_S },
        { remote: engine.at, callees, cores: this.#cores, workDir: this.#folder },
      );
      await pause(setUpMs + SETTLE_MS);
      const live = await engine.liveCalls();
      if (live !== calls) throw new InvalidRun(`${live} of ${calls} calls were up`);
      let after = Number.POSITIVE_INFINITY;
      for (let second = 0; second < STANDING_S; second += 1) {
        after = Math.min(after, engine.residentBytes());
        await pause(1_000);
      }
      const { failed } = await running.finished;
      if (failed > 0) throw new InvalidRun(`${failed} of ${calls} standing calls failed`);
      const perCall = (after - before) / calls;
      this.#say(
        `${calls} calls up: ${megabytes(before)} before, ${megabytes(after)} with them, ${(perCall / 1024).toFixed(1)} KB a call`,
      );
      return perCall;
    } finally {
      await engine.stop();
    }
  }

  #engine(callees: Callees): Promise<CallEngine> {
    this.#starts += 1;
    const folder = join(this.#folder, `engine-${this.#starts}`);
    return CallEngine.start(this.#cores, { folder, callees: callees.at });
  }

  async #withCallees<T>(use: (callees: Callees) => Promise<T>): Promise<T> {
    const callees = await Callees.start(this.#cores, this.#folder);
    try {
      return await use(callees);
    } finally {
      await callees.stop();
    }
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
