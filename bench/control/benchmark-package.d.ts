// The part of the `benchmark` package (2.1.4, JavaScript without types) that suite.ts uses.
declare module 'benchmark' {
  interface BenchmarkStats {
    /** Seconds for one call of the function, a value for each cycle. */
    readonly sample: readonly number[];
  }

  interface BenchmarkOptions {
    /** Seconds that cycles are repeated for at most. */
    readonly maxTime?: number;
    readonly minSamples?: number;
  }

  class Benchmark {
    constructor(name: string, work: () => void, options?: BenchmarkOptions);
    readonly stats: BenchmarkStats;
    /** An exception of the function, which ends the run. */
    readonly error?: unknown;
    /** Synchronous unless told otherwise. */
    run(): this;
  }

  export = Benchmark;
}
