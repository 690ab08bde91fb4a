// Calls a second as an exact token bucket: `cps` tokens a second, holding one second's worth.
//
// So a burst of any size gets exactly `cps` calls, a steady sender at the cap loses none to jitter, and over any T
// seconds at most cps * (1 + T) calls pass. Kept as the moment the bucket would be full again (virtual scheduling),
// one number and no refill step, so nothing is lost to rounding however often it is asked.
import type { MonoMs } from '../base/index.ts';

// Instants are doubles of milliseconds; their sums differ in the last bits, and that must not cost a call.
const ROUNDING_MS = 1e-6;
const WINDOW_MS = 1000;

export class CallRate {
  #cps: number;
  /** When the bucket is full again; full now when not later than now. */
  #fullAtMs = Number.NEGATIVE_INFINITY;

  /** @param cps calls a second, at least 1. */
  constructor(cps: number) {
    this.#cps = cps;
  }

  get cps(): number {
    return this.#cps;
  }

  /** Milliseconds until a call may pass; 0 = now. */
  waitMs(now: MonoMs): number {
    const missingMs = Math.max(this.#fullAtMs - now, 0);
    const waitMs = missingMs + WINDOW_MS / this.#cps - WINDOW_MS;
    return waitMs > ROUNDING_MS ? waitMs : 0;
  }

  /** Counts a call; only after `waitMs` said 0 for the same `now`. */
  take(now: MonoMs): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, now) + WINDOW_MS / this.#cps;
  }

  /** A new rate; the share of the bucket that is used stays the same, so a reload is no free second. */
  setCps(now: MonoMs, cps: number): void {
    // The time to full is at most a second at any rate, and the same share of it is missing.
    this.#fullAtMs = Math.max(this.#fullAtMs, now);
    this.#cps = cps;
  }
}
