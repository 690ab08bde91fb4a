// Names to addresses for outgoing messages, with a small cache. SRV and NAPTR (RFC 3263) are not looked at here.
import dns from 'node:dns';
import { isIP } from 'node:net';

const ENTRIES_MAX = 1_000;
/** Callers waiting for one name; more are told that it failed. */
const WAITING_MAX = 1_000;
/** A name that doesn't resolve is not asked for again at once. */
const FAILURE_TTL_MS = 5_000;

type Waiting = (addresses: readonly string[]) => void;
interface Entry {
  readonly addresses: readonly string[];
  readonly until: number;
}

/** Whether an IP literal is of version 6: only those hold colons. Nothing is checked. */
export function isV6Literal(host: string): boolean {
  return host.includes(':');
}

/** Gives the addresses of a host name; calls back with an empty list when there are none. */
export type LookUp = (host: string, done: (addresses: readonly string[]) => void) => void;

/** The system's resolver, in its own order (RFC 6724). */
const systemLookUp: LookUp = (host, done) => {
  dns.lookup(host, { all: true, verbatim: true }, (error, found) => {
    done(error === null ? found.map(({ address }) => address) : []);
  });
};

/** One per transport. Holds no timers: entries age when looked at, the oldest goes when the table is full. */
export class AddressBook {
  readonly #ttlMs: number;
  readonly #lookUp: LookUp;
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Map<string, Waiting[]>();
  /** What was found for whoever asked by `findFor`, for as long as they live. */
  readonly #kept = new WeakMap<object, readonly string[]>();
  #lastLiteral = '';

  constructor(ttlMs: number, lookUp: LookUp = systemLookUp) {
    this.#ttlMs = ttlMs;
    this.#lookUp = lookUp;
  }

  /**
   * The addresses of `host`: itself when it is an IP literal, from the cache while fresh (both at once, before the
   * call returns), else when the resolver answers. Callers for one name are answered in their order.
   */
  find(host: string, done: (addresses: readonly string[]) => void): void {
    if (this.#isLiteral(host)) {
      done([host]);
      return;
    }
    const name = host.toLowerCase();
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) {
      if (waiting.length < WAITING_MAX) waiting.push(done);
      else done([]);
      return;
    }
    const known = this.#entries.get(name);
    if (known !== undefined && performance.now() < known.until) {
      done(known.addresses);
      return;
    }
    this.#waiting.set(name, [done]);
    this.#lookUp(name, (addresses) => this.#found(name, addresses));
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

  #found(name: string, addresses: readonly string[]): void {
    this.#entries.delete(name);
    if (this.#entries.size >= ENTRIES_MAX) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const lifeMs = addresses.length > 0 ? this.#ttlMs : Math.min(FAILURE_TTL_MS, this.#ttlMs);
    this.#entries.set(name, { addresses, until: performance.now() + lifeMs });
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.delete(name);
    for (const done of waiting) done(addresses);
  }
}
