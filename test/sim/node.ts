// The platform under simulation: the real SIP core, B2BUA and policies, on a simulated clock, network and engine.
import type {
  CallId,
  ClientTxnId,
  DomainEvent,
  ErrorCode,
  Flow,
  HostPort,
  LocalPoint,
  Random,
} from '../../src/base/index.ts';
import type { Err } from '../../src/base/index.ts';
import { err } from '../../src/base/index.ts';
import { B2bua } from '../../src/b2bua/index.ts';
import { parseConfig } from '../../src/config/index.ts';
import type { EngineOrder } from '../../src/engine/index.ts';
import { Signalling } from '../../src/server/signalling.ts';
import { DigestServer, SipCore } from '../../src/sip/index.ts';
import { Admission, buildTrunkBook, GatewayHealth } from '../../src/trunks/index.ts';
import type { HealthOutput } from '../../src/trunks/index.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import type { SimClock } from './clock.ts';
import type { SimNetwork } from './network.ts';

/** Two seconds, and what a timer may be late by. */
const ENGINE_PATIENCE_MS = 2_100;

export interface SimNodeOptions {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly address: HostPort;
  /** A whole trunkyard.yaml. */
  readonly yaml: string;
  readonly engineDelayMs: number;
  /** The SIP core's room; ample when left out. */
  readonly transactionsMax?: number;
}

export class SimNode {
  readonly engine = new FakeEngine();
  readonly facts: DomainEvent[] = [];
  /** Sees every write of facts when it happens. */
  onFacts: ((events: readonly DomainEvent[]) => void) | null = null;
  /** Sees every order when it is given. */
  onOrders: ((orders: readonly EngineOrder[]) => void) | null = null;
  /** False: facts can't be written and are kept for later, as on a full disk. */
  storeWrites = true;
  /** Calls that waited for a silent engine for longer than any should. */
  readonly stuck: CallId[] = [];
  readonly rejections: ErrorCode[] = [];
  readonly refusals: ErrorCode[] = [];
  readonly gatewayNews: HealthOutput[] = [];
  readonly b2bua: B2bua;
  readonly sip: SipCore;
  readonly admission: Admission;
  readonly signalling: Signalling;
  readonly #options: SimNodeOptions;
  #armedAt: number | null = null;
  /** Counts media processes: what an earlier one was asked is never answered. */
  #engineLife = 0;
  #engineIsSilent = false;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    const { clock, network, random, address, transactionsMax = 10_000 } = options;
    const { settings, book } = configured(options.yaml);
    const locals: readonly LocalPoint[] = settings.listen.sip;
    this.admission = new Admission(settings.limits, book.trunks);
    const health = new GatewayHealth();
    this.sip = new SipCore({ random, locals, limits: { transactionsMax } });
    const { realm } = settings.listen;
    const secret = Buffer.alloc(32, 1);
    this.b2bua = new B2bua(
      {
        random,
        locals,
        mediaAddresses: settings.media.addresses,
        inactivityMs: settings.media.inactivityS * 1000,
        inactivityHoldMs: settings.media.inactivityHoldS * 1000,
        book,
        admission: this.admission,
        digest: new DigestServer({ realm, secret, nonceLifetimeMs: 300_000 }),
        realm,
        product: null,
      },
      health,
    );
    this.signalling = new Signalling({
      sip: this.sip,
      b2bua: this.b2bua,
      health,
      carriers: {
        send: (to, bytes, txn) => {
          const remote = 'remote' in to ? to.remote : { host: to.host, port: to.port };
          const { transport } = to;
          const sent = network.send({ transport, from: address, to: remote, bytes });
          if (!sent && txn !== null) clock.after(1, () => this.#sendFailed(txn));
        },
        engine: (orders) => this.#order(orders),
        commit: (events) => {
          this.facts.push(...events);
          this.onFacts?.(events);
          return this.storeWrites;
        },
        rejected: (code) => this.rejections.push(code),
        refused: (_flow, error) => this.refusals.push(error.code),
        gateway: (news) => this.gatewayNews.push(news),
      },
    });
    network.attach(address, (remote, bytes, transport) => {
      const flow: Flow = { id: 1, transport, remote };
      this.signalling.sip(clock.now, { kind: 'received', flow, bytes });
      this.#rearm();
    });
  }

  /** Gives the B2BUA an input now. */
  command(input: Parameters<Signalling['command']>[1]): void {
    this.signalling.command(this.#options.clock.now, input);
    this.#rearm();
  }

  /** The media process dies with all it holds, and another one is there after a while. */
  loseEngine(forMs: number): void {
    this.#engineLife += 1;
    this.engine.endpoints.clear();
    this.command({ kind: 'engineReady', ready: false });
    this.command({ kind: 'engine', event: { kind: 'engineLost' } });
    this.#options.clock.after(forMs, () => this.command({ kind: 'engineReady', ready: true }));
  }

  /** The media process lives, answers nothing, and is replaced after a while. */
  silenceEngine(forMs: number): void {
    this.#engineIsSilent = true;
    this.#options.clock.after(forMs, () => {
      this.#engineIsSilent = false;
      const { epoch } = this.#options.clock.now;
      for (const { callId, phase, startedAt } of this.b2bua.liveCalls()) {
        if (phase === 'opening' && epoch - startedAt > ENGINE_PATIENCE_MS) this.stuck.push(callId);
      }
      this.loseEngine(1);
    });
  }

  #sendFailed(txn: ClientTxnId): void {
    this.signalling.sip(this.#options.clock.now, { kind: 'sendFailed', txn });
    this.#rearm();
  }

  // The engine answers a little later, in order, as the real one does.
  #order(orders: readonly EngineOrder[]): void {
    this.onOrders?.(orders);
    const { clock, engineDelayMs } = this.#options;
    const life = this.#engineLife;
    clock.after(engineDelayMs, () => {
      for (const order of orders) {
        if (life !== this.#engineLife || this.#engineIsSilent) return;
        this.command({ kind: 'engine', event: this.engine.carryOut(order) });
      }
    });
  }

  #rearm(): void {
    const due = this.signalling.nextDeadline;
    if (due === null || (this.#armedAt !== null && this.#armedAt <= due)) return;
    this.#armedAt = due;
    const { clock } = this.#options;
    clock.at(due, () => {
      if (this.#armedAt !== due) return;
      this.#armedAt = null;
      this.signalling.tick(clock.now);
      this.#rearm();
    });
  }
}

function configured(yaml: string): {
  readonly settings: Extract<ReturnType<typeof parseConfig>, { ok: true }>['value']['settings'];
  readonly book: Extract<ReturnType<typeof buildTrunkBook>, { ok: true }>['value'];
} {
  const readFile = (): Err<string> => err('the simulation has no files');
  const loaded = parseConfig(yaml, { file: 'sim.yaml', env: {}, readFile });
  if (!loaded.ok) throw new Error(loaded.error.map(({ problem }) => problem).join('; '));
  const { settings } = loaded.value;
  const book = buildTrunkBook(settings);
  if (!book.ok) throw new Error(book.error.message);
  return { settings, book: book.value };
}
