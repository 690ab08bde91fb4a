// Simulated time: things happen at instants, in order, and nothing in between.
import type { MonoMs, Now } from '../../src/base/index.ts';
import { epochMs, monoMs } from '../../src/base/index.ts';

const EPOCH_START = Date.UTC(2026, 0, 1);

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class SimClock {
  #now = 0;
  #order = 0;
  readonly #heap: Due[] = [];

  get now(): Now {
    return { mono: monoMs(this.#now), epoch: epochMs(EPOCH_START + this.#now) };
  }

  get mono(): MonoMs {
    return monoMs(this.#now);
  }

  /** Things that are still to happen. */
  get waiting(): number {
    return this.#heap.length;
  }

  /** Runs `run` at `at`, not before now; things of one instant happen in the order they were asked for. */
  at(at: number, run: () => void): void {
    this.#order += 1;
    this.#push({ at: Math.max(at, this.#now), order: this.#order, run });
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#now + delayMs, run);
  }

  /** Lets the next thing happen. @returns false when there is none at or before `until`. */
  step(until: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.at > until) return false;
    this.#pop();
    this.#now = next.at;
    next.run();
    return true;
  }

  /** Stands at `at` with nothing left to happen before it. */
  runUntil(at: number): void {
    while (this.step(at));
    this.#now = Math.max(this.#now, at);
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(due, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      let least = last;
      let at = index;
      for (const child of [left, left + 1]) {
        const candidate = heap[child];
        if (candidate !== undefined && before(candidate, least)) {
          least = candidate;
          at = child;
        }
      }
      if (at === index) break;
      heap[index] = least;
      index = at;
    }
    heap[index] = last;
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
