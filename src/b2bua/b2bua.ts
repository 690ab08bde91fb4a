// The back-to-back user agent: two dialogs and two endpoints a call. Here inputs find their call; the phases do the work.
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
import { clientTxnId, neverReached, orderId } from '../base/index.ts';
import type { EngineEvent, EngineOrder } from '../engine/index.ts';
import type { SipRequest, SipResponse } from '../sip/index.ts';
import { TimerWheel } from '../sip/index.ts';
import type { GatewayAttempt, GatewayHealth, Trunk, TrunkBook } from '../trunks/index.ts';
import { planAttempts } from '../trunks/index.ts';
import type { Attempt, Call, Leg, TimerName } from './call.ts';
import { legsOf } from './call.ts';
import type { Answer, Context, OrderUse, TxnUse } from './context.ts';
import { admit, ALLOW, answerFor, answerRefusal } from './inbound.ts';
import { onAck, onReinvite, onReinviteCancelled, onReinviteFailed, onReinviteResponse } from './modify.ts';
import { outcomeOf } from './outcome.ts';
import { recordRefusal } from './refused-call.ts';
import {
  endpointOpened,
  onAnswer,
  onGatewayTimer,
  onProgress,
  onRefusal,
  onRingTimer,
  onUnreachable,
  startCall,
} from './setup.ts';
import {
  endCall,
  endpointClosed,
  forgetEndpoints,
  hangUpDialog,
  onBye,
  onCancelled,
  onLingerTimer,
} from './teardown.ts';
import type { B2buaInput, B2buaOutput, B2buaSettings, LiveCall, SipNews, SipOrder } from './types.ts';
import { viewOf } from './view.ts';

interface Place {
  readonly call: Call;
  readonly leg: Leg;
}

interface Timer extends Pick<Place, 'call'> {
  readonly name: TimerName;
  readonly handle: number;
}

export class B2bua implements Context {
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
  readonly #endpoints = new Map<EndpointHandle, Place>();
  readonly #timers = new Map<number, Timer>();
  #outputs: B2buaOutput[] = [];
  #draining = false;
  #storeAvailable = true;
  #engineReady = true;
  #lastTxn = 0;
  #lastOrder = 0;
  #lastCall = 0;
  #lastTimer = 0;

  constructor(settings: B2buaSettings, health: GatewayHealth) {
    this.settings = settings;
    this.random = settings.random;
    this.#health = health;
  }

  /** Calls that are not over yet. */
  get callCount(): number {
    return this.#calls.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get nextDeadline(): MonoMs | null {
    return this.#wheel.nextDeadline;
  }

  /** Everything still held, for leak checks: all zero when no call is up and 32 s have passed. */
  get held(): Readonly<Record<'calls' | 'txns' | 'orders' | 'tags' | 'serverTxns' | 'endpoints' | 'timers', number>> {
    return {
      calls: this.#calls.size,
      txns: this.#txns.size,
      orders: this.#orders.size,
      tags: this.#tags.size,
      serverTxns: this.#serverTxns.size,
      endpoints: this.#endpoints.size,
      timers: this.#timers.size,
    };
  }

  /** Live calls in the order they started. */
  *liveCalls(): Generator<LiveCall> {
    for (const call of this.#calls.values()) yield viewOf(call);
  }

  liveCall(id: CallId): LiveCall | null {
    const call = this.#calls.get(id);
    return call === undefined ? null : viewOf(call);
  }

  /** Outputs in the order they must happen; all of them are carried out before the next call. */
  handle(now: Now, input: B2buaInput): readonly B2buaOutput[] {
    this.now = now;
    switch (input.kind) {
      case 'sip':
        this.#onSip(input.news);
        break;
      case 'engine':
        this.#onEngine(input.event);
        break;
      case 'engineReady':
        this.#engineReady = input.ready;
        break;
      case 'hangup': {
        const call = this.#calls.get(input.callId);
        if (call !== undefined) endCall(this, call, outcomeOf(input.cause), 'platform');
        break;
      }
      case 'hangupAll':
        for (const call of [...this.#calls.values()]) endCall(this, call, outcomeOf(input.cause), 'platform');
        break;
      case 'drain':
        this.#draining = input.on;
        break;
      case 'storeHealth':
        this.#storeAvailable = input.available;
        break;
      case 'reload':
        this.#reload(input.book);
        break;
      default:
        neverReached(input);
    }
    return this.#take();
  }

  handleDeadline(now: Now): readonly B2buaOutput[] {
    this.now = now;
    this.#wheel.expire(now.mono, (id) => {
      const timer = this.#timers.get(id);
      if (timer === undefined) return;
      this.#timers.delete(id);
      timer.call.timers.delete(timer.name);
      this.#onTimer(timer.call, timer.name);
    });
    return this.#take();
  }

  #take(): readonly B2buaOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #reload(book: TrunkBook): void {
    this.settings = { ...this.settings, book };
  }

  // ── SIP ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onSip(news: SipNews): void {
    switch (news.kind) {
      case 'requestReceived':
        this.#onRequest(news);
        break;
      case 'ackReceived': {
        const place = this.#serverTxns.get(news.txn);
        if (place !== undefined) onAck(this, place.call, place.leg, news.request);
        break;
      }
      case 'cancelled':
        this.#onCancelled(news.txn);
        break;
      case 'responseReceived':
        this.#onResponse(news.txn, news.response);
        break;
      case 'requestFailed':
        this.#onFailed(news.txn, news.why);
        break;
      case 'ackMissing': {
        const place = this.#serverTxns.get(news.txn);
        if (place !== undefined) endCall(this, place.call, outcomeOf('ACK_MISSING'), 'platform');
        break;
      }
      default:
        neverReached(news);
    }
  }

  #onRequest(news: Extract<SipNews, { kind: 'requestReceived' }>): void {
    const { request, txn } = news;
    if (request.to.tag !== null) {
      this.#onInDialog(txn, request, request.to.tag);
      return;
    }
    if (request.method === 'INVITE') {
      this.#onInvite(news);
      return;
    }
    const { book } = this.settings;
    const known = book.bySource(news.flow.remote.host) !== null || book.hasDigestTrunks;
    if (!known) {
      this.respond(txn, { status: 403, toTag: this.random.hex(8) });
      this.rejected('SOURCE_NOT_ALLOWED', null);
    } else if (request.method === 'OPTIONS') this.#onOptions(txn);
    else if (request.method === 'BYE') this.respond(txn, { status: 481, toTag: this.random.hex(8) });
    else this.#refuseMethod(txn);
  }

  #onInvite({ txn, request, flow }: Extract<SipNews, { kind: 'requestReceived' }>): void {
    const gate = {
      draining: this.#draining,
      storeAvailable: this.#storeAvailable,
      engineReady: this.#engineReady,
    };
    const admitted = admit(this, request, flow, gate);
    if (!admitted.ok) {
      answerRefusal(this, txn, admitted.error);
      recordRefusal(this, request, admitted.error);
      return;
    }
    this.#lastCall = (this.#lastCall + 1) >>> 0;
    const call = startCall(this, { number: this.#lastCall, txn, request, flow, admitted: admitted.value });
    this.#calls.set(call.id, call);
  }

  #onInDialog(txn: ServerTxnId, request: SipRequest, tag: string): void {
    const place = this.#tags.get(tag);
    const dialog = place?.leg.dialog ?? null;
    const ours =
      place !== undefined &&
      dialog !== null &&
      place.leg.sipCallId === request.callId &&
      dialog.remoteTag === (request.from.tag ?? '');
    if (!ours || place.leg.finished || place.call.ending !== null) {
      // A BYE that crosses ours is answered 200 by an ended leg still known; strangers get 481.
      const status = ours && request.method === 'BYE' ? 200 : 481;
      this.respond(txn, { status, toTag: null });
      return;
    }
    if (dialog.acceptRequest(request.cseq.number) === 'stale') {
      this.respond(txn, { status: 500, toTag: null });
      return;
    }
    const { call, leg } = place;
    switch (request.method) {
      case 'BYE':
        onBye(this, call, leg, txn, request);
        break;
      case 'INVITE':
        onReinvite(this, call, leg, txn, request);
        break;
      case 'OPTIONS':
        this.#onOptions(txn);
        break;
      default:
        this.#refuseMethod(txn);
    }
  }

  #onOptions(txn: ServerTxnId): void {
    const toTag = this.random.hex(8);
    if (this.#draining || !this.#engineReady || !this.#storeAvailable) {
      // SPEC E21: neighbours that probe us stop sending calls before they are refused one by one.
      const error = { code: 'NODE_DRAINING', message: 'draining', retryAfterS: 30 } as const;
      this.respond(txn, answerFor({ error, trunk: null, headers: [], admitted: null }, toTag));
      return;
    }
    const headers = [['Allow', ALLOW], ['Accept', 'application/sdp']] as const;
    this.respond(txn, { status: 200, toTag, headers });
  }

  #refuseMethod(txn: ServerTxnId): void {
    this.respond(txn, { status: 405, toTag: this.random.hex(8), headers: [['Allow', ALLOW]] });
  }

  #onCancelled(txn: ServerTxnId): void {
    const place = this.#serverTxns.get(txn);
    if (place === undefined) return;
    const { call, leg } = place;
    if (leg.history.answeredAt === null) onCancelled(this, call);
    else onReinviteCancelled(this, call, leg);
  }

  #onResponse(txn: ClientTxnId, response: SipResponse): void {
    const use = this.#txns.get(txn);
    if (use === undefined) return;
    const { status } = response;
    // A 2xx to INVITE may come again from another fork, so its transaction stays known while the call is up.
    if (status >= 300 || (status >= 200 && use.kind === 'bye')) this.#txns.delete(txn);
    if (use.kind === 'bye') return;
    if (use.kind === 'reinvite') {
      onReinviteResponse(this, use.call, use.leg, use.cseq, response);
      if (status >= 200) this.#txns.delete(txn);
      return;
    }
    this.#onInviteResponse(use.call, use.attempt, response);
    const givenUp = use.attempt.abandoned || use.call.attempt !== use.attempt;
    if (status >= 200 && (givenUp || !this.#calls.has(use.call.id))) this.#txns.delete(txn);
  }

  #onInviteResponse(call: Call, attempt: Attempt, response: SipResponse): void {
    const { status } = response;
    const current = call.attempt === attempt && !attempt.abandoned && call.ending === null;
    if (status < 200) {
      if (current) onProgress(this, call, attempt, response);
    } else if (status < 300) {
      if (current) onAnswer(this, call, attempt, response);
      else this.#lateAnswer(call, attempt, response);
    } else if (current) onRefusal(this, call, attempt, response);
  }

  // An answer to an INVITE that was given up, or of a fork after the call ended (RFC 3261 §9.1, §13.2.2.4).
  #lateAnswer(call: Call, attempt: Attempt, response: SipResponse): void {
    const same = call.attempt === attempt && call.b?.dialog?.remoteTag === (response.to.tag ?? '');
    if (!same) hangUpDialog(this, call, attempt, response);
  }

  #onFailed(txn: ClientTxnId, why: 'timeout' | 'transport'): void {
    const use = this.#txns.get(txn);
    if (use === undefined) return;
    this.#txns.delete(txn);
    if (use.kind === 'invite') {
      if (use.call.attempt === use.attempt && !use.attempt.abandoned) {
        onUnreachable(this, use.call, use.attempt, why);
      }
    } else if (use.kind === 'reinvite') onReinviteFailed(this, use.call, use.leg);
  }

  // ── Engine ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onEngine(event: EngineEvent): void {
    switch (event.kind) {
      case 'endpointOpened':
        this.#onOpened(event);
        break;
      case 'endpointClosed': {
        const use = this.#takeOrder(event.order);
        if (use !== null && this.#calls.has(use.call.id)) endpointClosed(this, use.call, use.leg, event);
        break;
      }
      case 'orderDone': {
        const use = this.#takeOrder(event.order);
        if (use !== null && event.code !== 'OK' && use.call.ending === null) {
          endCall(this, use.call, outcomeOf('ENGINE_FULL'), 'platform');
        }
        break;
      }
      case 'mediaTimeout': {
        const place = this.#endpoints.get(event.endpoint);
        if (place !== undefined) endCall(this, place.call, outcomeOf('MEDIA_TIMEOUT'), 'platform');
        break;
      }
      case 'mediaStarted':
      case 'latched':
        break;
      case 'engineLost':
        this.#onEngineLost();
        break;
      default:
        neverReached(event);
    }
  }

  #onOpened(event: Extract<EngineEvent, { kind: 'endpointOpened' }>): void {
    const use = this.#takeOrder(event.order);
    if (use === null) return;
    if (this.#calls.has(use.call.id)) {
      endpointOpened(this, use.call, use.leg, event);
    } else if (event.code === 'OK') {
      // The call gave up waiting: nobody else will ever close this endpoint.
      const order = orderId(this.#nextOrder());
      this.engine([{ kind: 'closeEndpoint', order, endpoint: event.endpoint }]);
    }
  }

  #onEngineLost(): void {
    this.#engineReady = false;
    this.#orders.clear();
    for (const call of [...this.#calls.values()]) {
      forgetEndpoints(this, call);
      endCall(this, call, outcomeOf('ENGINE_LOST'), 'platform');
    }
  }

  #takeOrder(order: OrderId): OrderUse | null {
    const use = this.#orders.get(order);
    if (use === undefined) return null;
    this.#orders.delete(order);
    return use;
  }

  #onTimer(call: Call, name: TimerName): void {
    switch (name) {
      case 'gateway':
        onGatewayTimer(this, call);
        break;
      case 'ring':
        onRingTimer(this, call);
        break;
      case 'maxDuration':
        endCall(this, call, outcomeOf('MAX_DURATION', 200), 'platform');
        break;
      case 'linger':
        onLingerTimer(this, call);
        break;
      default:
        neverReached(name);
    }
  }

  // ── Context ───────────────────────────────────────────────────────────────────────────────────────────────────────

  sip(order: SipOrder): void {
    this.#outputs.push({ kind: 'sip', order });
  }

  respond(txn: ServerTxnId, answer: Answer): void {
    const response = {
      status: answer.status,
      reason: answer.reason ?? null,
      toTag: answer.toTag,
      headers: answer.headers ?? [],
      body: answer.body ?? null,
    };
    this.#outputs.push({ kind: 'sip', order: { kind: 'respond', txn, response } });
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

  newOrder(use: OrderUse): OrderId {
    const order = orderId(this.#nextOrder());
    this.#orders.set(order, use);
    return order;
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

  bindServerTxn(txn: ServerTxnId, call: Call, leg: Leg): void {
    this.#serverTxns.set(txn, { call, leg });
  }

  unbindServerTxn(txn: ServerTxnId): void {
    this.#serverTxns.delete(txn);
  }

  bindEndpoint(call: Call, leg: Leg): void {
    if (leg.anchor.endpoint !== null) this.#endpoints.set(leg.anchor.endpoint, { call, leg });
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
    call.timers.set(name, id);
  }

  clearTimer(call: Call, name: TimerName): void {
    const id = call.timers.get(name);
    if (id === undefined) return;
    call.timers.delete(name);
    const timer = this.#timers.get(id);
    if (timer === undefined) return;
    this.#wheel.cancel(timer.handle);
    this.#timers.delete(id);
  }

  planAttempts(trunks: readonly Trunk[]): GatewayAttempt[] {
    const draw = (): number => this.random.draw();
    return [...planAttempts({ trunks, draw, stateOf: (gateway) => this.#health.stateOf(gateway) })];
  }

  gatewayAnswered(attempt: Attempt, status: number, retryAfterS: number | null): void {
    const gateway = attempt.plan.gateway.id;
    const failed = attempt.plan.trunk.failsOverOn.has(status);
    if (failed) this.#health.handle(this.now.mono, { kind: 'failed', gateway, retryAfterS });
    else this.#health.handle(this.now.mono, { kind: 'answered', gateway });
  }

  gatewaySilent(attempt: Attempt): void {
    const gateway = attempt.plan.gateway.id;
    this.#health.handle(this.now.mono, { kind: 'failed', gateway, retryAfterS: null });
  }

  release(call: Call): void {
    for (const name of [...call.timers.keys()]) this.clearTimer(call, name);
    for (const leg of legsOf(call)) {
      this.#tags.delete(leg.localTag);
      if (leg.waitingInvite !== null) this.#serverTxns.delete(leg.waitingInvite.txn);
    }
    // What was answered needs no more care; an INVITE given up without a final answer is kept until it has one.
    if (call.attempt?.answered === true) this.#txns.delete(call.attempt.txn);
    this.settings.admission.release(call.ticket);
    this.#calls.delete(call.id);
  }
}
