// Non-INVITE client transaction: RFC 3261 §17.1.2. CANCELs are such transactions too, owned by the
// core.
//
//   trying ---1xx---> proceeding ---2xx-6xx---> completed ---K---> terminated
//      \______________2xx-6xx__________________/
//   F or a send error in trying and proceeding: terminated
import type { ClientTxnId } from '../../base/index.ts';
import { Transaction, backedOffMs, lifetimeMs } from './transaction.ts';
import type { TimerSlot, TransactionHost, TransactionIdentity } from './transaction.ts';

export type NonInviteClientState = 'trying' | 'proceeding' | 'completed' | 'terminated';

export class NonInviteClient extends Transaction {
  readonly kind = 'nonInviteClient';
  /** The user's number; null for a CANCEL, which the user doesn't see. */
  readonly user: ClientTxnId | null;
  readonly #host: TransactionHost<NonInviteClient>;
  #state: NonInviteClientState = 'trying';
  /** The request while it may be sent again. */
  #bytes: Buffer | null = null;
  #intervalMs = 0;

  constructor(
    identity: TransactionIdentity,
    options: { user: ClientTxnId | null; host: TransactionHost<NonInviteClient> },
  ) {
    super(identity);
    this.user = options.user;
    this.#host = options.host;
  }

  get state(): NonInviteClientState {
    return this.#state;
  }

  /** Sends the request: timer F, and timer E where messages get lost. */
  start(bytes: Buffer): void {
    this.#host.transmit(this, bytes);
    this.#host.arm(this, 'expiry', lifetimeMs(this.#host.timings));
    if (this.reliable) return;
    this.#bytes = bytes;
    this.#intervalMs = this.#host.timings.t1Ms;
    this.#host.arm(this, 'repeat', this.#intervalMs);
  }

  /** Whether `receive` would hand this response up, so that the core reads it whole only then. */
  wants(status: number): boolean {
    return this.#isOpen && status > 100;
  }

  /**
   * Takes a response. @returns true when it is the user's: a provisional above 100 or the first
   * final.
   */
  receive(status: number): boolean {
    if (!this.#isOpen) return false;
    if (status < 200) {
      // Timer E runs on: an unreliable path still needs the request repeated, now every T2.
      this.#state = 'proceeding';
      return status > 100;
    }
    this.#bytes = null;
    this.#host.disarm(this, 'repeat');
    if (this.reliable) {
      this.#end('done');
    } else {
      this.#state = 'completed';
      this.#host.arm(this, 'expiry', this.#host.timings.t4Ms);
    }
    return true;
  }

  /** The transport could not deliver the request. */
  handleSendFailed(): void {
    if (this.#isOpen) this.#end('transport');
  }

  override handleTimer(slot: TimerSlot): void {
    if (slot === 'expiry') {
      this.#end(this.#isOpen ? 'timeout' : 'done');
      return;
    }
    if (this.#bytes === null) return;
    this.#host.transmit(this, this.#bytes);
    const { timings } = this.#host;
    this.#intervalMs =
      this.#state === 'proceeding' ? timings.t2Ms : backedOffMs(this.#intervalMs, timings);
    this.#host.arm(this, 'repeat', this.#intervalMs);
  }

  get #isOpen(): boolean {
    return this.#state === 'trying' || this.#state === 'proceeding';
  }

  #end(why: 'done' | 'timeout' | 'transport'): void {
    this.#state = 'terminated';
    this.#bytes = null;
    this.#host.ended(this, why);
  }
}
