// The SIP core and the B2BUA joined: inputs go in, and every output is carried out in order, facts before the messages that
// depend on them. No socket and no clock, so the simulation runs exactly this.
import type {
  ClientTxnId,
  CodedError,
  DomainEvent,
  ErrorCode,
  Flow,
  MonoMs,
  Now,
  SendTarget,
} from '../base/index.ts';
import { neverReached } from '../base/index.ts';
import type { B2bua, B2buaInput, B2buaOutput, SipOrder } from '../b2bua/index.ts';
import type { EngineOrder } from '../engine/index.ts';
import type { SipCore, SipInput, SipOutput } from '../sip/index.ts';
import type { GatewayHealth, HealthOutput } from '../trunks/index.ts';

/** Where outputs leave the cores. None of these may call back into the pump before it returns. */
export interface Carriers {
  send(to: Flow | SendTarget, bytes: Buffer, txn: ClientTxnId | null): void;
  engine(orders: readonly EngineOrder[]): void;
  /**
   * Must make the facts durable against the death of this process before it returns.
   * @returns false when that failed: the facts are kept and written later, but nothing new may rest on them.
   */
  commit(events: readonly DomainEvent[]): boolean;
  rejected(code: ErrorCode, trunk: string | null): void;
  refused(flow: Flow, error: CodedError, answered: boolean): void;
  /** A gateway went down, asked for rest or came back. */
  gateway(news: HealthOutput): void;
}

type Pending =
  | { readonly from: 'sip'; readonly output: SipOutput }
  | { readonly from: 'b2bua'; readonly output: B2buaOutput };

export interface SignallingParts {
  readonly sip: SipCore;
  readonly b2bua: B2bua;
  readonly health: GatewayHealth;
  readonly carriers: Carriers;
}

export class Signalling {
  readonly #parts: SignallingParts;
  readonly #pending: Pending[] = [];
  #facts: DomainEvent[] = [];

  constructor(parts: SignallingParts) {
    this.#parts = parts;
  }

  /** The earliest deadline of the cores; null while none is due. */
  get nextDeadline(): MonoMs | null {
    const { sip, b2bua, health } = this.#parts;
    let next: MonoMs | null = null;
    for (const due of [sip.nextDeadline, b2bua.nextDeadline, health.nextDeadline]) {
      if (due !== null && (next === null || due < next)) next = due;
    }
    return next;
  }

  /** Feeds the SIP core: a message that came in, or a send that failed. */
  sip(now: Now, input: SipInput): void {
    this.#queueSip(this.#parts.sip.handle(now.mono, input));
    this.#run(now);
  }

  /** Feeds the B2BUA: engine events, operator's orders, a reload. */
  command(now: Now, input: B2buaInput): void {
    this.#queueB2bua(this.#parts.b2bua.handle(now, input));
    this.#run(now);
  }

  /** Lets every core handle what is due. */
  tick(now: Now): void {
    const { sip, b2bua, health, carriers } = this.#parts;
    if (isDue(sip.nextDeadline, now)) this.#queueSip(sip.handleDeadline(now.mono));
    if (isDue(b2bua.nextDeadline, now)) this.#queueB2bua(b2bua.handleDeadline(now));
    if (isDue(health.nextDeadline, now)) {
      for (const news of health.handleDeadline(now.mono)) carriers.gateway(news);
    }
    this.#run(now);
  }

  #queueSip(outputs: readonly SipOutput[]): void {
    for (const output of outputs) this.#pending.push({ from: 'sip', output });
  }

  #queueB2bua(outputs: readonly B2buaOutput[]): void {
    for (const output of outputs) this.#pending.push({ from: 'b2bua', output });
  }

  // First in, first out; the list only grows while it is walked, so an index is cheaper than shifting.
  #run(now: Now): void {
    do {
      for (let next = 0; next < this.#pending.length; next += 1) {
        const pending = this.#pending[next];
        if (pending === undefined) break;
        if (pending.from === 'sip') this.#carrySip(now, pending.output);
        else this.#carryB2bua(now, pending.output);
      }
      this.#pending.length = 0;
      this.#writeFacts(now);
    } while (this.#pending.length > 0);
  }

  #carrySip(now: Now, output: SipOutput): void {
    const { b2bua, carriers } = this.#parts;
    switch (output.kind) {
      case 'send':
        this.#writeFacts(now);
        carriers.send(output.to, output.bytes, output.txn);
        break;
      case 'refused':
        carriers.refused(output.flow, output.error, output.answered);
        break;
      case 'requestReceived':
      case 'ackReceived':
      case 'cancelled':
      case 'responseReceived':
      case 'requestFailed':
      case 'ackMissing':
        this.#queueB2bua(b2bua.handle(now, { kind: 'sip', news: output }));
        break;
      default:
        neverReached(output);
    }
  }

  #carryB2bua(now: Now, output: B2buaOutput): void {
    const { sip, carriers } = this.#parts;
    switch (output.kind) {
      case 'sip':
        if (this.#mayCarry(now, output.order)) this.#queueSip(sip.handle(now.mono, output.order));
        break;
      case 'engine':
        carriers.engine(output.orders);
        break;
      case 'commit':
        this.#facts.push(...output.events);
        break;
      case 'rejected':
        carriers.rejected(output.code, output.trunk);
        break;
      case 'gateway':
        carriers.gateway(output.news);
        break;
      default:
        neverReached(output);
    }
  }

  /**
   * Whether an order may go on. An INVITE to a gateway may not while the start of its leg isn't written: a crash would leave a
   * call in the world that no record tells of. Everything else goes on, since calls in progress outlive a full disk.
   */
  #mayCarry(now: Now, order: SipOrder): boolean {
    if (order.kind !== 'request' || order.request.method !== 'INVITE') return true;
    const starts = this.#facts.some((fact) => fact.kind === 'leg.started');
    if (!starts || this.#writeFacts(now)) return true;
    this.#queueB2bua(this.#parts.b2bua.handle(now, { kind: 'unrecorded', txn: order.txn }));
    return false;
  }

  // One write for all facts since the last message went out: the message that tells a peer comes after the fact it depends on.
  #writeFacts(now: Now): boolean {
    if (this.#facts.length === 0) return true;
    const facts = this.#facts;
    this.#facts = [];
    const { b2bua, carriers } = this.#parts;
    const written = carriers.commit(facts);
    // At once, and not with the store's own news, which come a moment later: until then another call could be let in.
    if (!written) this.#queueB2bua(b2bua.handle(now, { kind: 'storeHealth', available: false }));
    return written;
  }
}

function isDue(deadline: MonoMs | null, now: Now): boolean {
  return deadline !== null && deadline <= now.mono;
}
