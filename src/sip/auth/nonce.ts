// Nonces that need no memory until they are used, and the window that accepts each use of one once.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../../base/index.ts';

/** Bytes of the time in a nonce: milliseconds since 1970, unsigned. */
const TIME_BYTES = 6;
/** Bytes that make two nonces of one millisecond differ, drawn from a counter: uniqueness is enough, the MAC hides it. */
const SERIAL_BYTES = 4;
/** Bytes that say to whom it was given. */
const SOURCE_BYTES = 6;
const MAC_BYTES = 16;
const SIGNED_BYTES = TIME_BYTES + SERIAL_BYTES + SOURCE_BYTES;
const NONCE_BYTES = SIGNED_BYTES + MAC_BYTES;

/** What one of our nonces says. */
export interface NonceFacts {
  readonly madeAt: number;
  /** The same for all nonces that were given to one source. */
  readonly source: string;
}

/** Makes nonces: base64url of time, serial, a mark of the source, and a MAC over these with the server's secret and realm. */
export class NonceMint {
  readonly #secret: Buffer;
  readonly #realm: string;
  #serial = 0;

  constructor(options: { readonly secret: Buffer; readonly realm: string }) {
    this.#secret = options.secret;
    this.#realm = options.realm;
  }

  /** @param source where it is sent to: whoever answers it has read mail of that address. */
  make(now: EpochMs, source: string): string {
    const bytes = Buffer.alloc(NONCE_BYTES);
    bytes.writeUIntBE(Math.trunc(now), 0, TIME_BYTES);
    bytes.writeUInt32BE(this.#serial, TIME_BYTES);
    this.#serial = (this.#serial + 1) >>> 0;
    createHash('sha256')
      .update(source)
      .digest()
      .copy(bytes, TIME_BYTES + SERIAL_BYTES, 0, SOURCE_BYTES);
    this.#mac(bytes).copy(bytes, SIGNED_BYTES);
    return bytes.toString('base64url');
  }

  /** What one of our nonces says; null for any other text. */
  read(nonce: string): NonceFacts | null {
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== NONCE_BYTES || bytes.toString('base64url') !== nonce) return null;
    if (!timingSafeEqual(this.#mac(bytes), bytes.subarray(SIGNED_BYTES))) return null;
    const source = bytes.toString('base64url', TIME_BYTES + SERIAL_BYTES, SIGNED_BYTES);
    return { madeAt: bytes.readUIntBE(0, TIME_BYTES), source };
  }

  #mac(bytes: Buffer): Buffer {
    const mac = createHmac('sha256', this.#secret).update(this.#realm).update('\0');
    return mac.update(bytes.subarray(0, SIGNED_BYTES)).digest().subarray(0, MAC_BYTES);
  }
}

/** Counts within this distance of the highest seen may still come late; 32 fit one number's bits. */
const WINDOW = 32;

interface Use {
  highest: number;
  /** Bit i: `highest - i` was seen. */
  seen: number;
  expiresAt: number;
}

export type UseVerdict = 'fresh' | 'repeated' | 'full';

/**
 * Remembers the counts (nc) used with each nonce, so that a captured answer is worth nothing (RFC 7616 §3.4). Requests
 * may overtake each other on UDP, hence a window. Only answers with right credentials are remembered.
 */
export class ReplayWindow {
  readonly #noncesMax: number;
  readonly #uses = new Map<string, Use>();

  constructor(noncesMax: number) {
    this.#noncesMax = noncesMax;
  }

  /** Nonces remembered: for counters. */
  get size(): number {
    return this.#uses.size;
  }

  /** Takes one use; `expiresAt` is when the nonce ends. `full` when no place is left: then nothing is accepted. */
  take(now: EpochMs, nonce: string, count: number, expiresAt: number): UseVerdict {
    const use = this.#uses.get(nonce);
    if (use === undefined) {
      if (this.#uses.size >= this.#noncesMax) this.#dropExpired(now);
      if (this.#uses.size >= this.#noncesMax) return 'full';
      this.#uses.set(nonce, { highest: count, seen: 1, expiresAt });
      return 'fresh';
    }
    const ahead = count - use.highest;
    if (ahead > 0) {
      use.seen = ahead >= WINDOW ? 1 : ((use.seen << ahead) | 1) >>> 0;
      use.highest = count;
      return 'fresh';
    }
    const bit = -ahead;
    if (bit >= WINDOW || ((use.seen >>> bit) & 1) === 1) return 'repeated';
    use.seen = (use.seen | (1 << bit)) >>> 0;
    return 'fresh';
  }

  /**
   * Drops expired nonces from the front. All live equally long and are first used about in the order they were made,
   * so the front is the oldest; one that isn't yet expired there delays the others by its lifetime at most.
   */
  #dropExpired(now: EpochMs): void {
    for (const [nonce, use] of this.#uses) {
      if (use.expiresAt > now) return;
      this.#uses.delete(nonce);
    }
  }
}
