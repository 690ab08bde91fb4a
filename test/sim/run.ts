// Runs seeds and says which break a promise.
import { brokenPromises } from './checkers/invariants.ts';
import { World } from './world.ts';

/** All timers of SIP are over by then: 64*T1 after the last message, and the longest call. */
const LIMIT_MS = 600_000;

export interface SeedResult {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly trace: readonly string[];
  readonly answered: number;
}

/** Plays one seed to its end. */
export function runSeed(seed: number, calls = 8): SeedResult {
  const world = new World({ seed, calls, startsWithinMs: 3_000 });
  const at = (broken: readonly string[]): SeedResult => ({
    seed,
    broken,
    // Written out when asked for only: few seeds ever are.
    get trace() {
      return world.trace;
    },
    answered: world.caller.calls.filter(({ answeredAt }) => answeredAt !== null).length,
  });
  try {
    world.run(LIMIT_MS);
  } catch (error) {
    return at([error instanceof Error ? (error.stack ?? error.message) : String(error)]);
  }
  return at(brokenPromises(world));
}
