// A party under simulation: calls or answers by a plan, over a SIP core of its own, and remembers what it was told.
import type { ClientTxnId, Flow, HostPort, Random, SendTarget, ServerTxnId } from '../../src/base/index.ts';
import { clientTxnId, hostPortText } from '../../src/base/index.ts';
import type { OutgoingRequest, SipInput, SipOutput, SipRequest, SipResponse } from '../../src/sip/index.ts';
import { Dialog, SipCore } from '../../src/sip/index.ts';
import type { SimClock } from './clock.ts';
import type { SimNetwork } from './network.ts';

/** What a caller does with one call. */
export interface CallerPlan {
  readonly number: string;
  readonly offersLate: boolean;
  readonly cancelAfterMs: number | null;
  /** Null: waits for the other side to hang up. */
  readonly hangUpAfterMs: number | null;
  readonly holdAfterMs: number | null;
}

/** What a gateway does with one call. */
export interface CalleePlan {
  readonly ringAfterMs: number | null;
  readonly earlyMedia: boolean;
  /** Null: never answers at all. */
  readonly finalAfterMs: number | null;
  readonly status: number;
  readonly hangUpAfterMs: number | null;
  readonly holdAfterMs: number | null;
}

export interface PartyCall {
  readonly sipCallId: string;
  readonly number: string;
  readonly finals: number[];
  answeredAt: number | null;
  endedAt: number | null;
  /** BYE or a refusal was seen or sent. */
  over: boolean;
  dialog: Dialog | null;
  inviteTxn: ClientTxnId | null;
  reinvites: number;
  ackBody: Buffer | null;
}

export interface SimUserOptions {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly address: HostPort;
  readonly name: string;
}

export class SimUser {
  readonly calls: PartyCall[] = [];
  /** Requests that got no answer at all. */
  readonly failures: string[] = [];
  readonly sip: SipCore;
  /** How INVITEs are answered; by the user part of the Request-URI. */
  answerPlan: (number: string) => CalleePlan = () => REFUSING;
  readonly #options: SimUserOptions;
  readonly #serverInvites = new Map<ServerTxnId, PartyCall>();
  readonly #uses = new Map<ClientTxnId, { readonly kind: 'invite' | 'reinvite' | 'bye'; readonly call: PartyCall; readonly request: OutgoingRequest; readonly late: boolean }>();
  readonly #plans = new Map<PartyCall, CallerPlan>();
  #lastTxn = 0;
  #armedAt: number | null = null;

  constructor(options: SimUserOptions) {
    this.#options = options;
    const { address, network, random } = options;
    const locals = [{ transport: 'udp', bind: address, advertise: address }] as const;
    this.sip = new SipCore({ random, locals, limits: { transactionsMax: 10_000 } });
    network.attach(address, (from, bytes) => {
      const flow: Flow = { id: 1, transport: 'udp', remote: from };
      this.#feed({ kind: 'received', flow, bytes });
    });
  }

  /** Places a call through the node at `via`. */
  call(via: HostPort, plan: CallerPlan): void {
    const { address, random, name } = this.#options;
    const call: PartyCall = {
      sipCallId: `${name}-${random.hex(6)}`,
      number: plan.number,
      finals: [],
      answeredAt: null,
      endedAt: null,
      over: false,
      dialog: null,
      inviteTxn: null,
      reinvites: 0,
      ackBody: null,
    };
    this.calls.push(call);
    this.#plans.set(call, plan);
    const here = hostPortText(address);
    const body = plan.offersLate ? null : this.#sdp('sendrecv');
    const request: OutgoingRequest = {
      method: 'INVITE',
      uri: `sip:${plan.number}@${hostPortText(via)}`,
      headers: [
        ['Max-Forwards', '70'],
        ['From', `<sip:${name}@${here}>;tag=${random.hex(4)}`],
        ['To', `<sip:${plan.number}@${hostPortText(via)}>`],
        ['Call-ID', call.sipCallId],
        ['CSeq', '1 INVITE'],
        ['Contact', `<sip:${name}@${here}>`],
        ...(body === null ? [] : [['Content-Type', 'application/sdp'] as const]),
      ],
      body,
    };
    call.inviteTxn = this.#send('invite', call, request, { transport: 'udp', ...via }, plan.offersLate);
    if (plan.cancelAfterMs !== null) {
      this.#options.clock.after(plan.cancelAfterMs, () => {
        if (call.finals.length > 0 || call.inviteTxn === null) return;
        this.#feed({ kind: 'cancel', txn: call.inviteTxn, headers: [] });
      });
    }
  }

  #send(kind: 'invite' | 'reinvite' | 'bye', call: PartyCall, request: OutgoingRequest, target: SendTarget, late = false): ClientTxnId {
    this.#lastTxn += 1;
    const txn = clientTxnId(this.#lastTxn);
    this.#uses.set(txn, { kind, call, request, late });
    this.#feed({ kind: 'request', txn, target, request });
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
        const to = 'remote' in output.to ? output.to.remote : output.to;
        network.send(address, { host: to.host, port: to.port }, output.bytes);
      } else if (output.kind === 'requestReceived') this.#onRequest(output.txn, output.request);
      else if (output.kind === 'responseReceived') this.#onResponse(output.txn, output.response);
      else if (output.kind === 'requestFailed') this.#onFailed(output.txn, output.why);
      else if (output.kind === 'cancelled') this.#onCancelled(output.txn);
      else if (output.kind === 'ackReceived') this.#onAck(output.txn, output.request);
      else if (output.kind === 'ackMissing') this.#hangUp(this.#serverInvites.get(output.txn));
    }
  }

  #onRequest(txn: ServerTxnId, request: SipRequest): void {
    const call = this.calls.find(({ dialog, sipCallId }) => sipCallId === request.callId && dialog?.localTag === request.to.tag);
    if (request.method === 'BYE') {
      this.#respond(txn, call === undefined ? 481 : 200, null);
      if (call !== undefined) this.#over(call);
    } else if (request.method === 'INVITE' && request.to.tag === null) this.#onInvite(txn, request);
    else if (request.method === 'INVITE' && call !== undefined && !call.over) {
      call.dialog?.acceptRequest(request.cseq.number);
      call.dialog?.refreshTarget(request.contacts[0] ?? null);
      call.reinvites += 1;
      const held = request.body.includes('a=sendonly');
      this.#serverInvites.set(txn, call);
      this.#respond(txn, 200, this.#sdp(held ? 'recvonly' : 'sendrecv'));
    } else this.#respond(txn, request.method === 'INVITE' ? 481 : 405, null);
  }

  #onInvite(txn: ServerTxnId, request: SipRequest): void {
    const { clock, random, address, name } = this.#options;
    const number = request.uri.user ?? '';
    const plan = this.answerPlan(number);
    const tag = random.hex(4);
    const call: PartyCall = {
      sipCallId: request.callId,
      number,
      finals: [],
      answeredAt: null,
      endedAt: null,
      over: false,
      dialog: Dialog.fromUas(request, { tag, contact: `<sip:${name}@${hostPortText(address)}>` }),
      inviteTxn: null,
      reinvites: 0,
      ackBody: null,
    };
    this.calls.push(call);
    this.#serverInvites.set(txn, call);
    const { ringAfterMs, finalAfterMs } = plan;
    if (ringAfterMs !== null) {
      clock.after(ringAfterMs, () => {
        if (call.finals.length === 0) {
          const early = plan.earlyMedia && request.body.length > 0;
          this.#respond(txn, early ? 183 : 180, early ? this.#sdp('sendrecv') : null, tag);
        }
      });
    }
    if (finalAfterMs === null) return;
    clock.after(finalAfterMs, () => {
      if (call.finals.length > 0) return;
      call.finals.push(plan.status);
      const accepted = plan.status < 300;
      this.#respond(txn, plan.status, accepted ? this.#sdp('sendrecv') : null, tag);
      if (!accepted) {
        this.#over(call);
        return;
      }
      call.answeredAt = clock.mono;
      if (plan.hangUpAfterMs !== null) clock.after(plan.hangUpAfterMs, () => this.#hangUp(call));
      if (plan.holdAfterMs !== null) clock.after(plan.holdAfterMs, () => this.#hold(call));
    });
  }

  #onCancelled(txn: ServerTxnId): void {
    const call = this.#serverInvites.get(txn);
    if (call === undefined || call.finals.length > 0) return;
    call.finals.push(487);
    this.#respond(txn, 487, null, call.dialog?.localTag ?? null);
    this.#over(call);
  }

  #onAck(txn: ServerTxnId, request: SipRequest): void {
    const call = this.#serverInvites.get(txn);
    if (call !== undefined) call.ackBody = request.body.length > 0 ? request.body : null;
  }

  #onResponse(txn: ClientTxnId, response: SipResponse): void {
    const use = this.#uses.get(txn);
    if (use === undefined || response.status < 200) return;
    const { call } = use;
    if (use.kind === 'bye') return;
    if (use.kind === 'reinvite') {
      if (response.status < 300) this.#acknowledge(txn, call, response, null);
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
    this.#acknowledge(txn, call, response, use.late ? this.#sdp('sendrecv') : null);
    const plan = this.#plans.get(call);
    const { clock } = this.#options;
    if (plan?.hangUpAfterMs != null) clock.after(plan.hangUpAfterMs, () => this.#hangUp(call));
    if (plan?.holdAfterMs != null) clock.after(plan.holdAfterMs, () => this.#hold(call));
  }

  #acknowledge(txn: ClientTxnId, call: PartyCall, response: SipResponse, body: Buffer | null): void {
    const headers = body === null ? [] : ([['Content-Type', 'application/sdp']] as const);
    const ack = call.dialog?.buildAck(response.cseq.number, { headers, body });
    if (ack === undefined || !ack.ok) throw new Error('no ACK');
    const { target, request } = ack.value;
    this.#feed({ kind: 'acknowledge', txn, toTag: response.to.tag ?? '', target, request });
  }

  #onFailed(txn: ClientTxnId, why: string): void {
    const use = this.#uses.get(txn);
    if (use === undefined) return;
    this.failures.push(`${use.request.method} ${why}`);
    if (use.kind === 'invite') this.#over(use.call);
  }

  #hangUp(call: PartyCall | undefined): void {
    if (call === undefined || call.over || call.dialog === null) return;
    this.#over(call);
    const bye = call.dialog.buildRequest('BYE');
    if (bye.ok) this.#send('bye', call, bye.value.request, bye.value.target);
  }

  #hold(call: PartyCall): void {
    if (call.over || call.dialog === null) return;
    const body = this.#sdp('sendonly');
    const built = call.dialog.buildRequest('INVITE', { headers: [['Content-Type', 'application/sdp']], body });
    if (built.ok) this.#send('reinvite', call, built.value.request, built.value.target);
  }

  #over(call: PartyCall): void {
    call.over = true;
    call.endedAt ??= this.#options.clock.mono;
  }

  #respond(txn: ServerTxnId, status: number, body: Buffer | null, toTag: string | null = 'x'): void {
    const { address, name } = this.#options;
    const headers = [
      ['Contact', `<sip:${name}@${hostPortText(address)}>`] as const,
      ...(body === null ? [] : [['Content-Type', 'application/sdp'] as const]),
    ];
    this.#feed({ kind: 'respond', txn, response: { status, reason: null, toTag, headers, body } });
  }

  #sdp(direction: string): Buffer {
    const { host } = this.#options.address;
    const lines = ['v=0', `o=- 1 1 IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0'];
    return Buffer.from(`${[...lines, 'm=audio 40000 RTP/AVP 0 8 101', 'a=rtpmap:101 telephone-event/8000', `a=${direction}`].join('\r\n')}\r\n`);
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

const REFUSING: CalleePlan = {
  ringAfterMs: null,
  earlyMedia: false,
  finalAfterMs: 0,
  status: 486,
  hangUpAfterMs: null,
  holdAfterMs: null,
};
