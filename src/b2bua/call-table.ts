// All that is alive in the B2BUA and under which key it is found: calls, transactions, orders, tags, endpoints, timers. It is
// the Context that every phase works with, and gathers what they say until the input is done.
import type {
  CallId,
  ClientTxnId,
  DomainEvent,
  EndpointHandle,
  ErrorCode,
  MonoMs,
  Now,
  OrderId,
  Random,
  ServerTxnId,
} from '../base/index.ts';
import { clientTxnId, orderId } from '../base/index.ts';
import type { EngineOrder } from '../engine/index.ts';
import type { Dialog, OutgoingResponse, TimerHandle } from '../sip/index.ts';
import { TimerWheel } from '../sip/index.ts';
import type { GatewayAttempt, GatewayHealth, HealthInput, Trunk } from '../trunks/index.ts';
import { planAttempts } from '../trunks/index.ts';
import type { Attempt, Call, Leg, TimerName } from './call.ts';
import { legsOf, NO_TIMER, TIMER_NAMES } from './call.ts';
import type { Answer, Context, LateInvite, OrderUse, OwedBye, TxnUse } from './context.ts';
import type { B2buaOutput, B2buaSettings, Held, SipOrder } from './types.ts';

/** A leg and the call it belongs to. */
export interface Place {
  readonly call: Call;
  readonly leg: Leg;
}

/** A call's timer, or the end of a transaction that belongs to no call. */
type Timer =
  | { readonly call: Call; readonly name: TimerName; readonly handle: TimerHandle }
  | { readonly call: null; readonly txn: ClientTxnId };

/** RFC 3261 §13.2.2.4: so long after the first 2xx other forks may still answer (64*T1). */
const FORKS_MS = 32_000;

/** One per B2BUA, and known to it and the phases alone. */
export class CallTable implements Context {
  now: Now = { mono: 0 as MonoMs, epoch: 0 as Now['epoch'] };
  settings: B2buaSettings;
  readonly random: Random;
  readonly #health: GatewayHealth;
  readonly #wheel = new TimerWheel();
  readonly #calls = new Map<CallId, Call>();
  readonly #txns = new Map<ClientTxnId, TxnUse>();
  readonly #orders = new Map<OrderId, OrderUse>();
  readonly #tags = new Map<string, Place>();
  readonly #serverTxns = new Map<ServerTxnId, Place>();
  readonly #owedByes = new Map<ServerTxnId, OwedBye>();
  /** The same by our tag: their calls may be gone, and with them the tags. */
  readonly #owedTags = new Map<string, ServerTxnId>();
  readonly #endpoints = new Map<EndpointHandle, Place>();
  readonly #timers = new Map<number, Timer>();
  /** Transactions with a 2xx, until no fork can answer any more. */
  readonly #forgetting = new Set<ClientTxnId>();
  #outputs: B2buaOutput[] = [];
  #lastTxn = 0;
  #lastOrder = 0;
  #lastTimer = 0;

  constructor(settings: B2buaSettings, health: GatewayHealth) {
    this.settings = settings;
    this.random = settings.random;
    this.#health = health;
  }

  // ── For the B2BUA, which finds the call of an input ───────────────────────────────────────────────────────────────

  get calls(): ReadonlyMap<CallId, Call> {
    return this.#calls;
  }

  get nextDeadline(): MonoMs | null {
    return this.#wheel.nextDeadline;
  }

  get held(): Held {
    return {
      calls: this.#calls.size,
      txns: this.#txns.size,
      orders: this.#orders.size,
      tags: this.#tags.size,
      serverTxns: this.#serverTxns.size + this.#owedByes.size,
      endpoints: this.#endpoints.size,
      timers: this.#timers.size,
    };
  }

  /**
   * What peers still owe: finals of our requests, and the ACKs that BYEs of ours wait for. Forks that may yet answer an INVITE
   * are not counted.
   */
  get awaited(): number {
    let awaited = this.#owedByes.size;
    for (const txn of this.#txns.keys()) if (!this.#forgetting.has(txn)) awaited += 1;
    return awaited;
  }

  /** What was said since the last time, in order. */
  takeOutputs(): readonly B2buaOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  addCall(call: Call): void {
    this.#calls.set(call.id, call);
  }

  txnUse(txn: ClientTxnId): TxnUse | null {
    return this.#txns.get(txn) ?? null;
  }

  forgetTxn(txn: ClientTxnId): void {
    this.#txns.delete(txn);
  }

  byTag(tag: string): Place | null {
    return this.#tags.get(tag) ?? null;
  }

  byServerTxn(txn: ServerTxnId): Place | null {
    return this.#serverTxns.get(txn) ?? null;
  }

  /** The BYE that waited for this INVITE's ACK; null when none does. */
  owedBye(txn: ServerTxnId): OwedBye | null {
    return this.#owedByes.get(txn) ?? null;
  }

  /** The INVITE whose ACK the BYE of the dialog with this tag of ours waits for; null when none does. */
  owedByTag(tag: string): ServerTxnId | null {
    return this.#owedTags.get(tag) ?? null;
  }

  forgetOwedBye(txn: ServerTxnId): void {
    const bye = this.#owedByes.get(txn);
    if (bye !== undefined) this.#owedTags.delete(bye.dialog.localTag);
    this.#owedByes.delete(txn);
  }

  byEndpoint(endpoint: EndpointHandle): Place | null {
    return this.#endpoints.get(endpoint) ?? null;
  }

  /** What an answered order was for; null when nobody waits for it. */
  takeOrder(order: OrderId): OrderUse | null {
    const use = this.#orders.get(order) ?? null;
    this.#orders.delete(order);
    return use;
  }

  /** No order of before will ever be answered. */
  forgetOrders(): void {
    this.#orders.clear();
  }

  /** Takes every timer that is due and says whose it was. */
  expire(onTimer: (call: Call, name: TimerName) => void): void {
    this.#wheel.expire(this.now.mono, (id) => {
      const timer = this.#timers.get(id);
      if (timer === undefined) return;
      this.#timers.delete(id);
      if (timer.call === null) {
        this.#txns.delete(timer.txn);
        this.#forgetting.delete(timer.txn);
        return;
      }
      timer.call.timers[timer.name] = NO_TIMER;
      onTimer(timer.call, timer.name);
    });
  }

  /** Closes an endpoint that no call waits for any more. */
  closeOrphan(endpoint: EndpointHandle): void {
    this.engine([{ kind: 'closeEndpoint', order: orderId(this.#nextOrder()), endpoint }]);
  }

  // ── Context ───────────────────────────────────────────────────────────────────────────────────────────────────────

  sip(order: SipOrder): void {
    this.#outputs.push({ kind: 'sip', order });
  }

  respond(txn: ServerTxnId, answer: Answer): void {
    const response = responseOf(answer);
    this.#outputs.push({ kind: 'sip', order: { kind: 'respond', txn, response } });
  }

  dismiss(txn: ServerTxnId, answer: Answer): void {
    const response = responseOf(answer);
    this.#outputs.push({ kind: 'sip', order: { kind: 'dismiss', txn, response } });
  }

  engine(orders: readonly EngineOrder[]): void {
    if (orders.length > 0) this.#outputs.push({ kind: 'engine', orders });
  }

  commit(event: DomainEvent): void {
    this.#outputs.push({ kind: 'commit', events: [event] });
  }

  rejected(code: ErrorCode, trunk: string | null): void {
    this.#outputs.push({ kind: 'rejected', code, trunk });
  }

  newTxn(use: TxnUse): ClientTxnId {
    this.#lastTxn += 1;
    const txn = clientTxnId(this.#lastTxn);
    this.#txns.set(txn, use);
    return txn;
  }

  setLate(txn: ClientTxnId, late: LateInvite): void {
    this.#txns.set(txn, late);
  }

  forgetLate(txn: ClientTxnId): void {
    if (this.#forgetting.has(txn)) return;
    this.#forgetting.add(txn);
    this.#lastTimer += 1;
    this.#wheel.schedule(this.now.mono, FORKS_MS, this.#lastTimer);
    this.#timers.set(this.#lastTimer, { call: null, txn });
  }

  newOrder(use: OrderUse): OrderId {
    const order = orderId(this.#nextOrder());
    this.#orders.set(order, use);
    return order;
  }

  dropOrders(orders: readonly OrderId[]): void {
    for (const order of orders) this.#orders.delete(order);
  }

  // Order numbers are 32 bits on the wire; by the time one comes round its predecessor was answered long ago.
  #nextOrder(): number {
    this.#lastOrder = (this.#lastOrder + 1) >>> 0;
    return this.#lastOrder;
  }

  bindTag(call: Call, leg: Leg): void {
    this.#tags.set(leg.localTag, { call, leg });
  }

  unbindTag(tag: string): void {
    this.#tags.delete(tag);
  }

  legOfInvite(callId: string, fromTag: string): Leg | null {
    const leg = this.#tags.get(fromTag)?.leg;
    return leg?.side === 'b' && leg.sipCallId === callId ? leg : null;
  }

  retag(leg: Leg, dialog: Dialog): void {
    const place = this.#tags.get(leg.localTag);
    this.#tags.delete(leg.localTag);
    leg.localTag = this.random.hex(8);
    leg.dialog = dialog.retagged(leg.localTag);
    if (place !== undefined) this.#tags.set(leg.localTag, place);
  }

  bindServerTxn(txn: ServerTxnId, call: Call, leg: Leg): void {
    this.#serverTxns.set(txn, { call, leg });
  }

  unbindServerTxn(txn: ServerTxnId): void {
    this.#serverTxns.delete(txn);
  }

  oweBye(txn: ServerTxnId, bye: OwedBye): void {
    this.#owedByes.set(txn, bye);
    this.#owedTags.set(bye.dialog.localTag, txn);
  }

  bindEndpoint(call: Call, leg: Leg): void {
    if (leg.anchor.endpoint === null) return;
    const place = this.#tags.get(leg.localTag) ?? { call, leg };
    this.#endpoints.set(leg.anchor.endpoint, place);
  }

  unbindEndpoint(leg: Leg): void {
    if (leg.anchor.endpoint !== null) this.#endpoints.delete(leg.anchor.endpoint);
  }

  setTimer(call: Call, name: TimerName, delayMs: number): void {
    this.clearTimer(call, name);
    this.#lastTimer += 1;
    const id = this.#lastTimer;
    const handle = this.#wheel.schedule(this.now.mono, delayMs, id);
    this.#timers.set(id, { call, name, handle });
    call.timers[name] = id;
  }

  clearTimer(call: Call, name: TimerName): void {
    const id = call.timers[name];
    if (id === NO_TIMER) return;
    call.timers[name] = NO_TIMER;
    const timer = this.#timers.get(id);
    if (timer === undefined) return;
    if (timer.call !== null) this.#wheel.cancel(timer.handle);
    this.#timers.delete(id);
  }

  clearTimers(call: Call): void {
    for (const name of TIMER_NAMES) this.clearTimer(call, name);
  }

  planAttempts(trunks: readonly Trunk[]): GatewayAttempt[] {
    const draw = (): number => this.random.draw();
    return [...planAttempts({ trunks, draw, stateOf: (gateway) => this.#health.stateOf(gateway) })];
  }

  gatewayAnswered(attempt: Attempt, status: number, retryAfterS: number | null): void {
    const gateway = attempt.plan.gateway.id;
    // A 408 came from somebody: the gateway works, the subscriber behind it doesn't answer.
    const failed = status >= 500 && attempt.plan.trunk.failsOverOn.has(status);
    this.#tellHealth(
      failed ? { kind: 'failed', gateway, retryAfterS } : { kind: 'answered', gateway },
    );
  }

  gatewaySilent(attempt: Attempt): void {
    const gateway = attempt.plan.gateway.id;
    this.#tellHealth({ kind: 'failed', gateway, retryAfterS: null });
  }

  #tellHealth(input: HealthInput): void {
    for (const news of this.#health.handle(this.now.mono, input)) {
      this.#outputs.push({ kind: 'gateway', news });
    }
  }

  release(call: Call): void {
    this.clearTimers(call);
    for (const leg of legsOf(call)) {
      this.#tags.delete(leg.localTag);
      if (leg.waitingInvite !== null) this.#serverTxns.delete(leg.waitingInvite.txn);
    }
    this.settings.admission.release(call.ticket);
    this.#calls.delete(call.id);
  }
}

function responseOf(answer: Answer): OutgoingResponse {
  return {
    status: answer.status,
    reason: answer.reason ?? null,
    toTag: answer.toTag,
    headers: answer.headers ?? [],
    body: answer.body ?? null,
  };
}
