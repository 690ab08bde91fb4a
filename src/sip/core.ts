// The SIP core: bytes in, requests and responses of RFC 3261's transaction layer out, and back. No
// socket, no clock, no chance of its own: the shell feeds it messages and deadlines and carries out
// what it answers. Dialogs are the user's (b2bua); this layer matches, repeats, times out, and
// answers what never gets there.
import { neverReached } from '../base/index.ts';
import type { CodedError, Core, Flow, LocalPoint, MonoMs, Random } from '../base/index.ts';
import { ClientSide } from './core-client.ts';
import { ServerSide } from './core-server.ts';
import { TransactionTable } from './core-table.ts';
import { indexMessage } from './message/index.ts';
import { RFC_TIMINGS } from './transaction/transaction.ts';
import type { SipInput, SipOutput } from './types.ts';

export interface SipCoreOptions {
  /** Cryptographic in production: branches and tags come from it. */
  readonly random: Random;
  /** Our listening points; requests name the one of the target's transport in Via. */
  readonly locals: readonly LocalPoint[];
  /** RFC 3261 T1, milliseconds; the RFC's value when left out. So for T2 and T4. */
  readonly t1Ms?: number;
  readonly t2Ms?: number;
  readonly t4Ms?: number;
  readonly limits: {
    /**
     * Client and server transactions alive together, 8 or more. Above seven eighths new requests
     * outside dialogs get 503 with Retry-After; at the limit all do, and requests of our own fail
     * as 'transport'.
     */
    readonly transactionsMax: number;
  };
}

/** Figures for metrics and for tests that look for leaks. */
export interface SipCoreStats {
  readonly transactions: number;
  readonly timers: number;
}

export class SipCore implements Core<SipInput, SipOutput> {
  readonly #table: TransactionTable;
  readonly #client: ClientSide;
  readonly #server: ServerSide;

  constructor(options: SipCoreOptions) {
    const { random, locals } = options;
    const timings = {
      t1Ms: options.t1Ms ?? RFC_TIMINGS.t1Ms,
      t2Ms: options.t2Ms ?? RFC_TIMINGS.t2Ms,
      t4Ms: options.t4Ms ?? RFC_TIMINGS.t4Ms,
    };
    const { transactionsMax } = options.limits;
    this.#table = new TransactionTable({ timings, transactionsMax });
    this.#client = new ClientSide({ table: this.#table, random, locals });
    this.#server = new ServerSide({ table: this.#table, random });
  }

  get nextDeadline(): MonoMs | null {
    return this.#table.nextDeadline;
  }

  stats(): SipCoreStats {
    return { transactions: this.#table.size, timers: this.#table.timersCount };
  }

  handle(now: MonoMs, input: SipInput): readonly SipOutput[] {
    return this.#table.collect(now, () => this.#dispatch(input));
  }

  handleDeadline(now: MonoMs): readonly SipOutput[] {
    return this.#table.collect(now, () => this.#table.expire());
  }

  #dispatch(input: SipInput): void {
    switch (input.kind) {
      case 'received':
        this.#receive(input.flow, input.bytes);
        return;
      case 'sendFailed':
        this.#client.handleSendFailed(input.txn);
        return;
      case 'request':
        this.#client.open(input.txn, input);
        return;
      case 'respond':
        this.#server.respond(input.txn, input.response);
        return;
      case 'dismiss':
        this.#server.dismiss(input.txn, input.response);
        return;
      case 'ackTaken':
        this.#server.takeAck(input.txn);
        return;
      case 'acknowledge':
        this.#client.acknowledge(input.txn, input.toTag, input);
        return;
      case 'cancel':
        this.#client.cancel(input.txn, input.headers);
        return;
      default:
        neverReached(input);
    }
  }

  #receive(flow: Flow, bytes: Buffer): void {
    if (flow.remote.port === 0) {
      // Only a forged datagram has this source, and sending to it fails.
      const error: CodedError = { code: 'MESSAGE_MALFORMED', message: 'The source port is 0' };
      this.#table.emit({ kind: 'refused', flow, error, answered: false });
      return;
    }
    const guarded = indexMessage(bytes, flow.transport);
    switch (guarded.verdict) {
      case 'ok':
        if (guarded.index.isRequest) {
          this.#server.receive(flow, guarded.index);
          return;
        }
        break;
      case 'reject':
        this.#server.refuse(flow, guarded);
        return;
      case 'drop':
        this.#table.emit({ kind: 'refused', flow, error: guarded.error, answered: false });
        return;
      default:
        neverReached(guarded);
    }
    const taken = this.#client.receive(flow, guarded.index);
    if (!taken.ok) {
      this.#table.emit({ kind: 'refused', flow, error: taken.error, answered: false });
    }
  }
}
