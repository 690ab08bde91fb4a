// Counters read straight from shared memory, without a call into the addon. The media threads publish
// each endpoint about once a second and write its slot as a whole; the sequence number before and
// after tells a reader whether it saw one writing or two.
import type { EndpointHandle } from '../base/index.ts';
import {
  COUNTERS,
  ENDPOINT_SLOT_VALUES,
  HANDLE,
  NODE_COUNTERS,
  NODE_SLOT_VALUES,
  RELAY_TIME_BOUNDS_US,
} from './contract.gen.ts';
import { countersFrom } from './events.ts';
import type { EndpointCounters } from './types.ts';

/** Node-wide counters, all media threads together; `ticks` is the slowest thread's. */
export type NodeCounters = Readonly<Record<(typeof NODE_COUNTERS)[number], number>>;

/** How long packets took through the media threads, all together: samples. */
export interface RelayTimes {
  /** Samples in each bucket of RELAY_TIME_BOUNDS_US, and in one more for what lies beyond the last bound. */
  readonly counts: readonly number[];
  readonly sumUs: number;
}

/** A writer holds a slot for about 20 ns; longer means that it died in the middle. */
const READ_TRIES_MAX = 64;

export interface StatisticsShape {
  readonly threads: number;
  readonly slotsPerThread: number;
}

export class StatisticsReader {
  readonly #shape: StatisticsShape;
  readonly #values: Float64Array;
  readonly #words: BigInt64Array;

  constructor(buffer: ArrayBuffer, shape: StatisticsShape) {
    this.#shape = shape;
    this.#values = new Float64Array(buffer);
    this.#words = new BigInt64Array(buffer);
  }

  /** The endpoint's counters as last published; null when the handle is stale or the slot unreadable. */
  endpoint(handle: EndpointHandle): EndpointCounters | null {
    const thread = handle >>> (32 - HANDLE.threadBits);
    const slot = handle & (2 ** HANDLE.slotBits - 1);
    if (thread >= this.#shape.threads || slot >= this.#shape.slotsPerThread) return null;
    const index = thread * this.#shape.slotsPerThread + slot;
    const at = this.#shape.threads * NODE_SLOT_VALUES + index * ENDPOINT_SLOT_VALUES;
    const values = this.#read(at, 1 + COUNTERS.length);
    if (values === null || values[0] !== handle) return null;
    return countersFrom((counter) => values[1 + counter] ?? 0);
  }

  /** Sums over the media threads; a thread whose slot is unreadable counts as zeroes. */
  node(): NodeCounters {
    const threads = this.#nodeSlots();
    const combine = (name: string, index: number): number => {
      const values = threads.map((thread) => thread[index] ?? 0);
      return name === 'ticks' ? Math.min(...values) : values.reduce((sum, value) => sum + value, 0);
    };
    return Object.fromEntries(
      NODE_COUNTERS.map((name, index) => [name, combine(name, index)]),
    ) as NodeCounters;
  }

  /** As node() has it. */
  relayTimes(): RelayTimes {
    const threads = this.#nodeSlots();
    const sumOf = (index: number): number =>
      threads.reduce((sum, thread) => sum + (thread[NODE_COUNTERS.length + index] ?? 0), 0);
    const buckets = RELAY_TIME_BOUNDS_US.length + 1;
    return {
      counts: Array.from({ length: buckets }, (_, index) => sumOf(index)),
      sumUs: sumOf(buckets),
    };
  }

  /** For each media thread its counters and after them its relay times; nothing where a slot is unreadable. */
  #nodeSlots(): readonly (readonly number[])[] {
    const count = NODE_COUNTERS.length + RELAY_TIME_BOUNDS_US.length + 2;
    return Array.from(
      { length: this.#shape.threads },
      (_, thread) => this.#read(thread * NODE_SLOT_VALUES, count) ?? [],
    );
  }

  /** `count` values of the slot that begins at `at` with its sequence number. */
  #read(at: number, count: number): readonly number[] | null {
    for (let tries = 0; tries < READ_TRIES_MAX; tries += 1) {
      // Atomics, so that neither read of the number can be moved or left out by the compiler.
      const before = Atomics.load(this.#words, at);
      const sequence = this.#values[at] ?? 1;
      const values = Array.from(this.#values.subarray(at + 1, at + 1 + count));
      if (Atomics.load(this.#words, at) === before && sequence % 2 === 0) return values;
    }
    return null;
  }
}
