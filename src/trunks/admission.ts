// Who may start a call now: exact caps on calls and on calls a second, for the node and for every trunk.
//
// A call holds one channel of the trunk it came in on and one of the trunk it goes out on; a trunk that calls itself
// holds two. Nothing is queued: a call over a cap is refused at once with the cap's name and a wait. Since one process
// asks one Admission for every INVITE, the caps are never off by one.
import type { CodedError, ErrorCode, MonoMs, Result, TrunkId } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import { CallRate } from './call-rate.ts';
import type { Trunk } from './trunk.ts';

/** Caps of the whole node; `limits` of the settings fits. */
export interface NodeCaps {
  /** Calls at once, at least 0. */
  readonly calls: number;
  /** New calls a second, at least 1. */
  readonly cps: number;
}

/** A call that was let in. Whoever holds it gives it back by `release`; a second time does nothing. */
export interface Ticket {
  /** False once it was given back. */
  readonly held: boolean;
}

/** Calls at once and refusals of one trunk since the process started. */
export interface TrunkLoad {
  readonly trunkId: TrunkId;
  readonly channelsUsed: number;
  readonly channels: number;
  readonly cps: number;
  readonly refusedByChannels: number;
  readonly refusedByCps: number;
}

interface Counter {
  readonly trunkId: TrunkId;
  channels: number;
  channelsUsed: number;
  readonly rate: CallRate;
  refusedByChannels: number;
  refusedByCps: number;
  /** False once a reload dropped the trunk; the counter goes when its last channel is given back. */
  live: boolean;
}

class CallTicket implements Ticket {
  held = true;
  inbound: Counter | null;
  outbound: Counter | null = null;

  constructor(inbound: Counter | null) {
    this.inbound = inbound;
  }
}

// Nobody knows when a call will end, so a full channel says "soon" without making every caller come back at once.
const CHANNEL_RETRY_S = 5;

export class Admission {
  #caps: NodeCaps;
  #calls = 0;
  readonly #nodeRate: CallRate;
  readonly #counters = new Map<TrunkId, Counter>();

  constructor(caps: NodeCaps, trunks: readonly Trunk[]) {
    this.#caps = caps;
    this.#nodeRate = new CallRate(caps.cps);
    for (const trunk of trunks) this.#counters.set(trunk.id, newCounter(trunk));
  }

  /** Calls let in and not given back. */
  get calls(): number {
    return this.#calls;
  }

  /**
   * Lets a new call in, or says which cap refuses it. Takes a channel and a call of the rate of `trunkIn`, and a call
   * and a call of the rate of the node; a refusal takes nothing at all. O(1).
   * @param trunkIn where the call came from; null for a call the platform makes itself.
   * @returns CALL_LIMIT_REACHED, CPS_LIMIT_REACHED, TRUNK_AT_CAPACITY or TRUNK_CPS_EXCEEDED, each with retryAfterS.
   */
  tryAdmit(now: MonoMs, trunkIn: Trunk | null): Result<Ticket, CodedError> {
    const counter = trunkIn === null ? null : this.#counterOf(trunkIn);
    if (this.#calls >= this.#caps.calls) {
      return refusal(
        'CALL_LIMIT_REACHED',
        `limits.calls of ${this.#caps.calls} is reached`,
        CHANNEL_RETRY_S,
      );
    }
    const full = counter === null ? null : refuseByCounter(counter, now);
    if (full !== null) return full;
    const waitMs = this.#nodeRate.waitMs(now);
    if (waitMs > 0) {
      return refusal(
        'CPS_LIMIT_REACHED',
        `limits.cps of ${this.#caps.cps} is reached`,
        wholeSeconds(waitMs),
      );
    }
    this.#nodeRate.take(now);
    this.#calls += 1;
    if (counter !== null) occupy(counter, now);
    return ok(new CallTicket(counter));
  }

  /**
   * Takes a channel and a call of the rate of the trunk a call is about to go out on, giving back the one it held for
   * an earlier trunk. Further gateways of the same trunk need no second call: they are the same call.
   * @returns TRUNK_AT_CAPACITY or TRUNK_CPS_EXCEEDED with retryAfterS; the earlier trunk's channel stays held then,
   *          since its gateway may still be asked, and goes with the next trunk or the end of the call.
   */
  tryOutbound(now: MonoMs, ticket: Ticket, trunkOut: Trunk): Result<void, CodedError> {
    const held = opened(ticket);
    if (!held.held) throw new Error('a released ticket asked for an outbound channel');
    const counter = this.#counterOf(trunkOut);
    if (held.outbound === counter) return ok(undefined);
    const full = refuseByCounter(counter, now);
    if (full !== null) return full;
    this.#vacate(held.outbound);
    occupy(counter, now);
    held.outbound = counter;
    return ok(undefined);
  }

  /** Gives back everything the call holds. Harmless when done twice. */
  release(ticket: Ticket): void {
    const held = opened(ticket);
    if (!held.held) return;
    held.held = false;
    this.#calls -= 1;
    this.#vacate(held.inbound);
    this.#vacate(held.outbound);
    held.inbound = null;
    held.outbound = null;
  }

  /**
   * Takes over new caps and trunks of a reload. Calls stay counted: a cap lowered below what is up refuses new calls
   * until enough have ended, and ends none. A trunk that is gone keeps its count until its last call ends, so that
   * it can come back by the next reload without forgetting them.
   */
  update(now: MonoMs, caps: NodeCaps, trunks: readonly Trunk[]): void {
    this.#caps = caps;
    this.#nodeRate.setCps(now, caps.cps);
    for (const counter of this.#counters.values()) counter.live = false;
    for (const trunk of trunks) {
      const counter = this.#counters.get(trunk.id);
      if (counter === undefined) {
        this.#counters.set(trunk.id, newCounter(trunk));
        continue;
      }
      counter.live = true;
      counter.channels = trunk.channels;
      counter.rate.setCps(now, trunk.cps);
    }
    for (const counter of this.#counters.values()) this.#dropIfIdle(counter);
  }

  /** A snapshot for metrics and the API, one entry a trunk. */
  trunkLoads(): readonly TrunkLoad[] {
    return [...this.#counters.values()].map((counter) => ({
      trunkId: counter.trunkId,
      channelsUsed: counter.channelsUsed,
      channels: counter.channels,
      cps: counter.rate.cps,
      refusedByChannels: counter.refusedByChannels,
      refusedByCps: counter.refusedByCps,
    }));
  }

  // A call may still hold a Trunk of before a reload: its own counter is found by id, or made again.
  #counterOf(trunk: Trunk): Counter {
    const known = this.#counters.get(trunk.id);
    if (known !== undefined) return known;
    const counter = newCounter(trunk);
    counter.live = false;
    this.#counters.set(trunk.id, counter);
    return counter;
  }

  #vacate(counter: Counter | null): void {
    if (counter === null) return;
    counter.channelsUsed -= 1;
    this.#dropIfIdle(counter);
  }

  #dropIfIdle(counter: Counter): void {
    if (!counter.live && counter.channelsUsed === 0) this.#counters.delete(counter.trunkId);
  }
}

function newCounter(trunk: Trunk): Counter {
  return {
    trunkId: trunk.id,
    channels: trunk.channels,
    channelsUsed: 0,
    rate: new CallRate(trunk.cps),
    refusedByChannels: 0,
    refusedByCps: 0,
    live: true,
  };
}

function refuseByCounter(counter: Counter, now: MonoMs): Result<never, CodedError> | null {
  if (counter.channelsUsed >= counter.channels) {
    counter.refusedByChannels += 1;
    const message = `trunk ${counter.trunkId}: all ${counter.channels} channels are in use`;
    return refusal('TRUNK_AT_CAPACITY', message, CHANNEL_RETRY_S);
  }
  const waitMs = counter.rate.waitMs(now);
  if (waitMs > 0) {
    counter.refusedByCps += 1;
    const message = `trunk ${counter.trunkId}: cps of ${counter.rate.cps} is reached`;
    return refusal('TRUNK_CPS_EXCEEDED', message, wholeSeconds(waitMs));
  }
  return null;
}

function occupy(counter: Counter, now: MonoMs): void {
  counter.rate.take(now);
  counter.channelsUsed += 1;
}

function refusal(code: ErrorCode, message: string, retryAfterS: number): Result<never, CodedError> {
  return err({ code, message, retryAfterS });
}

/** Retry-After counts whole seconds and 0 would mean "at once" (RFC 3261 §20.33). */
function wholeSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}

// Tickets are made by tryAdmit alone; the public type hides what they hold.
function opened(ticket: Ticket): CallTicket {
  if (!(ticket instanceof CallTicket)) throw new Error('a ticket that no Admission made');
  return ticket;
}
