// Nonces that need no memory until they are used, and the window that accepts each use of one once.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochMs } from '../../base/index.ts';

/** Bytes of the time in a nonce: milliseconds since 1970, unsigned. */
const TIME_BYTES = 6;
/** Bytes that number the nonces in the order they were made: never again the same, at a million a second for eight years. */
const SERIAL_BYTES = 6;
/** Bytes that say to whom it was given. */
const SOURCE_BYTES = 6;
const MAC_BYTES = 16;
const SIGNED_BYTES = TIME_BYTES + SERIAL_BYTES + SOURCE_BYTES;
const NONCE_BYTES = SIGNED_BYTES + MAC_BYTES;

/** What one of our nonces says. */
export interface NonceFacts {
  readonly madeAt: number;
  /** Higher than that of any nonce made before. */
  readonly serial: number;
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
    bytes.writeUIntBE(this.#serial, TIME_BYTES, SERIAL_BYTES);
    this.#serial += 1;
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
    const serial = bytes.readUIntBE(TIME_BYTES, SERIAL_BYTES);
    return { madeAt: bytes.readUIntBE(0, TIME_BYTES), serial, source };
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
}

export type UseVerdict = 'fresh' | 'repeated' | 'forgotten';

/**
 * Remembers the counts (nc) used with each nonce, so that a captured answer is worth nothing (RFC 7616 §3.4). Requests
 * may overtake each other on UDP, hence a window. Only answers with right credentials are remembered.
 *
 * When all places are taken, the nonce whose first use is longest ago gives way, and none made before it can be used for
 * the first time any more. Whoever fills the window shortens the time that challenges can be answered in, and shuts
 * nobody out: a nonce made since then is as good as ever.
 */
export class ReplayWindow {
  readonly #noncesMax: number;
  /** By serial, in the order of their first use. */
  readonly #uses = new Map<number, Use>();
  /** The highest serial ever given up. */
  #forgotten = -1;

  constructor(noncesMax: number) {
    this.#noncesMax = noncesMax;
  }

  /** Takes one use. `forgotten` when the nonce may have been used before and given up since: a new one is wanted. */
  take(serial: number, count: number): UseVerdict {
    const use = this.#uses.get(serial);
    if (use === undefined) {
      if (serial <= this.#forgotten) return 'forgotten';
      if (this.#uses.size >= this.#noncesMax) this.#giveUpOldest();
      this.#uses.set(serial, { highest: count, seen: 1 });
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

  #giveUpOldest(): void {
    const [oldest] = this.#uses.keys();
    if (oldest === undefined) return;
    this.#uses.delete(oldest);
    this.#forgotten = Math.max(this.#forgotten, oldest);
  }
}
