// What the four transaction machines (RFC 3261 §17) have in common: a host that carries out their
// orders, two timers, and the derived durations. The machines know states and times; they know no
// message text, no matching keys and no wheel. Those are the core's.
import type { Flow, SendTarget } from '../../base/index.ts';
import { NO_TIMER } from '../timer-wheel.ts';
import type { TimerHandle } from '../timer-wheel.ts';

/** RFC 3261 §17.1.1.1 (T1), §17.1.2.2 (T2, T4); milliseconds. */
export interface Timings {
  /** Estimate of the round trip. */
  readonly t1Ms: number;
  /** Longest interval between retransmissions of non-INVITE requests and INVITE responses. */
  readonly t2Ms: number;
  /** Longest time a message stays in the network. */
  readonly t4Ms: number;
}

/** RFC 3261 table 4. */
export const RFC_TIMINGS: Timings = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 };

/** Timers B, F, H, J, L, M: how long a transaction is tried or its repeats are awaited. */
export function lifetimeMs(timings: Timings): number {
  return 64 * timings.t1Ms;
}

/** Timer D on unreliable transports: at least 32 s whatever T1 is (RFC 3261 §17.1.1.2). */
export function timerDMs(timings: Timings): number {
  return Math.max(32_000, lifetimeMs(timings));
}

/** The next interval of a capped retransmission timer: E, G and the repeats of a 2xx. */
export function backedOffMs(intervalMs: number, timings: Timings): number {
  return Math.min(intervalMs * 2, timings.t2Ms);
}

/**
 * A machine never needs more than two timers at once: one that repeats something (A, E, G, the
 * repeats of a 2xx, the automatic 100) and one that ends its state (B, D, F, H, I, J, K, L, M).
 */
export type TimerSlot = 'repeat' | 'expiry';

/**
 * Why a machine reached Terminated: 'done' as planned, 'timeout' B or F (or 64*T1 after a CANCEL),
 * 'transport' a send failed, 'ackMissing' 64*T1 after a 2xx without its ACK.
 */
export type EndReason = 'done' | 'timeout' | 'transport' | 'ackMissing';

/** Carries out what a machine orders; the client and the server side of the core implement it. */
export interface TransactionHost<T> {
  readonly timings: Timings;
  /** Sends to the transaction's own address. */
  transmit(txn: T, bytes: Buffer): void;
  /** Starts a timer, replacing the one in that slot. */
  arm(txn: T, slot: TimerSlot, delayMs: number): void;
  disarm(txn: T, slot: TimerSlot): void;
  /** Last order of a machine: stop its timers and forget it. */
  ended(txn: T, why: EndReason): void;
}

/** Identity, address and timer handles of a transaction. The machines extend it. */
export abstract class Transaction {
  /** The core's number; timers carry it. */
  readonly serial: number;
  /** Where everything the transaction sends goes. */
  readonly to: Flow | SendTarget;
  /** Matching key in the side's table; the core's. */
  readonly key: string;
  /** Handles in the core's wheel; written by the host alone. */
  repeatTimer: TimerHandle = NO_TIMER;
  expiryTimer: TimerHandle = NO_TIMER;

  constructor(identity: TransactionIdentity) {
    this.serial = identity.serial;
    this.to = identity.to;
    this.key = identity.key;
  }

  /**
   * True when the transport doesn't lose messages: retransmission timers are off, wait timers zero.
   */
  get reliable(): boolean {
    return this.to.transport !== 'udp';
  }

  /** A timer of this transaction fired. */
  abstract handleTimer(slot: TimerSlot): void;
}

export interface TransactionIdentity {
  readonly serial: number;
  readonly to: Flow | SendTarget;
  readonly key: string;
}

/**
 * A message kept for repeats. As latin1 text it is one small heap string, exact byte for byte; as a
 * Buffer it would hold the whole slab that Node cut it from, together with messages long forgotten.
 */
export type KeptMessage = string & { readonly kept: unique symbol };

export function keepMessage(bytes: Buffer): KeptMessage {
  return bytes.toString('latin1') as KeptMessage;
}

export function keptBytes(message: KeptMessage): Buffer {
  return Buffer.from(message, 'latin1');
}
