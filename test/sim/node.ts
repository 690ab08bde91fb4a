// The platform under simulation: the real SIP core, B2BUA and policies, on a simulated clock, network and engine.
import type { DomainEvent, ErrorCode, Flow, HostPort, LocalPoint, Random, SendTarget } from '../../src/base/index.ts';
import { B2bua } from '../../src/b2bua/index.ts';
import { parseConfig } from '../../src/config/index.ts';
import type { EngineOrder } from '../../src/engine/index.ts';
import { Signalling } from '../../src/server/signalling.ts';
import { SipCore } from '../../src/sip/index.ts';
import { Admission, buildTrunkBook, GatewayHealth } from '../../src/trunks/index.ts';
import type { HealthOutput } from '../../src/trunks/index.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import type { SimClock } from './clock.ts';
import type { SimNetwork } from './network.ts';

export interface SimNodeOptions {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly address: HostPort;
  /** A whole trunkyard.yaml. */
  readonly yaml: string;
  readonly engineDelayMs: number;
}

export class SimNode {
  readonly engine = new FakeEngine();
  readonly facts: DomainEvent[] = [];
  /** Sees every write of facts when it happens. */
  onFacts: ((events: readonly DomainEvent[]) => void) | null = null;
  readonly rejections: ErrorCode[] = [];
  readonly refusals: ErrorCode[] = [];
  readonly gatewayNews: HealthOutput[] = [];
  readonly b2bua: B2bua;
  readonly sip: SipCore;
  readonly admission: Admission;
  readonly signalling: Signalling;
  readonly #options: SimNodeOptions;
  #armedAt: number | null = null;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    const { clock, network, random, address, yaml } = options;
    const loaded = parseConfig(yaml, { file: 'sim.yaml', env: {}, readFile: () => ({ ok: false, error: 'none' }) });
    if (!loaded.ok) throw new Error(loaded.error.map(({ problem }) => problem).join('; '));
    const { settings } = loaded.value;
    const book = buildTrunkBook(settings);
    if (!book.ok) throw new Error(book.error.message);
    const locals: readonly LocalPoint[] = [{ transport: 'udp', bind: address, advertise: address }];
    this.admission = new Admission(settings.limits, book.value.trunks);
    const health = new GatewayHealth();
    this.sip = new SipCore({ random, locals, limits: { transactionsMax: 10_000 } });
    this.b2bua = new B2bua(
      {
        random,
        locals,
        mediaAddresses: settings.media.addresses,
        inactivityMs: settings.media.inactivityS * 1000,
        inactivityHoldMs: settings.media.inactivityHoldS * 1000,
        book: book.value,
        admission: this.admission,
        digest: null,
        realm: settings.listen.realm,
        product: null,
      },
      health,
    );
    this.signalling = new Signalling({
      sip: this.sip,
      b2bua: this.b2bua,
      health,
      carriers: {
        send: (to, bytes) => network.send(address, remoteOf(to), bytes),
        engine: (orders) => this.#order(orders),
        commit: (events) => {
          this.facts.push(...events);
          this.onFacts?.(events);
        },
        rejected: (code) => this.rejections.push(code),
        refused: (_flow, error) => this.refusals.push(error.code),
        gateway: (news) => this.gatewayNews.push(news),
      },
    });
    network.attach(address, (from, bytes) => {
      const flow: Flow = { id: 1, transport: 'udp', remote: from };
      this.signalling.sip(clock.now, { kind: 'received', flow, bytes });
      this.#rearm();
    });
  }

  /** Gives the B2BUA an input now. */
  command(input: Parameters<Signalling['command']>[1]): void {
    this.signalling.command(this.#options.clock.now, input);
    this.#rearm();
  }

  // The engine answers a little later, in order, as the real one does.
  #order(orders: readonly EngineOrder[]): void {
    const { clock, engineDelayMs } = this.#options;
    clock.after(engineDelayMs, () => {
      for (const order of orders) this.command({ kind: 'engine', event: this.engine.carryOut(order) });
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

function remoteOf(to: Flow | SendTarget): HostPort {
  return 'remote' in to ? to.remote : { host: to.host, port: to.port };
}
