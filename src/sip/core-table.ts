// What both sides of the SIP core share: the moment being handled, the outputs collected, the
// transactions alive by number, and their timers on one wheel.
import type { MonoMs } from '../base/index.ts';
import { NO_TIMER, TimerWheel } from './timer-wheel.ts';
import type { InviteClient } from './transaction/invite-client.ts';
import type { InviteServer } from './transaction/invite-server.ts';
import type { NonInviteClient } from './transaction/non-invite-client.ts';
import type { NonInviteServer } from './transaction/non-invite-server.ts';
import type { TimerSlot, Timings, Transaction } from './transaction/transaction.ts';
import type { SipOutput } from './types.ts';

export type AnyTransaction = InviteClient | NonInviteClient | InviteServer | NonInviteServer;

/**
 * Part of the table kept for requests with a To tag, so that calls can still end when it is nearly full. Anyone can make a tag
 * up; those that name no dialog of the user's are dismissed with their answer and hold no place.
 */
const IN_DIALOG_RESERVE = 1 / 8;

export class TransactionTable {
  readonly timings: Timings;
  readonly #transactionsMax: number;
  readonly #newDialogMax: number;
  readonly #wheel = new TimerWheel();
  readonly #live = new Map<number, AnyTransaction>();
  #serial = 0;
  #now: MonoMs | null = null;
  #outputs: SipOutput[] = [];

  /** @param options.transactionsMax client and server transactions alive together; 1 or more. */
  constructor(options: { timings: Timings; transactionsMax: number }) {
    this.timings = options.timings;
    this.#transactionsMax = options.transactionsMax;
    this.#newDialogMax = Math.ceil(options.transactionsMax * (1 - IN_DIALOG_RESERVE));
  }

  get size(): number {
    return this.#live.size;
  }

  get timersCount(): number {
    return this.#wheel.size;
  }

  get nextDeadline(): MonoMs | null {
    return this.#wheel.nextDeadline;
  }

  /** Runs `work` at the moment `now` and gives back the outputs it emitted, in order. */
  collect(now: MonoMs, work: () => void): readonly SipOutput[] {
    if (this.#now !== null) throw new Error('the core was called from inside itself');
    this.#now = now;
    try {
      work();
      return this.#outputs;
    } finally {
      this.#now = null;
      this.#outputs = [];
    }
  }

  emit(output: SipOutput): void {
    this.#outputs.push(output);
  }

  /** Whether one more transaction has room; those inside a dialog may use the reserve. */
  hasRoom(options: { inDialog: boolean }): boolean {
    return this.#live.size < (options.inDialog ? this.#transactionsMax : this.#newDialogMax);
  }

  /** A number never used before. */
  nextSerial(): number {
    this.#serial += 1;
    return this.#serial;
  }

  add(txn: AnyTransaction): void {
    this.#live.set(txn.serial, txn);
  }

  /** Stops both timers and forgets the transaction. */
  remove(txn: AnyTransaction): void {
    this.disarm(txn, 'repeat');
    this.disarm(txn, 'expiry');
    this.#live.delete(txn.serial);
  }

  arm(txn: Transaction, slot: TimerSlot, delayMs: number): void {
    this.disarm(txn, slot);
    if (this.#now === null) throw new Error('a transaction armed a timer outside collect');
    // The wheel gives back one number: the transaction and, in the lowest bit, which of its timers.
    const id = txn.serial * 2 + (slot === 'repeat' ? 0 : 1);
    const handle = this.#wheel.schedule(this.#now, delayMs, id);
    if (slot === 'repeat') txn.repeatTimer = handle;
    else txn.expiryTimer = handle;
  }

  disarm(txn: Transaction, slot: TimerSlot): void {
    if (slot === 'repeat') {
      this.#wheel.cancel(txn.repeatTimer);
      txn.repeatTimer = NO_TIMER;
    } else {
      this.#wheel.cancel(txn.expiryTimer);
      txn.expiryTimer = NO_TIMER;
    }
  }

  /** Fires every timer due. Call inside collect. */
  expire(): void {
    if (this.#now === null) throw new Error('expire was called outside collect');
    this.#wheel.expire(this.#now, (id) => {
      const txn = this.#live.get(Math.floor(id / 2));
      txn?.handleTimer(id % 2 === 0 ? 'repeat' : 'expiry');
    });
  }
}
