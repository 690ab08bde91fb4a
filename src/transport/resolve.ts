// Names to addresses for outgoing messages, with a small cache. SRV and NAPTR (RFC 3263) are not looked at here.
import dns from 'node:dns';
import { isIP } from 'node:net';

const ENTRIES_MAX = 1_000;
/** Callers waiting for one name; more are told that it failed. */
const WAITING_MAX = 1_000;
/** A name that doesn't resolve is not asked for again at once. */
const FAILURE_TTL_MS = 5_000;
/** An old answer is better than none for so long (RFC 8767 §5). */
const STALE_MS_MAX = 3_600_000;
/** How long the resolver may take before an old answer is used: less than a gateway has to answer. */
const PATIENCE_MS = 1_000;

type Waiting = (addresses: readonly string[]) => void;
interface Entry {
  readonly addresses: readonly string[];
  until: number;
  /** When it is too old for any use; the same as `until` when there are no addresses. */
  readonly staleUntil: number;
  /** The resolver has failed since, or kept us waiting: this answer is used at once while it is asked again. */
  isAllWeHave: boolean;
}

/** Whether an IP literal is of version 6: only those hold colons. Nothing is checked. */
export function isV6Literal(host: string): boolean {
  return host.includes(':');
}

/** Gives the addresses of a host name; calls back with an empty list when there are none. */
export type LookUp = (host: string, done: (addresses: readonly string[]) => void) => void;

/** The system's resolver, in its own order (RFC 6724). Each look-up takes one of Node's few threads until it is answered. */
export const systemLookUp: LookUp = (host, done) => {
  dns.lookup(host, { all: true, verbatim: true }, (error, found) => {
    done(error === null ? found.map(({ address }) => address) : []);
  });
};

/**
 * A resolver that is asked for a few names at once. A few more wait; beyond these a name has no address, so that nobody waits for
 * long behind names that never resolve.
 */
export function fewAtOnce(
  lookUp: LookUp,
  { atOnce, waiting }: { readonly atOnce: number; readonly waiting: number },
): LookUp {
  const queue: (() => void)[] = [];
  let underWay = 0;
  return (host, done) => {
    const start = (): void => {
      underWay += 1;
      lookUp(host, (addresses) => {
        underWay -= 1;
        queue.shift()?.();
        done(addresses);
      });
    };
    if (underWay < atOnce) start();
    else if (queue.length < waiting) queue.push(start);
    else done([]);
  };
}

export interface AddressBookOptions {
  readonly ttlMs: number;
  readonly lookUp?: LookUp;
  /** PATIENCE_MS when left out. */
  readonly patienceMs?: number;
}

/** Entries age when looked at; the oldest goes when the table is full. */
export class AddressBook {
  readonly #ttlMs: number;
  readonly #lookUp: LookUp;
  readonly #patienceMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Map<string, Waiting[]>();
  /** What was found for whoever asked by `findFor`, for as long as they live. */
  readonly #kept = new WeakMap<object, readonly string[]>();
  #lastLiteral = '';

  constructor({ ttlMs, lookUp = systemLookUp, patienceMs = PATIENCE_MS }: AddressBookOptions) {
    this.#ttlMs = ttlMs;
    this.#lookUp = lookUp;
    this.#patienceMs = patienceMs;
  }

  /**
   * The addresses of `host`: itself when it is an IP literal, from the cache while fresh (both at once, before the
   * call returns), else when the resolver answers. Callers for one name are answered in their order. An answer of the last hour
   * stands in for one that doesn't come, and from then on until there is a new one.
   */
  find(host: string, done: (addresses: readonly string[]) => void): void {
    if (this.#isLiteral(host)) {
      done([host]);
      return;
    }
    const name = host.toLowerCase();
    const now = performance.now();
    const known = this.#entries.get(name);
    const waiting = this.#waiting.get(name);
    if (known !== undefined && now < (known.isAllWeHave ? known.staleUntil : known.until)) {
      if (now >= known.until && waiting === undefined) this.#ask(name, []);
      done(known.addresses);
    } else if (waiting === undefined) {
      this.#ask(name, [done]);
      if (known !== undefined && now < known.staleUntil) this.#waitBriefly(name, known);
    } else if (waiting.length < WAITING_MAX) waiting.push(done);
    else done([]);
  }

  /**
   * The same, and whatever is found stays so for `owner`: all messages of a transaction go to one address, whichever
   * the name has by then (RFC 3261 §9.1, §17.1.1.3).
   */
  findFor(owner: object, host: string, done: (addresses: readonly string[]) => void): void {
    const kept = this.#kept.get(owner);
    if (kept !== undefined) {
      done(kept);
      return;
    }
    this.find(host, (addresses) => {
      // Of several sends that waited for one answer the first keeps it; it is the same for all.
      if (addresses.length > 0 && !this.#isLiteral(host)) this.#kept.set(owner, addresses);
      done(addresses);
    });
  }

  /** Node tells literals by regular expressions; the last one is remembered, since most sends go where the last went. */
  #isLiteral(host: string): boolean {
    if (host === this.#lastLiteral) return true;
    if (isIP(host) === 0) return false;
    this.#lastLiteral = host;
    return true;
  }

  #ask(name: string, waiting: Waiting[]): void {
    this.#waiting.set(name, waiting);
    this.#lookUp(name, (addresses) => this.#found(name, addresses));
  }

  #waitBriefly(name: string, known: Entry): void {
    const use = (): void => {
      if (this.#entries.get(name) !== known || !this.#waiting.has(name)) return;
      known.isAllWeHave = true;
      const waiting = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, []);
      for (const done of waiting) done(known.addresses);
    };
    setTimeout(use, this.#patienceMs).unref();
  }

  #found(name: string, answer: readonly string[]): void {
    const now = performance.now();
    const known = this.#entries.get(name);
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    if (answer.length === 0 && known !== undefined && now < known.staleUntil) {
      known.isAllWeHave = true;
      known.until = now + Math.min(FAILURE_TTL_MS, this.#ttlMs);
      for (const done of waiting) done(known.addresses);
      return;
    }
    this.#remember(name, answer, now);
    for (const done of waiting) done(answer);
  }

  #remember(name: string, addresses: readonly string[], now: number): void {
    this.#entries.delete(name);
    if (this.#entries.size >= ENTRIES_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const isFailure = addresses.length === 0;
    const until = now + (isFailure ? Math.min(FAILURE_TTL_MS, this.#ttlMs) : this.#ttlMs);
    const staleUntil = isFailure ? until : now + Math.max(STALE_MS_MAX, this.#ttlMs);
    this.#entries.set(name, { addresses, until, staleUntil, isAllWeHave: false });
  }
}
