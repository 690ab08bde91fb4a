// Drives the B2BUA core alone: SIP news and engine events in, its orders collected by kind. The transaction layer is left out,
// so a test says exactly what the peers did; the engine is the fake one and answers at once unless told otherwise.
import type {
  ClientTxnId,
  DomainEvent,
  EndpointHandle,
  ErrorCode,
  LegRecord,
  Now,
  ServerTxnId,
} from '../../src/base/index.ts';
import { epochMs, monoMs, seededRandom, serverTxnId } from '../../src/base/index.ts';
import type { B2buaInput, B2buaOutput, SipNews, SipOrder } from '../../src/b2bua/index.ts';
import { B2bua } from '../../src/b2bua/index.ts';
import { parseConfig } from '../../src/config/index.ts';
import type { EngineOrder } from '../../src/engine/index.ts';
import type { OutgoingRequest, OutgoingResponse } from '../../src/sip/index.ts';
import { DigestServer } from '../../src/sip/index.ts';
import { Admission, buildTrunkBook, GatewayHealth } from '../../src/trunks/index.ts';
import type { TrunkBook } from '../../src/trunks/index.ts';
import { FakeEngine } from './fake-engine.ts';
import type { ReplyParts, RequestBuilder } from './sip-messages.ts';
import { anInvite, headerOf, inDialog, reply, sdpOf, udpFrom } from './sip-messages.ts';

/** Carrier `in` calls, carrier `out` has two gateways; 0800 leads to the echo. */
export const TWO_TRUNKS = `
listen: { sip: ["udp://192.0.2.1:5060", "tcp://192.0.2.1:5060"], http: null }
media: { addresses: [{ bind: 192.0.2.1, ports: 20000-29999 }], inactivity_s: 60, inactivity_hold_s: 300 }
store: { url: "sqlite:./unit.db" }
limits: { calls: 1000, cps: 1000 }
trunks:
  - { name: in, allow: [192.0.2.10/32], gateways: [], cps: 100, channels: 100, max_duration_s: 3600 }
  - name: out
    allow: [192.0.2.20/32, 192.0.2.21/32]
    gateways:
      - { uri: "sip:192.0.2.20:5060", priority: 1, weight: 1 }
      - { uri: "sip:192.0.2.21:5060", priority: 2, weight: 1 }
    cps: 100
    channels: 100
    max_duration_s: 7200
    gateway_timeout_s: 4
    ring_timeout_s: 60
routes:
  - { prefix: "44", strip: 2, add: "0044", trunks: [out] }
  - { prefix: "0800", destination: echo }
`;

export interface SentRequest {
  readonly txn: ClientTxnId;
  readonly request: OutgoingRequest;
  readonly host: string;
  readonly port: number;
}

export interface SentResponse extends OutgoingResponse {
  readonly txn: ServerTxnId;
}

export type Ack = Extract<SipOrder, { kind: 'acknowledge' }>;
export type Cancel = Extract<SipOrder, { kind: 'cancel' }>;

/** As many as one gateway is made. */
const OFFERS_MAX = 4;

/** The start of simulated time, as records date it. */
export const START_EPOCH = Date.UTC(2026, 0, 1);

export interface DriverOptions {
  readonly yaml?: string;
  /** Text replaced in the configuration, for one setting that differs. */
  readonly edit?: readonly (readonly [string, string])[];
}

export class B2buaDriver {
  readonly engine = new FakeEngine();
  readonly admission: Admission;
  readonly health = new GatewayHealth();
  readonly b2bua: B2bua;
  readonly book: TrunkBook;
  /** Everything in the order it came out. */
  readonly outputs: B2buaOutput[] = [];
  readonly requests: SentRequest[] = [];
  readonly responses: SentResponse[] = [];
  /** Transactions that were answered and forgotten at once; their answers stand among `responses`. */
  readonly dismissed: ServerTxnId[] = [];
  readonly acks: Ack[] = [];
  readonly cancels: Cancel[] = [];
  /** INVITEs whose 2xx need not be repeated any more. */
  readonly taken: ServerTxnId[] = [];
  readonly facts: DomainEvent[] = [];
  readonly rejected: ErrorCode[] = [];
  /** Orders the engine has not answered, while `engineAnswers` is false. */
  readonly unanswered: EngineOrder[] = [];
  engineAnswers = true;
  #mono = 0;
  #lastServerTxn = 0;
  readonly #sources = new Map<ServerTxnId, string>();

  constructor({ yaml = TWO_TRUNKS, edit = [] }: DriverOptions = {}) {
    const { settings, book } = configured(
      edit.reduce((text, [from, to]) => replaced(text, from, to), yaml),
    );
    this.book = book;
    this.admission = new Admission(settings.limits, book.trunks);
    this.b2bua = new B2bua(
      {
        random: seededRandom(1),
        locals: settings.listen.sip,
        mediaAddresses: settings.media.addresses,
        inactivityMs: settings.media.inactivityS * 1000,
        inactivityHoldMs: settings.media.inactivityHoldS * 1000,
        book,
        admission: this.admission,
        digest: new DigestServer({
          realm: 'unit.example',
          secret: Buffer.alloc(32, 7),
          nonceLifetimeMs: 60_000,
        }),
        realm: 'unit.example',
        product: null,
      },
      this.health,
    );
  }

  get now(): Now {
    return { mono: monoMs(this.#mono), epoch: epochMs(START_EPOCH + this.#mono) };
  }

  // ── In ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  input(input: B2buaInput): void {
    this.#carry(this.b2bua.handle(this.now, input));
  }

  news(news: SipNews): void {
    this.input({ kind: 'sip', news });
  }

  /** A request comes in. @returns its server transaction. */
  receive(request: RequestBuilder, from = '192.0.2.10', port = 5060): ServerTxnId {
    this.#lastServerTxn += 1;
    const txn = serverTxnId(this.#lastServerTxn);
    this.#sources.set(txn, from);
    const flow = { ...udpFrom(from), remote: { host: from, port } };
    this.news({ kind: 'requestReceived', txn, flow, request: request.parse() });
    return txn;
  }

  /** Where a request came from. */
  sourceOf(txn: ServerTxnId): string {
    const host = this.#sources.get(txn);
    if (host === undefined) throw new Error(`no request ${txn} came in`);
    return host;
  }

  /** A peer answers a request of ours. */
  answer(sent: SentRequest, status: number, parts: ReplyParts = {}): void {
    this.news({
      kind: 'responseReceived',
      txn: sent.txn,
      flow: udpFrom(parts.from ?? sent.host),
      response: reply(sent.request, status, parts),
    });
  }

  /**
   * The gateway answers our INVITE with a description, and offers that hold none of its audio with 488, as telephones do.
   * @returns the INVITE that was answered 200.
   */
  answerOffer(body: string): SentRequest {
    for (let offers = 0; offers < OFFERS_MAX; offers += 1) {
      const sent = this.lastSent('INVITE');
      const offered = audioNames(sent.request.body?.toString() ?? '');
      if (audioNames(body).some((name) => offered.includes(name))) {
        this.answer(sent, 200, { body });
        return sent;
      }
      this.answer(sent, 488);
    }
    throw new Error('no offer has a codec of the answer');
  }

  fail(sent: SentRequest, why: 'timeout' | 'transport'): void {
    this.news({ kind: 'requestFailed', txn: sent.txn, why });
  }

  cancel(txn: ServerTxnId, reason: string | null = null): void {
    this.news({ kind: 'cancelled', txn, reason });
  }

  /** Lets time pass; every deadline on the way is handled when it is due. */
  pass(ms: number): void {
    const until = this.#mono + ms;
    for (;;) {
      const due = this.b2bua.nextDeadline;
      if (due === null || due > until) break;
      this.#mono = Math.max(this.#mono, due);
      this.#carry(this.b2bua.handleDeadline(this.now));
    }
    this.#mono = until;
  }

  /** The engine answers what it was asked while `engineAnswers` was false. */
  settleEngine(): void {
    this.engineAnswers = true;
    for (const order of this.unanswered.splice(0)) this.#obey(order);
  }

  // ── Out ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Requests of ours of one method, oldest first. */
  sent(method: string): readonly SentRequest[] {
    return this.requests.filter(({ request }) => request.method === method);
  }

  /** The newest request of ours of one method. */
  lastSent(method: string): SentRequest {
    const last = this.sent(method).at(-1);
    if (last === undefined) throw new Error(`no ${method} was sent`);
    return last;
  }

  /** Every answer to one server transaction. */
  told(txn: ServerTxnId): readonly SentResponse[] {
    return this.responses.filter((response) => response.txn === txn);
  }

  statuses(txn: ServerTxnId): readonly number[] {
    return this.told(txn).map(({ status }) => status);
  }

  lastTold(txn: ServerTxnId): SentResponse {
    const last = this.told(txn).at(-1);
    if (last === undefined) throw new Error(`transaction ${txn} was never answered`);
    return last;
  }

  /** Final records in the order they were written. */
  get records(): readonly LegRecord[] {
    return this.facts.flatMap((fact) => (fact.kind === 'leg.ended' ? [fact.leg] : []));
  }

  record(direction: 'inbound' | 'outbound'): LegRecord {
    const [record, ...more] = this.records.filter((leg) => leg.direction === direction);
    if (record === undefined || more.length > 0) throw new Error(`${this.records.length} records`);
    return record;
  }

  /** The endpoints open now, in the order they were opened: the caller's, then the callee's. */
  get endpoints(): readonly EndpointHandle[] {
    return [...this.engine.endpoints.keys()];
  }

  #carry(outputs: readonly B2buaOutput[]): void {
    for (const output of outputs) {
      this.outputs.push(output);
      if (output.kind === 'sip') this.#keep(output.order);
      else if (output.kind === 'commit') this.facts.push(...output.events);
      else if (output.kind === 'rejected') this.rejected.push(output.code);
    }
    for (const output of outputs) {
      if (output.kind !== 'engine') continue;
      for (const order of output.orders) {
        if (this.engineAnswers) this.#obey(order);
        else this.unanswered.push(order);
      }
    }
  }

  #obey(order: EngineOrder): void {
    this.input({ kind: 'engine', event: this.engine.carryOut(order) });
  }

  #keep(order: SipOrder): void {
    switch (order.kind) {
      case 'request':
        this.requests.push({
          txn: order.txn,
          request: order.request,
          host: order.target.host,
          port: order.target.port,
        });
        break;
      case 'dismiss':
        this.dismissed.push(order.txn);
        this.responses.push({ txn: order.txn, ...order.response });
        break;
      case 'respond':
        this.responses.push({ txn: order.txn, ...order.response });
        break;
      case 'acknowledge':
        this.acks.push(order);
        break;
      case 'cancel':
        this.cancels.push(order);
        break;
      case 'ackTaken':
        this.taken.push(order.txn);
        break;
    }
  }
}

/** One party of a call under test, with the numbers its dialog needs. */
export class Party {
  readonly #driver: B2buaDriver;
  readonly #from: string;
  readonly #to: string;
  readonly #callId: string;
  readonly host: string;
  #cseq: number;

  constructor(
    driver: B2buaDriver,
    dialog: {
      readonly from: string;
      readonly to: string;
      readonly callId: string;
      readonly host: string;
      readonly cseq: number;
    },
  ) {
    this.#driver = driver;
    this.#from = dialog.from;
    this.#to = dialog.to;
    this.#callId = dialog.callId;
    this.host = dialog.host;
    this.#cseq = dialog.cseq;
  }

  /** The party's next request, not sent yet. */
  request(method: string, body: string | null = null): RequestBuilder {
    this.#cseq += 1;
    return this.again(method, body);
  }

  /** A request with the CSeq number of the last one. */
  again(method: string, body: string | null = null): RequestBuilder {
    const dialog = {
      from: this.#from,
      to: this.#to,
      callId: this.#callId,
      cseq: this.#cseq,
      host: this.host,
    };
    return inDialog(method, dialog).withBody(body);
  }

  /** Sends the party's next request. @returns its server transaction. */
  send(method: string, body: string | null = null): ServerTxnId {
    return this.#driver.receive(this.request(method, body), this.host);
  }

  /** ACK of our 2xx to INVITE `txn`. */
  acknowledge(txn: ServerTxnId, body: string | null = null): void {
    this.acknowledgeFrom(this.host, txn, body);
  }

  /** The same, sent by whoever has read the dialog's tags. */
  acknowledgeFrom(host: string, txn: ServerTxnId, body: string | null = null): void {
    const request = this.again('ACK', body).parse();
    this.#driver.news({ kind: 'ackReceived', txn, flow: udpFrom(host), request });
  }
}

export interface Standing {
  readonly invite: ServerTxnId;
  readonly alice: Party;
  readonly bob: Party;
  /** Our INVITE that the gateway answered. */
  readonly sent: SentRequest;
}

/** The caller's side once it has a To tag of ours. */
export function callerOf(driver: B2buaDriver, invite: RequestBuilder, txn: ServerTxnId): Party {
  const tag = driver.lastTold(txn).toTag ?? '';
  return new Party(driver, {
    from: invite.value('From'),
    to: `${invite.value('To')};tag=${tag}`,
    callId: invite.value('Call-ID'),
    host: driver.sourceOf(txn),
    cseq: 1,
  });
}

/** The gateway's side of an INVITE of ours. */
export function calleeOf(driver: B2buaDriver, sent: SentRequest, tag = 'bob-tag'): Party {
  return new Party(driver, {
    from: `${headerOf(sent.request, 'To')};tag=${tag}`,
    to: headerOf(sent.request, 'From'),
    callId: headerOf(sent.request, 'Call-ID'),
    host: sent.host,
    cseq: 100,
  });
}

/** A call that rings after 100 ms, is answered after 400 and acknowledged at once. */
export function standingCall(driver: B2buaDriver, invite: RequestBuilder = anInvite()): Standing {
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  driver.pass(100);
  driver.answer(sent, 180);
  driver.pass(300);
  driver.answer(sent, 200, { body: sdpOf({ host: sent.host, port: 50_000 }) });
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  return { invite: txn, alice, bob: calleeOf(driver, sent), sent };
}

function configured(yaml: string): {
  readonly settings: ReturnType<typeof settingsOf>;
  readonly book: TrunkBook;
} {
  const settings = settingsOf(yaml);
  const book = buildTrunkBook(settings);
  if (!book.ok) throw new Error(book.error.message);
  return { settings, book: book.value };
}

function settingsOf(
  yaml: string,
): Extract<ReturnType<typeof parseConfig>, { ok: true }>['value']['settings'] {
  const loaded = parseConfig(yaml, {
    file: 'unit.yaml',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
  });
  if (!loaded.ok) throw new Error(loaded.error.map(({ problem }) => problem).join('; '));
  return loaded.value.settings;
}

/** A book of another configuration, for reloads. */
export function bookOf(yaml: string): TrunkBook {
  return configured(yaml).book;
}

/** Encoding names of a description's rtpmaps, less what goes beside audio. */
function audioNames(body: string): readonly string[] {
  return [...body.matchAll(/a=rtpmap:\d+ ([^/]+)/g)]
    .map(([, name = '']) => name)
    .filter((name) => !['telephone-event', 'CN', 'red'].includes(name));
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the configuration has no ${from}`);
  return text.replace(from, to);
}
