// The control plane's side: orders down, events up, counters from shared memory.
import { err, ok } from '../base/index.ts';
import type { CodedError, EndpointHandle, Result } from '../base/index.ts';
import { loadAddon } from './addon.ts';
import type { AddonAttachment } from './addon.ts';
import { EVENT_RECORD_BYTES } from './contract.gen.ts';
import { decodeEvents } from './events.ts';
import { OrderEncoder } from './orders.ts';
import { StatisticsReader } from './statistics.ts';
import type { NodeCounters, RelayTimes } from './statistics.ts';
import type { EndpointCounters, EngineEvent, EngineOrder, MediaEngine } from './types.ts';

/** Which host to join. */
export interface EngineRegion {
  /** As given to startHost. */
  readonly region: string;
  readonly runDir: string;
  /** A .node file to load instead of the installed addon; null = the installed one. */
  readonly addonPath?: string | null;
}

/** A joined engine. One thread of JavaScript owns it; whoever attached closes it. */
export interface EngineClient extends MediaEngine {
  /** False, and nothing taken: a full order ring (try again after the next events), a lost engine, or after close(). */
  submit(orders: readonly EngineOrder[]): boolean;
  /** Counters about a second old at most; null for a stale handle. Still answers after close(). */
  stats(handle: EndpointHandle): EndpointCounters | null;
  nodeCounters(): NodeCounters;
  /** How long packets took that were relayed since the host's start. */
  relayTimes(): RelayTimes;
  /** Gives the region free; the next client to attach finds every endpoint closed. Twice is fine. */
  close(): Promise<void>;
}

const DRAIN_BYTES = 512 * EVENT_RECORD_BYTES;

/**
 * Joins a running host. Blocks until its media threads have closed what an earlier client left open (normally under a
 * millisecond; 10 seconds at most).
 * @param onEvents called with what came, oldest first per media thread, on this thread and never from inside a call
 *                 of this object. `engineLost` is the last event ever.
 * @returns ENGINE_LOST when no live host of this build has the region or another client holds it.
 * @throws TypeError for values of the wrong type, Error when there is no addon for this machine.
 */
export function attachEngine(
  region: EngineRegion,
  onEvents: (events: readonly EngineEvent[]) => void,
): Result<EngineClient, CodedError> {
  const addon = loadAddon(region.addonPath ?? null);
  let engine: Attached | null = null;
  // The first wake-up comes by the event loop, so `engine` is set by then.
  const answer = addon.attach(region, (lost) => engine?.handleWake(lost));
  if (answer.code !== 'OK') return err({ code: 'ENGINE_LOST', message: answer.message });
  engine = new Attached(answer, onEvents);
  return ok(engine);
}

class Attached implements EngineClient {
  readonly #attachment: AddonAttachment;
  readonly #onEvents: (events: readonly EngineEvent[]) => void;
  readonly #statistics: StatisticsReader;
  readonly #encoder = new OrderEncoder();
  readonly #drained = new Uint8Array(DRAIN_BYTES);
  readonly #drainedView = new DataView(this.#drained.buffer);
  /** Closed by us, or lost. */
  #ended = false;

  constructor(attachment: AddonAttachment, onEvents: (events: readonly EngineEvent[]) => void) {
    this.#attachment = attachment;
    this.#onEvents = onEvents;
    this.#statistics = new StatisticsReader(attachment.statistics, attachment);
  }

  submit(orders: readonly EngineOrder[]): boolean {
    if (this.#ended) return false;
    return this.#attachment.client.submit(this.#encoder.encode(orders)) === orders.length;
  }

  stats(handle: EndpointHandle): EndpointCounters | null {
    return this.#statistics.endpoint(handle);
  }

  nodeCounters(): NodeCounters {
    return this.#statistics.node();
  }

  relayTimes(): RelayTimes {
    return this.#statistics.relayTimes();
  }

  close(): Promise<void> {
    this.#ended = true;
    this.#attachment.client.close();
    return Promise.resolve();
  }

  /** The addon's wake-up. All events are taken out before any is told, so that an exception can't lose the next wake-up. */
  handleWake(lost: boolean): void {
    if (this.#ended) return;
    const events: EngineEvent[] = [];
    for (;;) {
      const length = this.#attachment.client.drain(this.#drained);
      if (length === 0) break;
      decodeEvents(this.#drainedView, length, events);
    }
    if (lost) {
      this.#ended = true;
      events.push({ kind: 'engineLost' });
    }
    if (events.length > 0) this.#onEvents(events);
  }
}
