// Non-INVITE server transaction: RFC 3261 §17.2.2 with RFC 4320: no provisional but 100, and that
// only once the client's timer E has reached T2; no 408, which would arrive when nobody waits for
// it.
//
//   trying ---100---> proceeding ---2xx-6xx---> completed ---J---> terminated
//      \______________2xx-6xx__________________/
//   64*T1 without a final answer: terminated, since the client has given up (timer F)
import { Transaction, keepMessage, keptBytes, lifetimeMs } from './transaction.ts';
import type {
  KeptMessage,
  TimerSlot,
  Timings,
  TransactionHost,
  TransactionIdentity,
} from './transaction.ts';

export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated';

export interface NonInviteServerHost extends TransactionHost<NonInviteServer> {
  /** The client repeats every T2 by now: answer 100 (RFC 4320 §4.1). */
  answerTrying(txn: NonInviteServer): void;
}

/** When the client's timer E has been set to T2: the sum of the shorter intervals. */
export function tryingAfterMs(timings: Timings): number {
  let sumMs = 0;
  for (let intervalMs = timings.t1Ms; intervalMs < timings.t2Ms; intervalMs *= 2) {
    sumMs += intervalMs;
  }
  return sumMs;
}

export class NonInviteServer extends Transaction {
  readonly kind = 'nonInviteServer';
  readonly #host: NonInviteServerHost;
  #state: NonInviteServerState = 'trying';
  /** The response to repeat: the 100 or the final one. */
  #last: KeptMessage | null = null;

  constructor(identity: TransactionIdentity, host: NonInviteServerHost) {
    super(identity);
    this.#host = host;
  }

  get state(): NonInviteServerState {
    return this.#state;
  }

  start(): void {
    const { timings } = this.#host;
    this.#host.arm(this, 'repeat', tryingAfterMs(timings));
    this.#host.arm(this, 'expiry', lifetimeMs(timings));
  }

  /** The request came again. */
  handleRepeat(): void {
    if (this.#last !== null) this.#host.transmit(this, keptBytes(this.#last));
  }

  /**
   * Whether a response with this status may be sent now. Provisionals but 100 never; 100 on
   * unreliable transports only when the machine asks for it by answerTrying (RFC 4320 §4.1).
   */
  allows(status: number): boolean {
    if (this.#state !== 'trying' && this.#state !== 'proceeding') return false;
    return status >= 200 || (status === 100 && this.reliable);
  }

  /** The 100 that answerTrying asked for, or the user's on a reliable transport. */
  respondTrying(bytes: Buffer): void {
    if (this.#state !== 'trying') return;
    this.#state = 'proceeding';
    this.#last = keepMessage(bytes);
    this.#host.disarm(this, 'repeat');
    this.#host.transmit(this, bytes);
  }

  /**
   * The final response. A 408 is kept from the wire (RFC 4320 §4.2); the repeats are absorbed all
   * the same.
   */
  respondFinal(status: number, bytes: Buffer): void {
    if (this.#state !== 'trying' && this.#state !== 'proceeding') return;
    this.#host.disarm(this, 'repeat');
    const mayBeSent = status !== 408;
    if (mayBeSent) this.#host.transmit(this, bytes);
    if (this.reliable) {
      this.#end();
      return;
    }
    this.#state = 'completed';
    this.#last = mayBeSent ? keepMessage(bytes) : null;
    this.#host.arm(this, 'expiry', lifetimeMs(this.#host.timings));
  }

  override handleTimer(slot: TimerSlot): void {
    if (slot === 'expiry') this.#end();
    else if (this.#state === 'trying') this.#host.answerTrying(this);
  }

  #end(): void {
    this.#state = 'terminated';
    this.#last = null;
    this.#host.ended(this, 'done');
  }
}
