// Every timer of a core on one hierarchical wheel: scheduling, cancelling and firing are O(1), and
// a timer costs four numbers in typed arrays, so a hundred thousand transactions don't make the
// garbage collector walk a hundred thousand timer objects. The wheel has no clock: it is told the
// time.
//
//   level 0   256 slots of 10 ms       the next 2.56 s
//   level 1    64 slots of 2.56 s      the next 163.84 s
//   level 2    64 slots of 163.84 s    the next 2.9 h
//   level 3    64 slots of 2.9 h       the next 7.7 days; later timers wait in the last slot and
// are placed again
//
// A timer stands in the finest level that reaches its tick. When the time enters a coarse slot, its
// timers move to finer levels, so each timer moves at most three times.
import { monoMs } from '../base/index.ts';
import type { MonoMs } from '../base/index.ts';

/**
 * Names a scheduled timer. Carries a generation: a handle that fired or was cancelled never hits
 * another.
 */
export type TimerHandle = number;

/** A handle that names no timer; cancelling it does nothing. */
export const NO_TIMER: TimerHandle = -1;

/**
 * Resolution of the wheel, milliseconds. A timer fires at the first multiple of it that isn't
 * early.
 */
export const TICK_MS = 10;

const NONE = -1;
const LEVELS = 4;
/** Ticks in one slot of each level. */
const SLOT_TICKS = [1, 256, 256 * 64, 256 * 64 * 64] as const;
const SLOT_COUNTS = [256, 64, 64, 64] as const;
/**
 * Where each level's slots begin in the slot arrays; a multiple of 32 so that bitmap words are a
 * level's own.
 */
const SLOT_BASES = [0, 256, 320, 384] as const;
const SLOTS_TOTAL = 448;

/** Handles are generation * HANDLE_SPAN + node; both halves stay exact in a double. */
const HANDLE_SPAN = 2 ** 26;
const NODES_FIRST = 256;

export class TimerWheel {
  /** Doubly linked lists of nodes, one per slot; `#next` also chains the free nodes. */
  #next = new Int32Array(NODES_FIRST);
  #previous = new Int32Array(NODES_FIRST);
  /** Slot a node stands in; NONE while free. */
  #slot = new Int32Array(NODES_FIRST);
  #generation = new Int32Array(NODES_FIRST);
  #dueTick = new Float64Array(NODES_FIRST);
  #id = new Float64Array(NODES_FIRST);
  #freeNode = NONE;

  readonly #head = new Int32Array(SLOTS_TOTAL).fill(NONE);
  readonly #tail = new Int32Array(SLOTS_TOTAL).fill(NONE);
  /**
   * Least due tick of a slot. Cancelling doesn't raise it, so a deadline may come early, never
   * late.
   */
  readonly #slotDue = new Float64Array(SLOTS_TOTAL).fill(Infinity);
  readonly #occupied = new Uint32Array(SLOTS_TOTAL / 32);

  /**
   * Every timer due before this tick has fired; coarse slots that began at or before it are empty.
   */
  #currentTick = 0;
  /** While firing: nothing may be scheduled at or before this tick, or expire() might never end. */
  #firingTick = -Infinity;
  #nextTick = Infinity;
  #nextTickIsStale = false;
  #size = 0;

  constructor() {
    this.#chainFree(0, NODES_FIRST);
  }

  /** Timers waiting. */
  get size(): number {
    return this.#size;
  }

  /**
   * When to call expire; null while no timer waits. Never later than the earliest timer; after a
   * cancellation it may be earlier, and expire then fires nothing.
   */
  get nextDeadline(): MonoMs | null {
    if (this.#size === 0) return null;
    if (this.#nextTickIsStale) this.#findNextTick();
    return monoMs(this.#nextTick * TICK_MS);
  }

  /**
   * Starts a timer.
   * @param delayMs from `now`; 0 or more, fractions allowed.
   * @param id      given back by expire; the caller's meaning, need not be unique.
   */
  schedule(now: MonoMs, delayMs: number, id: number): TimerHandle {
    const nowTick = Math.floor(now / TICK_MS);
    // An empty wheel owes nothing to the past, so it may jump without turning.
    if (this.#size === 0 && nowTick > this.#currentTick) this.#currentTick = nowTick;
    const earliest = Math.max(this.#currentTick, this.#firingTick + 1);
    const dueTick = Math.max(Math.ceil((now + delayMs) / TICK_MS), earliest);
    const node = this.#takeNode();
    this.#dueTick[node] = dueTick;
    this.#id[node] = id;
    this.#place(node, dueTick);
    this.#size += 1;
    if (this.#size === 1) {
      this.#nextTick = dueTick;
      this.#nextTickIsStale = false;
    } else if (dueTick < this.#nextTick) {
      this.#nextTick = dueTick;
    }
    return at(this.#generation, node) * HANDLE_SPAN + node;
  }

  /** Stops a timer. A handle that fired, was cancelled or is NO_TIMER is ignored. */
  cancel(handle: TimerHandle): void {
    if (handle < 0) return;
    const node = handle % HANDLE_SPAN;
    if (node >= this.#slot.length || at(this.#slot, node) === NONE) return;
    if (at(this.#generation, node) !== Math.floor(handle / HANDLE_SPAN)) return;
    const dueTick = at(this.#dueTick, node);
    this.#unlink(node);
    this.#releaseNode(node);
    if (dueTick <= this.#nextTick) this.#nextTickIsStale = true;
  }

  /**
   * Fires every timer due at or before `now`, tick by tick. `fire` may schedule and cancel; what it
   * schedules is due after `now` at the earliest. A timer cancelled by an earlier one's `fire`
   * stays silent.
   */
  expire(now: MonoMs, fire: (id: number) => void): void {
    const nowTick = Math.floor(now / TICK_MS);
    if (nowTick < this.#currentTick) return;
    this.#firingTick = nowTick;
    for (;;) {
      const tick = this.#nextEventTick();
      if (tick > nowTick) break;
      this.#currentTick = tick;
      for (let level = LEVELS - 1; level > 0; level -= 1) this.#moveToFiner(level);
      this.#fireSlot(tick % SLOT_COUNTS[0], fire);
    }
    this.#currentTick = nowTick;
    this.#firingTick = -Infinity;
    this.#nextTickIsStale = true;
  }

  #fireSlot(slot: number, fire: (id: number) => void): void {
    for (let node = at(this.#head, slot); node !== NONE; node = at(this.#head, slot)) {
      const id = at(this.#id, node);
      this.#unlink(node);
      this.#releaseNode(node);
      fire(id);
    }
  }

  /** Places the timers of this level's current slot again, now that a finer level reaches them. */
  #moveToFiner(level: number): void {
    const slotTicks = at(SLOT_TICKS, level);
    if (this.#currentTick % slotTicks !== 0) return;
    const slot =
      at(SLOT_BASES, level) + (Math.floor(this.#currentTick / slotTicks) % at(SLOT_COUNTS, level));
    let node = at(this.#head, slot);
    this.#clearSlot(slot);
    while (node !== NONE) {
      const following = at(this.#next, node);
      this.#place(node, at(this.#dueTick, node));
      node = following;
    }
  }

  /** Links a node at the end of the slot that its due tick belongs to. */
  #place(node: number, dueTick: number): void {
    let level = 0;
    while (level < LEVELS - 1 && this.#slotDistance(level, dueTick) >= at(SLOT_COUNTS, level)) {
      level += 1;
    }
    const slotTicks = at(SLOT_TICKS, level);
    const count = at(SLOT_COUNTS, level);
    // Beyond the last level's reach: wait in its farthest slot and be placed again from there.
    const distance = this.#slotDistance(level, dueTick);
    const slotNumber = Math.floor(this.#currentTick / slotTicks) + Math.min(distance, count - 1);
    const slot = at(SLOT_BASES, level) + (slotNumber % count);
    const tail = at(this.#tail, slot);
    this.#next[node] = NONE;
    this.#previous[node] = tail;
    this.#slot[node] = slot;
    if (tail === NONE) {
      this.#head[slot] = node;
      this.#occupied[slot >>> 5] = at(this.#occupied, slot >>> 5) | (1 << (slot & 31));
    } else {
      this.#next[tail] = node;
    }
    this.#tail[slot] = node;
    // A timer that only waits in this slot must not hide nearer ones in the slots after it.
    const wakeTick = distance < count ? dueTick : slotNumber * slotTicks;
    if (wakeTick < at(this.#slotDue, slot)) this.#slotDue[slot] = wakeTick;
  }

  #slotDistance(level: number, dueTick: number): number {
    const slotTicks = at(SLOT_TICKS, level);
    return Math.floor(dueTick / slotTicks) - Math.floor(this.#currentTick / slotTicks);
  }

  #unlink(node: number): void {
    const slot = at(this.#slot, node);
    const next = at(this.#next, node);
    const previous = at(this.#previous, node);
    if (previous === NONE) this.#head[slot] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail[slot] = previous;
    else this.#previous[next] = previous;
    if (at(this.#head, slot) === NONE) this.#clearSlot(slot);
  }

  #clearSlot(slot: number): void {
    this.#head[slot] = NONE;
    this.#tail[slot] = NONE;
    this.#slotDue[slot] = Infinity;
    this.#occupied[slot >>> 5] = at(this.#occupied, slot >>> 5) & ~(1 << (slot & 31));
  }

  /**
   * The tick at which expire next has work: a timer due, or a coarse slot to move to finer levels.
   */
  #nextEventTick(): number {
    let least = Infinity;
    for (let level = 0; level < LEVELS; level += 1) {
      const distance = this.#firstOccupied(level);
      if (distance === NONE) continue;
      const slotTicks = at(SLOT_TICKS, level);
      least = Math.min(least, (Math.floor(this.#currentTick / slotTicks) + distance) * slotTicks);
    }
    return least;
  }

  /**
   * Within a level slots stand in order of time, so the first occupied one holds the level's least.
   */
  #findNextTick(): void {
    let least = Infinity;
    for (let level = 0; level < LEVELS; level += 1) {
      const distance = this.#firstOccupied(level);
      if (distance === NONE) continue;
      const count = at(SLOT_COUNTS, level);
      const current = Math.floor(this.#currentTick / at(SLOT_TICKS, level));
      const slot = at(SLOT_BASES, level) + ((current + distance) % count);
      least = Math.min(least, at(this.#slotDue, slot));
    }
    this.#nextTick = least;
    this.#nextTickIsStale = false;
  }

  /**
   * Slots from the current one to the first occupied one of a level; NONE when the level is empty.
   */
  #firstOccupied(level: number): number {
    const base = at(SLOT_BASES, level);
    const count = at(SLOT_COUNTS, level);
    const start = Math.floor(this.#currentTick / at(SLOT_TICKS, level)) % count;
    const words = count >>> 5;
    const firstWord = base >>> 5;
    // The first word is visited twice: its bits from `start` on, and at the end those before
    // `start`.
    for (let step = 0; step <= words; step += 1) {
      const index = ((start >>> 5) + step) % words;
      let bits = at(this.#occupied, firstWord + index);
      if (step === 0) bits &= -1 << (start & 31);
      else if (step === words) bits &= ~(-1 << (start & 31));
      if (bits === 0) continue;
      const found = index * 32 + (31 - Math.clz32(bits & -bits));
      return (found - start + count) % count;
    }
    return NONE;
  }

  #takeNode(): number {
    if (this.#freeNode === NONE) this.#grow();
    const node = this.#freeNode;
    this.#freeNode = at(this.#next, node);
    return node;
  }

  #releaseNode(node: number): void {
    this.#slot[node] = NONE;
    this.#generation[node] = (at(this.#generation, node) + 1) & 0x3ff_ffff;
    this.#next[node] = this.#freeNode;
    this.#freeNode = node;
    this.#size -= 1;
  }

  /** Doubles the pool; the only place that allocates after construction. */
  #grow(): void {
    const before = this.#next.length;
    const nodes = before * 2;
    if (nodes > HANDLE_SPAN) throw new Error(`timer wheel is full: ${before} timers`);
    this.#next = grown(this.#next, new Int32Array(nodes));
    this.#previous = grown(this.#previous, new Int32Array(nodes));
    this.#slot = grown(this.#slot, new Int32Array(nodes));
    this.#generation = grown(this.#generation, new Int32Array(nodes));
    this.#dueTick = grown(this.#dueTick, new Float64Array(nodes));
    this.#id = grown(this.#id, new Float64Array(nodes));
    this.#chainFree(before, nodes);
  }

  #chainFree(from: number, to: number): void {
    for (let node = from; node < to; node += 1) {
      this.#slot[node] = NONE;
      this.#next[node] = node + 1 < to ? node + 1 : NONE;
    }
    this.#freeNode = from;
  }
}

/** Reads an element whose index is known to be in range; the type system can't know that. */
function at(list: ArrayLike<number>, index: number): number {
  return list[index] ?? NONE;
}

function grown<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
