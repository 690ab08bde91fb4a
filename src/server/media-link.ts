// The control process's hold on the media process: attaches, passes orders and events, and attaches again when it was replaced.
import type { CodedError, EndpointHandle, Log, Result } from '../base/index.ts';
import { ok } from '../base/index.ts';
import type { EngineClient, EngineEvent, EngineOrder } from '../engine/index.ts';
import { attachEngine } from '../engine/index.ts';
import type { MediaPlace } from './family.ts';

/** Orders that wait for room in the engine's ring before calls are given up. */
const WAITING_MAX = 65_536;

/** Orders in one hand-over; well below the engine's ring. */
const BATCH_ORDERS = 512;

export interface MediaLinkOptions {
  readonly addonPath: string | null;
  readonly log: Log;
  readonly onEvent: (event: EngineEvent) => void;
  readonly onReady: (ready: boolean) => void;
}

export class MediaLink {
  readonly #options: MediaLinkOptions;
  #client: EngineClient | null = null;
  #waiting: EngineOrder[] = [];
  #flushing = false;

  constructor(options: MediaLinkOptions) {
    this.#options = options;
  }

  /** Whether a media process takes orders. */
  get ready(): boolean {
    return this.#client !== null;
  }

  /** The attached engine, for figures; null while there is none. */
  get client(): EngineClient | null {
    return this.#client;
  }

  /** Joins a media process that is ready. ENGINE_LOST when its region is not there or not ours. */
  attach(place: MediaPlace): Result<void, CodedError> {
    const attached = attachEngine(
      { ...place, addonPath: this.#options.addonPath },
      (events) => this.#onEvents(events),
    );
    if (!attached.ok) return attached;
    this.#client = attached.value;
    this.#options.onReady(true);
    return ok(undefined);
  }

  /**
   * Passes orders on at the end of this turn of the event loop: each hand-over wakes a media thread, so the orders of all messages
   * that came together go together. Without a media process they are dropped: its calls have been ended, nobody waits for answers.
   */
  submit(orders: readonly EngineOrder[]): void {
    if (this.#client === null) return;
    if (this.#waiting.length + orders.length > WAITING_MAX) {
      this.#options.log.error({ waiting: this.#waiting.length }, 'media process takes no orders, dropping it');
      this.#lost();
      return;
    }
    this.#waiting.push(...orders);
    this.#flushSoon();
  }

  /** Counters of one endpoint, read without a call; null when its handle is stale. */
  counters(endpoint: EndpointHandle): ReturnType<EngineClient['stats']> {
    return this.#client?.stats(endpoint) ?? null;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.close();
  }

  #onEvents(events: readonly EngineEvent[]): void {
    for (const event of events) {
      if (event.kind === 'engineLost') this.#lost();
      else this.#options.onEvent(event);
    }
  }

  #lost(): void {
    const client = this.#client;
    if (client === null) return;
    this.#client = null;
    this.#waiting = [];
    void client.close();
    this.#options.onReady(false);
    this.#options.onEvent({ kind: 'engineLost' });
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  // A full ring takes nothing: the rest waits for the next turn, in order.
  #flush(): void {
    const client = this.#client;
    if (client === null || this.#waiting.length === 0) return;
    let taken = 0;
    while (taken < this.#waiting.length) {
      const batch = this.#waiting.slice(taken, taken + BATCH_ORDERS);
      if (!client.submit(batch)) break;
      taken += batch.length;
    }
    this.#waiting = this.#waiting.slice(taken);
    if (this.#waiting.length > 0) this.#flushSoon();
  }
}
