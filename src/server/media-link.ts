// The control process's hold on the media process: attaches, passes orders and events, and attaches again when it was replaced.
import type { CodedError, Log, Result } from '../base/index.ts';
import { ok } from '../base/index.ts';
import type { EngineClient, EngineEvent, EngineOrder } from '../engine/index.ts';
import type { MediaPlace } from './family.ts';

/** Orders that wait for room in the engine's ring before the engine is given up. */
export const ORDERS_WAITING_MAX = 65_536;

/** Orders in one hand-over; well below the engine's ring, which takes a batch whole or not at all. */
export const BATCH_ORDERS = 512;

/** A full ring is looked at again so soon: a media thread empties it in far less, and a turn of the loop would spin. */
const RETRY_MS = 1;

/** How often the media threads' pulse is felt, and how often in a row it may be missing: 5 s without audio are enough. */
export const PULSE_EVERY_MS = 1_000;
export const PULSES_MISSED_MAX = 5;

/** What a link is made from. `onEvent` and `onReady` are never called from inside `submit`. */
export interface MediaLinkOptions {
  /** Joins a media process; see attachEngine. */
  readonly attach: (
    place: MediaPlace,
    onEvents: (events: readonly EngineEvent[]) => void,
  ) => Result<EngineClient, CodedError>;
  readonly log: Log;
  readonly onEvent: (event: EngineEvent) => void;
  /** Whether orders are taken: true after each attach, false before `engineLost` is told. */
  readonly onReady: (ready: boolean) => void;
  /** The media process of this region lives but takes no orders or does nothing; it must be replaced. Told after it was given up. */
  readonly onStuck: (region: string) => void;
}

/** One media process after another, seen as one engine. */
export class MediaLink {
  readonly #options: MediaLinkOptions;
  #client: EngineClient | null = null;
  /** Of the process joined last. */
  #region = '';
  #waiting: EngineOrder[] = [];
  #flushPlanned = false;
  /** Ticks of the slowest media thread at the last pulse, and how often they stood still since they last moved. */
  #ticks = 0;
  #pulsesMissed = 0;

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

  /**
   * Joins a media process that is ready. One joined before is lost by that, if nobody noticed yet: its calls are ended.
   * @returns ENGINE_LOST when its region is not there or not ours, or when its threads don’t answer. Then it is told as stuck: a
   *          process that was stopped before anyone joined it would otherwise stay for ever, as only a joined one’s pulse is felt.
   */
  attach(place: MediaPlace): Result<void, CodedError> {
    if (this.#client !== null) this.#lose(this.#client);
    let client: EngineClient | null = null;
    // Events of a client that was replaced speak of handles that may mean something else by now.
    const attached = this.#options.attach(place, (events) => {
      if (client !== null && client === this.#client) this.#onEvents(client, events);
    });
    if (!attached.ok) {
      this.#options.onStuck(place.region);
      return attached;
    }
    client = attached.value;
    this.#client = client;
    this.#region = place.region;
    this.#pulsesMissed = 0;
    this.#options.onReady(true);
    return ok(undefined);
  }

  /**
   * Passes orders on at the end of this turn of the event loop: each hand-over wakes a media thread, so the orders of all messages
   * that came together go together. Without a media process they are dropped: its calls have been ended, nobody waits for answers.
   */
  submit(orders: readonly EngineOrder[]): void {
    if (this.#client === null) return;
    this.#waiting.push(...orders);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => this.#flush());
  }

  /**
   * Feels the media threads' pulse; due every PULSE_EVERY_MS. A process that is stopped or spins takes orders for a
   * long time and answers none, so a full ring is no sign to wait for.
   */
  feelPulse(): void {
    const client = this.#client;
    if (client === null) return;
    const { ticks } = client.nodeCounters();
    this.#pulsesMissed = ticks === this.#ticks ? this.#pulsesMissed + 1 : 0;
    this.#ticks = ticks;
    if (this.#pulsesMissed >= PULSES_MISSED_MAX)
      this.#giveUp(client, { pulsesMissed: this.#pulsesMissed });
  }

  /** Leaves the media process; nothing is told any more. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#waiting = [];
    await client?.close();
  }

  #onEvents(client: EngineClient, events: readonly EngineEvent[]): void {
    for (const event of events) {
      if (event.kind === 'engineLost') this.#lose(client);
      else this.#options.onEvent(event);
    }
  }

  #lose(client: EngineClient): void {
    this.#client = null;
    this.#waiting = [];
    void client.close();
    this.#options.onReady(false);
    this.#options.onEvent({ kind: 'engineLost' });
  }

  #giveUp(client: EngineClient, signs: Readonly<Record<string, unknown>>): void {
    const { log, onStuck } = this.#options;
    log.error(signs, 'media process lives but does nothing, giving it up');
    this.#lose(client);
    onStuck(this.#region);
  }

  // A full ring takes nothing: the rest waits, in order.
  #flush(): void {
    this.#flushPlanned = false;
    const client = this.#client;
    if (client === null || this.#waiting.length === 0) return;
    let taken = 0;
    while (taken < this.#waiting.length) {
      const batch = this.#waiting.slice(taken, taken + BATCH_ORDERS);
      if (!client.submit(batch)) break;
      taken += batch.length;
    }
    this.#waiting = this.#waiting.slice(taken);
    if (this.#waiting.length > ORDERS_WAITING_MAX) {
      this.#giveUp(client, { waiting: this.#waiting.length });
    } else if (this.#waiting.length > 0) {
      this.#flushPlanned = true;
      setTimeout(() => this.#flush(), RETRY_MS);
    }
  }
}
