// The clocks, and the one timer that drives a core: cores only say when they want to be called.
import { monoMs, epochMs, type MonoMs, type Now } from '../base/index.ts';

// Far below the 2^31 ms at which setTimeout turns into "at once"; a longer wait is armed again.
const WAIT_MS_MAX = 3_600_000;

/** Both clocks of this moment. */
export function systemNow(): Now {
  return { mono: monoMs(performance.now()), epoch: epochMs(Date.now()) };
}

/** One timer for many deadlines. */
export interface Ticker {
  /** Says when `onDue` is wanted; null = not at all. May be called as often as liked: it's cheap. */
  arm(at: MonoMs | null): void;
  /** No further `onDue`. Twice is fine. */
  close(): void;
}

/**
 * Makes a ticker. `onDue` may be called a little before or after the armed instant, and without any deadline being
 * due (a later one replaced it): it must look for itself and return the next deadline.
 */
export function createTicker(onDue: () => MonoMs | null): Ticker {
  let armedAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;
  let immediate: NodeJS.Immediate | null = null;
  let closed = false;

  const disarm = (): void => {
    if (timer !== null) clearTimeout(timer);
    if (immediate !== null) clearImmediate(immediate);
    timer = null;
    immediate = null;
    armedAt = Number.POSITIVE_INFINITY;
  };
  const fire = (): void => {
    disarm();
    arm(onDue());
  };
  const arm = (at: MonoMs | null): void => {
    // A later deadline keeps the timer that runs: it fires early once instead of being set anew at every message.
    if (closed || at === null || at >= armedAt) return;
    disarm();
    armedAt = at;
    const waitMs = at - performance.now();
    if (waitMs <= 0) immediate = setImmediate(fire);
    else timer = setTimeout(fire, Math.min(Math.ceil(waitMs), WAIT_MS_MAX));
  };
  return {
    arm,
    close: () => {
      closed = true;
      disarm();
    },
  };
}
