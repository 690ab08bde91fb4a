// INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2, and the
// waiting of a CANCEL for its provisional (§9.1). Timer C is the B2BUA's.
//
//   calling ---1xx---> proceeding ---2xx---> accepted ---M---> terminated
//      |  \____________2xx, 3xx-6xx_______/     |
//      |                    proceeding --3xx-6xx--> completed ---D---> terminated
//      B or send error: terminated
import type { ClientTxnId, SendTarget } from '../../base/index.ts';
import { detached } from '../message/index.ts';
import type { HeaderLines } from '../types.ts';
import type { InviteFacts } from './derived-requests.ts';
import { Transaction, keepMessage, keptBytes, lifetimeMs, timerDMs } from './transaction.ts';
import type {
  KeptMessage,
  TimerSlot,
  TransactionHost,
  TransactionIdentity,
} from './transaction.ts';

export type InviteClientState = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';

/**
 * What the core does with a response: 'deliver' hands it up, 'absorb' ends it here, 'acknowledge'
 * is the first failure: the core builds its ACK, gives it to acknowledgeFailure and hands the
 * response up.
 */
export type InviteClientVerdict = 'deliver' | 'absorb' | 'acknowledge';

/** The ACK of one fork's 2xx. It follows the dialog's route, not the INVITE's. */
export interface SuccessAck {
  readonly target: SendTarget;
  readonly bytes: Buffer;
}

interface KeptAck {
  readonly target: SendTarget;
  readonly message: KeptMessage;
  /** The same for another place, to be tried when nothing can be sent to this one. */
  readonly orElse: KeptAck | null;
}

/** A 2xx seen, and its ACK once the user has given it. */
interface Fork {
  /** To tag of the 2xx. */
  readonly tag: string;
  ack: KeptAck | null;
}

export interface InviteClientHost extends TransactionHost<InviteClient> {
  /** Sends an ACK for a 2xx to INVITE `user`. */
  transmitAck(user: ClientTxnId, ack: SuccessAck): void;
}

/**
 * Forks whose 2xx we follow; more answers to one INVITE are an attack or a fault, and are absorbed.
 */
const FORKS_MAX = 16;

export class InviteClient extends Transaction {
  readonly kind = 'inviteClient';
  /** The user's number. */
  readonly user: ClientTxnId;
  readonly #host: InviteClientHost;
  #state: InviteClientState = 'calling';
  /** The INVITE while it may be sent again. */
  #bytes: Buffer | null = null;
  #intervalMs = 0;
  /** What ACK and CANCEL copy from the INVITE; dropped at the final response. */
  #facts: InviteFacts | null;
  /** Headers of a CANCEL that is wanted and not sent yet. */
  #cancelHeaders: HeaderLines | null = null;
  #cancelAsked = false;
  #failureAck: KeptMessage | null = null;
  /** Nearly always one. */
  readonly #forks: Fork[] = [];

  constructor(
    identity: TransactionIdentity,
    options: { user: ClientTxnId; facts: InviteFacts; host: InviteClientHost },
  ) {
    super(identity);
    this.user = options.user;
    this.#facts = options.facts;
    this.#host = options.host;
  }

  get state(): InviteClientState {
    return this.#state;
  }

  /** What ACK and CANCEL copy from the INVITE; null after the final response. */
  get facts(): InviteFacts | null {
    return this.#facts;
  }

  /** Sends the INVITE: timer B, and timer A where messages get lost. */
  start(bytes: Buffer): void {
    this.#host.transmit(this, bytes);
    this.#host.arm(this, 'expiry', lifetimeMs(this.#host.timings));
    if (this.reliable) return;
    this.#bytes = bytes;
    this.#intervalMs = this.#host.timings.t1Ms;
    this.#host.arm(this, 'repeat', this.#intervalMs);
  }

  /** Whether `receive` would hand this response up, so that the core reads it whole only then. */
  wants(status: number, toTag: string | null): boolean {
    switch (this.#state) {
      case 'calling':
      case 'proceeding':
        return true;
      case 'accepted':
        return isSuccess(status) && this.#isNewFork(toTag ?? '');
      case 'completed':
      case 'terminated':
        return false;
    }
  }

  receive(status: number, toTag: string | null): InviteClientVerdict {
    switch (this.#state) {
      case 'calling':
      case 'proceeding':
        if (status < 200) return this.#proceed();
        return isSuccess(status) ? this.#accept(toTag ?? '') : this.#complete();
      case 'accepted':
        return isSuccess(status) ? this.#receiveFork(toTag ?? '') : 'absorb';
      case 'completed':
        // Our ACK was lost: the failure came again (§17.1.1.2).
        if (status >= 300 && this.#failureAck !== null) {
          this.#host.transmit(this, keptBytes(this.#failureAck));
        }
        return 'absorb';
      case 'terminated':
        return 'absorb';
    }
  }

  /** The ACK of the failure just received: sent now and again for each repeat until timer D. */
  acknowledgeFailure(ack: Buffer): void {
    this.#host.transmit(this, ack);
    if (this.reliable) {
      this.#end('done');
      return;
    }
    this.#failureAck = keepMessage(ack);
    this.#dropRequest();
  }

  /**
   * The user's ACK of the 2xx with `toTag`: sent now and again for each repeat until timer M.
   * @param orElse the same for where it goes when it can't be sent where `ack` says; null: nowhere.
   */
  acknowledgeSuccess(toTag: string, ack: SuccessAck, orElse: SuccessAck | null): void {
    this.#host.transmitAck(this.user, ack);
    const fork = this.#fork(toTag);
    if (fork !== null) fork.ack = keepAck(ack, orElse === null ? null : keepAck(orElse, null));
  }

  /** Asks for a CANCEL; asking again, or after the final response, does nothing. */
  cancel(headers: HeaderLines): void {
    if (this.#cancelAsked || this.#facts === null) return;
    this.#cancelAsked = true;
    this.#cancelHeaders = headers;
  }

  /**
   * The headers of a CANCEL that must go out now; null when none is due. Given once. A CANCEL may
   * overtake its INVITE, so it waits for a provisional (§9.1); from then on the INVITE has 64*T1 to
   * end.
   */
  takeCancel(): HeaderLines | null {
    if (this.#state !== 'proceeding' || this.#cancelHeaders === null) return null;
    const headers = this.#cancelHeaders;
    this.#cancelHeaders = null;
    this.#host.arm(this, 'expiry', lifetimeMs(this.#host.timings));
    return headers;
  }

  /**
   * The transport could not deliver the INVITE, which once an answer came it evidently did: then it
   * was an ACK, whose fork is not told, so each that could go elsewhere does.
   */
  handleSendFailed(): void {
    if (this.#state === 'calling') this.#end('transport');
    for (const fork of this.#forks) {
      if (fork.ack === null || fork.ack.orElse === null) continue;
      fork.ack = fork.ack.orElse;
      this.#repeatAck(fork.ack);
    }
  }

  override handleTimer(slot: TimerSlot): void {
    if (slot === 'repeat') {
      if (this.#state !== 'calling' || this.#bytes === null) return;
      this.#host.transmit(this, this.#bytes);
      // Timer A doubles without T2's cap (§17.1.1.2).
      this.#intervalMs *= 2;
      this.#host.arm(this, 'repeat', this.#intervalMs);
      return;
    }
    const unanswered = this.#state === 'calling' || this.#state === 'proceeding';
    this.#end(unanswered ? 'timeout' : 'done');
  }

  #proceed(): InviteClientVerdict {
    if (this.#state === 'calling') {
      this.#state = 'proceeding';
      this.#bytes = null;
      this.#host.disarm(this, 'repeat');
      this.#host.disarm(this, 'expiry');
    }
    return 'deliver';
  }

  #accept(toTag: string): InviteClientVerdict {
    this.#state = 'accepted';
    this.#dropRequest();
    this.#addFork(toTag);
    this.#host.arm(this, 'expiry', lifetimeMs(this.#host.timings));
    return 'deliver';
  }

  #receiveFork(toTag: string): InviteClientVerdict {
    if (this.#isNewFork(toTag)) {
      this.#addFork(toTag);
      return 'deliver';
    }
    const ack = this.#fork(toTag)?.ack ?? null;
    if (ack !== null) this.#repeatAck(ack);
    return 'absorb';
  }

  #repeatAck({ target, message }: KeptAck): void {
    this.#host.transmitAck(this.user, { target, bytes: keptBytes(message) });
  }

  #isNewFork(toTag: string): boolean {
    return this.#fork(toTag) === null && this.#forks.length < FORKS_MAX;
  }

  /** The tag is copied: as a cut from the response it would hold all of that for as long as forks are awaited. */
  #addFork(toTag: string): void {
    this.#forks.push({ tag: detached(toTag), ack: null });
  }

  #fork(toTag: string): Fork | null {
    for (const fork of this.#forks) {
      if (fork.tag === toTag) return fork;
    }
    return null;
  }

  #complete(): InviteClientVerdict {
    this.#state = 'completed';
    this.#host.disarm(this, 'repeat');
    // On reliable transports D is zero: acknowledgeFailure ends the transaction.
    if (this.reliable) this.#host.disarm(this, 'expiry');
    else this.#host.arm(this, 'expiry', timerDMs(this.#host.timings));
    return 'acknowledge';
  }

  #dropRequest(): void {
    this.#bytes = null;
    this.#facts = null;
    this.#cancelHeaders = null;
    this.#host.disarm(this, 'repeat');
  }

  #end(why: 'done' | 'timeout' | 'transport'): void {
    this.#state = 'terminated';
    this.#dropRequest();
    this.#host.ended(this, why);
  }
}

function keepAck({ target, bytes }: SuccessAck, orElse: KeptAck | null): KeptAck {
  return { target, message: keepMessage(bytes), orElse };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
