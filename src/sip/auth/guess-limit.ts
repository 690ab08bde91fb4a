// Whose answers to challenges are not looked at for a while, because too many in a row were wrong.
import { createHash } from 'node:crypto';
import type { EpochMs } from '../../base/index.ts';

/** Wrong answers in a row that are still taken for mistakes. */
export const GUESSES_MAX = 10;
/** The first wait; each further wrong answer doubles it. */
export const GUESS_BACK_OFF_MS = 2_000;
export const GUESS_BACK_OFF_MS_MAX = 300_000;
/** Longer than the longest wait: who has been silent for so long begins anew. */
const FORGOTTEN_MS = 900_000;
const ENTRIES_MAX = 10_000;

interface Guesses {
  wrong: number;
  lastAt: EpochMs;
  /** Null while its answers are looked at. */
  until: number | null;
}

/**
 * One per digest server. Counts by who was challenged and whom he says he is: by the address alone one line with an old password
 * would shut out its whole office, by the name alone anyone could shut anyone out. Whether the name exists makes no difference,
 * so that nobody learns which do. Bounded: of too many the longest silent is forgotten, which costs a guesser 10,000 other
 * guesses.
 */
export class GuessLimit {
  /** Oldest first. */
  readonly #guesses = new Map<string, Guesses>();

  /** Who is counted. @param source a short name of where the challenge went. */
  keyOf(source: string, username: string): string {
    return createHash('sha256').update(`${source}\n${username}`).digest('base64url');
  }

  isBlocked(now: EpochMs, key: string): boolean {
    const until = this.#guesses.get(key)?.until ?? null;
    // A clock that was set back must not make the wait longer than it ever is.
    return until !== null && until > now && until - now <= GUESS_BACK_OFF_MS_MAX;
  }

  wrong(now: EpochMs, key: string): void {
    const known = this.#guesses.get(key);
    const count = known === undefined || now - known.lastAt >= FORGOTTEN_MS ? 1 : known.wrong + 1;
    const doublings = count - GUESSES_MAX;
    const waitMs = Math.min(GUESS_BACK_OFF_MS * 2 ** doublings, GUESS_BACK_OFF_MS_MAX);
    this.#guesses.delete(key);
    this.#guesses.set(key, {
      wrong: count,
      lastAt: now,
      until: doublings < 0 ? null : now + waitMs,
    });
    const [oldest] = this.#guesses.keys();
    if (this.#guesses.size > ENTRIES_MAX && oldest !== undefined) this.#guesses.delete(oldest);
  }

  right(key: string): void {
    this.#guesses.delete(key);
  }
}
