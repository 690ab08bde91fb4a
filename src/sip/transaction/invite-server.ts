// INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1. It also
// repeats the 2xx until its ACK comes (§13.3.1.4), which the RFC gives to the user: here every user
// would do the same.
//
//   proceeding ---2xx---> accepted ---L---> terminated
//       \---3xx-6xx---> completed ---ACK---> confirmed ---I---> terminated
//                           \-------H------------------------> terminated
import { Transaction, backedOffMs, keepMessage, keptBytes, lifetimeMs } from './transaction.ts';
import type {
  KeptMessage,
  TimerSlot,
  TransactionHost,
  TransactionIdentity,
} from './transaction.ts';

export type InviteServerState =
  'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';

export interface InviteServerHost extends TransactionHost<InviteServer> {
  /** 200 ms passed without any response: answer 100 now (RFC 3261 §17.2.1). */
  answerTrying(txn: InviteServer): void;
}

/** RFC 3261 §17.2.1: a 100 must go out unless the user answers within this time. */
export const TRYING_AFTER_MS = 200;

export class InviteServer extends Transaction {
  readonly kind = 'inviteServer';
  readonly #host: InviteServerHost;
  #state: InviteServerState = 'proceeding';
  /** The response to repeat: the last provisional, the failure, or the 2xx until its ACK. */
  #last: KeptMessage | null = null;
  #intervalMs = 0;
  #cancelled = false;
  #acknowledged = false;

  constructor(identity: TransactionIdentity, host: InviteServerHost) {
    super(identity);
    this.#host = host;
  }

  get state(): InviteServerState {
    return this.#state;
  }

  /** A new INVITE: the automatic 100 is due unless the user answers first. */
  start(): void {
    this.#host.arm(this, 'repeat', TRYING_AFTER_MS);
  }

  /** The INVITE came again. */
  handleRepeat(): void {
    // Confirmed and Accepted absorb it: the peer has its final answer, or the 2xx is being repeated
    // anyway.
    const answers = this.#state === 'proceeding' || this.#state === 'completed';
    if (answers && this.#last !== null) this.#host.transmit(this, keptBytes(this.#last));
  }

  /** Sends a response. After the final one nothing is sent: the first final stands (§17.2.1). */
  respond(status: number, bytes: Buffer): void {
    if (this.#state !== 'proceeding') return;
    this.#host.transmit(this, bytes);
    this.#host.disarm(this, 'repeat');
    this.#last = keepMessage(bytes);
    if (status < 200) return;
    const { timings } = this.#host;
    this.#intervalMs = timings.t1Ms;
    this.#host.arm(this, 'expiry', lifetimeMs(timings));
    if (status < 300) {
      this.#state = 'accepted';
      // On reliable transports too: a proxy further on may lose the 2xx (§13.3.1.4).
      this.#host.arm(this, 'repeat', this.#intervalMs);
      return;
    }
    this.#state = 'completed';
    if (!this.reliable) this.#host.arm(this, 'repeat', this.#intervalMs);
  }

  /**
   * An ACK with the INVITE's key, for a failure. @returns false when the state doesn't await one.
   */
  handleFailureAck(): boolean {
    if (this.#state === 'confirmed') return true;
    if (this.#state !== 'completed') return false;
    this.#last = null;
    this.#host.disarm(this, 'repeat');
    if (this.reliable) {
      this.#end('done');
      return true;
    }
    this.#state = 'confirmed';
    this.#host.arm(this, 'expiry', this.#host.timings.t4Ms);
    return true;
  }

  /** True while our 2xx waits for its ACK. */
  get awaitsAck(): boolean {
    return this.#state === 'accepted' && !this.#acknowledged;
  }

  /**
   * The ACK of our 2xx came: it isn't repeated any more; repeats of the INVITE are absorbed until
   * L.
   */
  handleSuccessAck(): void {
    if (!this.awaitsAck) return;
    this.#acknowledged = true;
    this.#last = null;
    this.#host.disarm(this, 'repeat');
  }

  /**
   * A CANCEL for this INVITE. @returns true when it is the first and no final response was sent.
   */
  handleCancel(): boolean {
    if (this.#cancelled || this.#state !== 'proceeding') return false;
    this.#cancelled = true;
    return true;
  }

  override handleTimer(slot: TimerSlot): void {
    if (slot === 'expiry') {
      this.#end(this.awaitsAck ? 'ackMissing' : 'done');
      return;
    }
    if (this.#state === 'proceeding') {
      this.#host.answerTrying(this);
      return;
    }
    if (this.#last === null) return;
    this.#host.transmit(this, keptBytes(this.#last));
    this.#intervalMs = backedOffMs(this.#intervalMs, this.#host.timings);
    this.#host.arm(this, 'repeat', this.#intervalMs);
  }

  #end(why: 'done' | 'ackMissing'): void {
    this.#state = 'terminated';
    this.#last = null;
    this.#host.ended(this, why);
  }
}
