// A party under simulation: calls or answers by a plan, over a SIP core of its own, and remembers what it was told.
import type {
  ClientTxnId,
  Flow,
  HostPort,
  Random,
  SendTarget,
  ServerTxnId,
} from '../../src/base/index.ts';
import { clientTxnId, hostPortText } from '../../src/base/index.ts';
import type {
  HeaderLines,
  OutgoingRequest,
  SipInput,
  SipOutput,
  SipRequest,
  SipResponse,
} from '../../src/sip/index.ts';
import { Dialog, digestAnswer, SipCore } from '../../src/sip/index.ts';
import type { SimClock } from './clock.ts';
import type { MediaTraits } from './media.ts';
import { PartyMedia } from './media.ts';
import type { SimNetwork } from './network.ts';
import type { CalleePlan, CallerPlan, ChangePlan } from './plans.ts';
import { BETWEEN_DIGITS_MS, REFUSING } from './plans.ts';

export interface PartyCall {
  readonly sipCallId: string;
  readonly number: string;
  readonly media: PartyMedia;
  readonly finals: number[];
  answeredAt: number | null;
  endedAt: number | null;
  /** BYE or a refusal was seen or sent. */
  over: boolean;
  dialog: Dialog | null;
  inviteTxn: ClientTxnId | null;
  /** A change of its own waits for its answer. */
  changing: ClientTxnId | null;
  changeAnswerMs: number;
  /** The method of the other side's newest request in the dialog. */
  lastAsked: string;
  /** Answers to its INVITE, by To tag. */
  readonly answers: Map<string, string>;
}

export interface SimUserOptions {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly address: HostPort;
  readonly name: string;
  /** What it answers challenges with; null: nothing. */
  readonly password: string | null;
  /** Asks for credentials, which it believes as soon as there are any. */
  readonly challenges: boolean;
  /** Says 100 to an INVITE before anything else. */
  readonly saysTrying: boolean;
  /** Its early media is another fork's. */
  readonly forks: boolean;
  /** The Reason of its CANCELs; null: none. */
  readonly cancelReason: string | null;
  readonly media: MediaTraits;
}

interface Use {
  readonly kind: 'invite' | 'reinvite' | 'bye' | 'info';
  readonly call: PartyCall;
  readonly request: OutgoingRequest;
  readonly target: SendTarget;
  readonly late: boolean;
}

export class SimUser {
  readonly calls: PartyCall[] = [];
  /** What the platform sent it that breaks a rule of RFC 3261. */
  readonly faults: string[] = [];
  /** Requests that got no answer at all. */
  readonly failures: string[] = [];
  readonly sip: SipCore;
  /** How INVITEs are answered; by the user part of the Request-URI. */
  answerPlan: (number: string) => CalleePlan = () => REFUSING;
  readonly #options: SimUserOptions;
  readonly #serverInvites = new Map<ServerTxnId, PartyCall>();
  readonly #uses = new Map<ClientTxnId, Use>();
  readonly #plans = new Map<PartyCall, CallerPlan>();
  /** re-INVITEs of the other side that have no final answer. */
  readonly #asked = new Set<ServerTxnId>();
  #lastTxn = 0;
  #armedAt: number | null = null;

  constructor(options: SimUserOptions) {
    this.#options = options;
    const { address, network, random } = options;
    const locals = (['udp', 'tcp'] as const).map((transport) => ({
      transport,
      bind: address,
      advertise: address,
    }));
    this.sip = new SipCore({ random, locals, limits: { transactionsMax: 10_000 } });
    network.attach(address, (remote, bytes, transport) => {
      const flow: Flow = { id: 1, transport, remote };
      this.#feed({ kind: 'received', flow, bytes });
    });
  }

  /** Places a call through the node at `via`. */
  call(via: HostPort, plan: CallerPlan): void {
    const { random, name } = this.#options;
    const call = this.#newCall(
      { sipCallId: `${name}-${random.hex(6)}`, number: plan.number },
      null,
    );
    call.changeAnswerMs = plan.changeAnswerMs;
    this.calls.push(call);
    this.#plans.set(call, plan);
    const request = this.#inviteOf(call, via, plan.offersLate);
    const target = { transport: 'udp', ...via } as const;
    call.inviteTxn = this.#send({ kind: 'invite', call, request, target, late: plan.offersLate });
    if (plan.cancelAfterMs === null) return;
    const { cancelReason } = this.#options;
    const headers: HeaderLines = cancelReason === null ? [] : [['Reason', cancelReason]];
    this.#options.clock.after(plan.cancelAfterMs, () => {
      if (call.finals.length > 0 || call.inviteTxn === null) return;
      this.#feed({ kind: 'cancel', txn: call.inviteTxn, headers });
    });
  }

  #inviteOf(call: PartyCall, via: HostPort, offersLate: boolean): OutgoingRequest {
    const { address, random, name } = this.#options;
    const here = hostPortText(address);
    const there = hostPortText(via);
    const body = offersLate ? null : call.media.offer('sendrecv');
    return {
      method: 'INVITE',
      uri: `sip:${call.number}@${there}`,
      headers: [
        ['Max-Forwards', '70'],
        ['From', `<sip:${name}@${here}>;tag=${random.hex(4)}`],
        ['To', `<sip:${call.number}@${there}>`],
        ['Call-ID', call.sipCallId],
        ['CSeq', '1 INVITE'],
        ['Contact', `<sip:${name}@${here}>`],
        ...typeOf(body),
      ],
      body,
    };
  }

  #send(use: Use): ClientTxnId {
    this.#lastTxn += 1;
    const txn = clientTxnId(this.#lastTxn);
    this.#uses.set(txn, use);
    this.#feed({ kind: 'request', txn, target: use.target, request: use.request });
    return txn;
  }

  #feed(input: SipInput): void {
    this.#carry(this.sip.handle(this.#options.clock.mono, input));
    this.#rearm();
  }

  #carry(outputs: readonly SipOutput[]): void {
    const { network, address } = this.#options;
    for (const output of outputs) {
      if (output.kind === 'send') {
        const { transport } = output.to;
        const to = 'remote' in output.to ? output.to.remote : output.to;
        const { host, port } = to;
        network.send({ transport, from: address, to: { host, port }, bytes: output.bytes });
      } else if (output.kind === 'requestReceived') this.#onRequest(output.txn, output.request);
      else if (output.kind === 'responseReceived') this.#onResponse(output.txn, output.response);
      else if (output.kind === 'requestFailed') this.#onFailed(output.txn, output.why);
      else if (output.kind === 'cancelled') this.#onCancelled(output.txn);
      else if (output.kind === 'ackMissing') this.#hangUp(this.#serverInvites.get(output.txn));
    }
  }

  // ── Asked by others ───────────────────────────────────────────────────────────────────────────────────────────────

  #onRequest(txn: ServerTxnId, request: SipRequest): void {
    const { challenges, name, saysTrying } = this.#options;
    // As a strict peer does (RFC 3261 §8.2.3): a body without its type means nothing.
    const wanted = request.method === 'INFO' ? 'application/dtmf-relay' : 'application/sdp';
    if (request.body.length > 0 && request.contentType !== wanted) {
      this.#respond(txn, 415);
      this.faults.push(`${request.method} with a body of type ${request.contentType ?? 'none'}`);
      return;
    }
    if (saysTrying && request.method === 'INVITE') this.#respond(txn, 100);
    if (challenges && request.method !== 'OPTIONS' && request.header('authorization') === null) {
      const challenge = `Digest realm="${name}", nonce="n", algorithm=MD5, qop="auth"`;
      this.#respond(txn, 401, { headers: [['WWW-Authenticate', challenge]] });
      return;
    }
    const call = this.calls.find(
      ({ dialog, sipCallId }) =>
        sipCallId === request.callId && dialog?.localTag === request.to.tag,
    );
    if (request.method === 'BYE') {
      this.#respond(txn, call === undefined ? 481 : 200);
      if (call !== undefined) this.#over(call);
    } else if (request.method === 'INFO') this.#onInfo(txn, request, call);
    else if (request.method === 'INVITE' && request.to.tag === null) this.#onInvite(txn, request);
    else if (request.method === 'INVITE' && call !== undefined && !call.over) {
      this.#onReinvite(txn, request, call);
    } else this.#respond(txn, request.method === 'INVITE' ? 481 : 405);
  }

  #onInfo(txn: ServerTxnId, request: SipRequest, call: PartyCall | undefined): void {
    if (call === undefined) this.#respond(txn, 481);
    else if (this.#isInOrder(request, call)) this.#respond(txn, 200);
    else this.#respond(txn, 500);
  }

  /** RFC 3261 §12.2.2. Nobody can help that a re-INVITE overtakes an INFO; an INFO has time. */
  #isInOrder({ method, cseq }: SipRequest, call: PartyCall): boolean {
    if (call.dialog?.acceptRequest(cseq.number) === 'stale') {
      if (call.lastAsked === 'INFO') {
        this.faults.push(`${call.sipCallId}: an INFO overtook ${method} ${cseq.number}`);
      }
      return false;
    }
    call.lastAsked = method;
    return true;
  }

  #onReinvite(txn: ServerTxnId, request: SipRequest, call: PartyCall): void {
    if (!this.#isInOrder(request, call)) {
      this.#respond(txn, 500);
      return;
    }
    if (call.changing !== null) {
      this.#respond(txn, 491);
      return;
    }
    call.dialog?.refreshTarget(request.contacts[0] ?? null);
    const held = request.body.includes('a=sendonly');
    this.#serverInvites.set(txn, call);
    this.#asked.add(txn);
    this.#options.clock.after(call.changeAnswerMs, () => {
      if (!this.#asked.delete(txn)) return;
      if (call.over) {
        this.#respond(txn, 487);
        return;
      }
      const { media } = call;
      const direction = held ? 'recvonly' : 'sendrecv';
      const late = request.body.length === 0;
      const body = late ? media.offer('sendrecv') : media.answer(request.body, direction);
      this.#respond(txn, body === null ? 488 : 200, { body });
    });
  }

  #onInvite(txn: ServerTxnId, request: SipRequest): void {
    const { clock, random, address, name } = this.#options;
    const plan = this.answerPlan(request.uri.user ?? '');
    const tag = random.hex(4);
    const dialog = Dialog.fromUas(request, {
      tag,
      contact: `<sip:${name}@${hostPortText(address)}>`,
    });
    const call = this.#newCall(
      { sipCallId: request.callId, number: request.uri.user ?? '' },
      dialog,
    );
    call.changeAnswerMs = plan.changeAnswerMs;
    this.calls.push(call);
    this.#serverInvites.set(txn, call);
    const { ringAfterMs, finalAfterMs } = plan;
    if (ringAfterMs !== null) {
      clock.after(ringAfterMs, () => {
        if (call.finals.length > 0) return;
        const early = plan.earlyMedia && request.body.length > 0;
        const { forks } = this.#options;
        const body = early
          ? call.media.answer(request.body, 'sendrecv', forks ? 'PCMU' : null)
          : null;
        this.#respond(txn, body !== null ? 183 : 180, { body, toTag: forks ? `fork-${tag}` : tag });
      });
    }
    if (finalAfterMs !== null)
      clock.after(finalAfterMs, () => this.#answer(txn, call, { plan, request }));
  }

  #answer(
    txn: ServerTxnId,
    call: PartyCall,
    { plan, request }: { readonly plan: CalleePlan; readonly request: SipRequest },
  ): void {
    if (call.finals.length > 0) return;
    const { clock } = this.#options;
    const { media } = call;
    const late = request.body.length === 0;
    const body = late ? media.offer('sendrecv') : media.answer(request.body, 'sendrecv');
    const status = plan.status < 300 && body === null ? 488 : plan.status;
    call.finals.push(status);
    const toTag = call.dialog?.localTag ?? 'x';
    this.#respond(txn, status, { body: status < 300 ? body : null, toTag });
    if (status >= 300) {
      this.#over(call);
      return;
    }
    call.answeredAt = clock.mono;
    this.#live(call, plan);
  }

  #onCancelled(txn: ServerTxnId): void {
    const call = this.#serverInvites.get(txn);
    if (call === undefined) return;
    if (this.#asked.delete(txn)) {
      this.#respond(txn, 487);
      return;
    }
    if (call.finals.length > 0) return;
    call.finals.push(487);
    this.#respond(txn, 487, { toTag: call.dialog?.localTag ?? 'x' });
    this.#over(call);
  }

  // ── What it asked itself ──────────────────────────────────────────────────────────────────────────────────────────

  #onResponse(txn: ClientTxnId, response: SipResponse): void {
    const use = this.#uses.get(txn);
    if (use === undefined) return;
    if (use.kind === 'invite') this.#noteAnswer(use.call, response);
    if (response.status < 200) return;
    if (response.status === 401 && this.#answerChallenge(txn, use, response)) return;
    const { call } = use;
    if (use.kind === 'bye' || use.kind === 'info') return;
    if (use.kind === 'reinvite') {
      if (call.changing === txn) call.changing = null;
      if (response.status < 300) this.#acknowledge(txn, use, response);
      return;
    }
    call.finals.push(response.status);
    if (response.status >= 300) {
      this.#over(call);
      return;
    }
    const dialog = Dialog.fromUac(use.request, response);
    if (!dialog.ok) throw new Error(dialog.error.message);
    call.dialog = dialog.value;
    call.answeredAt = this.#options.clock.mono;
    this.#acknowledge(txn, use, response);
    const plan = this.#plans.get(call);
    if (plan !== undefined) this.#live(call, plan);
  }

  /** RFC 3261 §13.2.1: under one To tag every answer but the first is ignored, so another one would be lost on a real peer. */
  #noteAnswer(call: PartyCall, response: SipResponse): void {
    if (response.body.length === 0 || response.status >= 300) return;
    const tag = response.to.tag ?? '';
    const told = call.answers.get(tag);
    const text = response.body.toString('latin1');
    if (told === undefined) call.answers.set(tag, text);
    else if (told !== text) this.faults.push(`${call.sipCallId}: a second answer under tag ${tag}`);
  }

  #answerChallenge(txn: ClientTxnId, use: Use, response: SipResponse): boolean {
    const { password, name, random } = this.#options;
    const challenge = response.header('www-authenticate');
    const answered = use.request.headers.some(([header]) => header === 'Authorization');
    if (password === null || challenge === null || answered || use.kind !== 'invite') return false;
    const { method, uri } = use.request;
    const credentials = { username: name, password };
    const value = digestAnswer(challenge, credentials, { method, uri, cnonce: random.hex(8) });
    if (!value.ok) return false;
    const headers: HeaderLines = [
      ...use.request.headers.map(
        ([header, text]) => [header, header === 'CSeq' ? '2 INVITE' : text] as const,
      ),
      ['Authorization', value.value],
    ];
    this.#uses.delete(txn);
    use.call.inviteTxn = this.#send({ ...use, request: { ...use.request, headers } });
    return true;
  }

  #acknowledge(txn: ClientTxnId, { call, late }: Use, response: SipResponse): void {
    const { media } = call;
    if (!late) media.take(response.body);
    const body = late ? (media.answer(response.body, 'sendrecv') ?? media.refusal()) : null;
    const ack = call.dialog?.buildAck(response.cseq.number, { headers: typeOf(body), body });
    if (ack === undefined || !ack.ok) throw new Error('no ACK');
    const { target, request } = ack.value;
    this.#feed({ kind: 'acknowledge', txn, toTag: response.to.tag ?? '', target, request });
  }

  #onFailed(txn: ClientTxnId, why: string): void {
    const use = this.#uses.get(txn);
    if (use === undefined) return;
    this.failures.push(`${use.request.method} ${why}`);
    if (use.call.changing === txn) use.call.changing = null;
    if (use.kind === 'invite') this.#over(use.call);
  }

  /** What it does once the call is answered. */
  #live(call: PartyCall, plan: Pick<CallerPlan, 'hangUpAfterMs' | 'change' | 'keys'>): void {
    const { clock } = this.#options;
    const { hangUpAfterMs, change, keys } = plan;
    for (const [index, digit] of (keys?.digits ?? []).entries()) {
      const afterMs = (keys?.afterMs ?? 0) + index * BETWEEN_DIGITS_MS;
      clock.after(afterMs, () => this.#sayByInfo(call, digit));
    }
    if (hangUpAfterMs !== null) clock.after(hangUpAfterMs, () => this.#hangUp(call));
    if (change !== null) clock.after(change.afterMs, () => this.#change(call, change));
  }

  #hangUp(call: PartyCall | undefined): void {
    if (call === undefined || call.over || call.dialog === null) return;
    this.#over(call);
    const bye = call.dialog.buildRequest('BYE');
    if (!bye.ok) return;
    const { request, target } = bye.value;
    this.#send({ kind: 'bye', call, request, target, late: false });
  }

  #sayByInfo(call: PartyCall, digit: number): void {
    if (call.over || call.dialog === null) return;
    const headers: HeaderLines = [['Content-Type', 'application/dtmf-relay']];
    const body = Buffer.from(`Signal=${digit}\r\nDuration=100\r\n`, 'latin1');
    const built = call.dialog.buildRequest('INFO', { headers, body });
    if (!built.ok) return;
    const { request, target } = built.value;
    this.#send({ kind: 'info', call, request, target, late: false });
  }

  #change(call: PartyCall, { offersLate, cancelAfterMs }: ChangePlan): void {
    if (call.over || call.dialog === null || call.changing !== null) return;
    const body = offersLate ? null : call.media.offer('sendonly');
    const built = call.dialog.buildRequest('INVITE', { headers: typeOf(body), body });
    if (!built.ok) return;
    const { request, target } = built.value;
    const txn = this.#send({ kind: 'reinvite', call, request, target, late: offersLate });
    call.changing = txn;
    if (cancelAfterMs === null) return;
    this.#options.clock.after(cancelAfterMs, () => {
      if (call.changing === txn) this.#feed({ kind: 'cancel', txn, headers: [] });
    });
  }

  #over(call: PartyCall): void {
    call.over = true;
    call.endedAt ??= this.#options.clock.mono;
  }

  #respond(
    txn: ServerTxnId,
    status: number,
    parts: {
      readonly body?: Buffer | null;
      readonly toTag?: string;
      readonly headers?: HeaderLines;
    } = {},
  ): void {
    const { address, name } = this.#options;
    const { body = null, toTag = 'x', headers = [] } = parts;
    const contact = ['Contact', `<sip:${name}@${hostPortText(address)}>`] as const;
    const response = {
      status,
      reason: null,
      toTag,
      headers: [contact, ...headers, ...typeOf(body)],
      body,
    };
    this.#feed({ kind: 'respond', txn, response });
  }

  #newCall(
    identity: { readonly sipCallId: string; readonly number: string },
    dialog: Dialog | null,
  ): PartyCall {
    const { address, media, random } = this.#options;
    return {
      ...identity,
      media: new PartyMedia(address.host, media, random),
      finals: [],
      answeredAt: null,
      endedAt: null,
      over: false,
      dialog,
      inviteTxn: null,
      changing: null,
      changeAnswerMs: 0,
      lastAsked: '',
      answers: new Map(),
    };
  }

  #rearm(): void {
    const due = this.sip.nextDeadline;
    if (due === null || (this.#armedAt !== null && this.#armedAt <= due)) return;
    this.#armedAt = due;
    const { clock } = this.#options;
    clock.at(due, () => {
      if (this.#armedAt !== due) return;
      this.#armedAt = null;
      this.#carry(this.sip.handleDeadline(clock.mono));
      this.#rearm();
    });
  }
}

function typeOf(body: Buffer | null): HeaderLines {
  return body === null ? [] : [['Content-Type', 'application/sdp']];
}
