// The clocks, and the one timer that drives a core: cores only say when they want to be called.
import { monoMs, epochMs, type MonoMs, type Now } from '../base/index.ts';

// Far below the 2^31 ms at which setTimeout turns into "at once"; a longer wait is armed again.
const WAIT_MS_MAX = 3_600_000;

/** A timer that comes later than this met an event loop that was held up: what peers said meanwhile stands unread. */
const LATE_MS = 20;
/** libuv reads so many datagrams from one socket in a round; with as many inputs there are likely more. */
const ROUND_INPUTS = 32;
/** T1 of RFC 3261: who is short of time for good must repeat its requests as well. */
const READ_FIRST_MS_MAX = 500;

/** Both clocks of this moment. */
export function systemNow(): Now {
  return { mono: monoMs(performance.now()), epoch: epochMs(Date.now()) };
}

/** One timer for many deadlines. */
export interface Ticker {
  /** Says when `onDue` is wanted; null = not at all. To be called after each input; it's cheap, and counts them. */
  arm(at: MonoMs | null): void;
  /** No further `onDue`. Twice is fine. */
  close(): void;
}

/**
 * Makes a ticker. `onDue` may be called a little before or after the armed instant, and without any deadline being
 * due (a later one replaced it): it must look for itself and return the next deadline.
 *
 * An event loop that was held up runs its timers before it reads its sockets, and would so repeat requests whose answers
 * have long come. So a ticker that is late first lets the sockets be read, for half a second at most.
 */
export function createTicker(onDue: () => MonoMs | null): Ticker {
  let armedAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;
  let immediate: NodeJS.Immediate | null = null;
  let closed = false;
  /** Since when what is due waits for the sockets to be read; null while nothing does. */
  let readingSince: number | null = null;
  let inputs = 0;

  const disarm = (): void => {
    if (timer !== null) clearTimeout(timer);
    if (immediate !== null) clearImmediate(immediate);
    timer = null;
    immediate = null;
    armedAt = Number.POSITIVE_INFINITY;
  };
  const mustReadFirst = (now: number): boolean => {
    if (readingSince === null) {
      if (now - armedAt <= LATE_MS) return false;
      readingSince = now;
      return true;
    }
    if (inputs >= ROUND_INPUTS && now - readingSince < READ_FIRST_MS_MAX) return true;
    readingSince = null;
    return false;
  };
  const fire = (): void => {
    if (mustReadFirst(performance.now())) {
      inputs = 0;
      timer = null;
      // The loop reads every socket once before it comes to this.
      immediate = setImmediate(fire);
      return;
    }
    disarm();
    arm(onDue());
  };
  const arm = (at: MonoMs | null): void => {
    inputs += 1;
    if (readingSince !== null) return;
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
