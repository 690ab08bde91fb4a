// Two SIP cores call each other over a link that loses, doubles and reorders datagrams, from 500
// seeds. Whatever the link does: one final per INVITE at the caller, one answer at the callee, and
// nothing left.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId, monoMs, neverReached, seededRandom } from '../../../src/base/index.ts';
import type {
  ClientTxnId,
  Flow,
  LocalPoint,
  Random,
  SendTarget,
  ServerTxnId,
} from '../../../src/base/index.ts';
import { SipCore } from '../../../src/sip/core.ts';
import type { OutgoingRequest, SipInput, SipOutput } from '../../../src/sip/types.ts';

const SEEDS = 500;
const CALLS = 3;
const LOSS = 0.3;
const DOUBLING = 0.15;
/** Longer than T1, so that datagrams overtake the repeats of earlier ones. */
const DELAY_MS_MAX = 700;
/** The user's patience with a ringing call, timer C in small. */
const PATIENCE_MS = 40_000;

type Side = 'caller' | 'callee';
const HOSTS: Readonly<Record<Side, string>> = { caller: '10.0.0.1', callee: '10.0.0.2' };

function local(side: Side): LocalPoint {
  const at = { host: HOSTS[side], port: 5060 };
  return { transport: 'udp', bind: at, advertise: at };
}

function targetOf(side: Side): SendTarget {
  return { transport: 'udp', host: HOSTS[side], port: 5060 };
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** The life of one call as the caller's and the callee's users saw it. */
interface CallLog {
  readonly invite: ClientTxnId;
  finals: number;
  /** To tags of 2xx handed up. */
  readonly accepted: string[];
  answers: number;
  acks: number;
  acksMissing: number;
  answeredWith: number;
}

class LossyWorld {
  readonly calls = new Map<string, CallLog>();
  readonly broken: string[] = [];
  readonly #random: Random;
  readonly #cores: Readonly<Record<Side, SipCore>>;
  readonly #byInvite = new Map<ClientTxnId, string>();
  readonly #byServer = new Map<ServerTxnId, string>();
  readonly #answered = new Set<ServerTxnId>();
  #events: Event[] = [];
  #order = 0;
  #nowMs = 0;
  #txns = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const limits = { transactionsMax: 1000 };
    const coreOf = (side: Side, salt: number): SipCore =>
      new SipCore({ random: seededRandom(seed * 2 + salt), locals: [local(side)], limits });
    this.#cores = { caller: coreOf('caller', 1_000_000), callee: coreOf('callee', 2_000_001) };
  }

  /** Runs to silence. @returns simulated milliseconds it took. */
  run(): number {
    for (let i = 0; i < CALLS; i += 1) {
      this.#later(this.#random.draw() * 2_000, () => this.#place(`call-${i}`));
    }
    for (let step = 0; step < 20_000; step += 1) {
      const event = this.#nextEvent();
      const deadlines = (['caller', 'callee'] as const).map((side) => ({
        side,
        atMs: this.#cores[side].nextDeadline ?? Infinity,
      }));
      const [first, second] = deadlines;
      const timer =
        first !== undefined && second !== undefined && second.atMs < first.atMs ? second : first;
      const timerAtMs = timer?.atMs ?? Infinity;
      if (event === undefined && timerAtMs === Infinity) return this.#nowMs;
      if (timer !== undefined && timerAtMs <= (event?.atMs ?? Infinity)) {
        this.#nowMs = Math.max(this.#nowMs, timerAtMs);
        this.#carryOut(timer.side, this.#cores[timer.side].handleDeadline(monoMs(this.#nowMs)));
      } else if (event !== undefined) {
        this.#events.splice(this.#events.indexOf(event), 1);
        this.#nowMs = event.atMs;
        event.run();
      }
    }
    throw new Error('the world never falls silent');
  }

  left(): number {
    return (['caller', 'callee'] as const)
      .map((side) => this.#cores[side].stats())
      .reduce((sum, stats) => sum + stats.transactions + stats.timers, 0);
  }

  #nextEvent(): Event | undefined {
    let next: Event | undefined;
    for (const event of this.#events) {
      const isSooner =
        next === undefined ||
        event.atMs < next.atMs ||
        (event.atMs === next.atMs && event.order < next.order);
      if (isSooner) next = event;
    }
    return next;
  }

  #later(delayMs: number, run: () => void): void {
    this.#order += 1;
    this.#events.push({ atMs: this.#nowMs + delayMs, order: this.#order, run });
  }

  #give(side: Side, input: SipInput): void {
    this.#carryOut(side, this.#cores[side].handle(monoMs(this.#nowMs), input));
  }

  #carryOut(side: Side, outputs: readonly SipOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'send') this.#transmit(side, output.bytes);
      else if (side === 'caller') this.#tellCaller(output);
      else this.#tellCallee(output);
    }
  }

  #transmit(from: Side, bytes: Buffer): void {
    const to: Side = from === 'caller' ? 'callee' : 'caller';
    const flow: Flow = {
      id: 1,
      transport: 'udp',
      remote: { host: HOSTS[from], port: 5060 },
    };
    const copies = this.#random.draw() < DOUBLING ? 2 : 1;
    for (let i = 0; i < copies; i += 1) {
      if (this.#random.draw() < LOSS) continue;
      const delayMs = this.#random.draw() * DELAY_MS_MAX;
      this.#later(delayMs, () => this.#give(to, { kind: 'received', flow, bytes }));
    }
  }

  #nextTxn(): ClientTxnId {
    this.#txns += 1;
    return clientTxnId(this.#txns);
  }

  #place(callId: string): void {
    const invite = this.#nextTxn();
    const log = {
      invite,
      finals: 0,
      accepted: [],
      answers: 0,
      acks: 0,
      acksMissing: 0,
      answeredWith: 0,
    };
    this.calls.set(callId, log);
    this.#byInvite.set(invite, callId);
    const request = requestOf('INVITE', callId, '');
    this.#give('caller', { kind: 'request', txn: invite, target: targetOf('callee'), request });
    const givesUpEarly = this.#random.draw() < 0.3;
    const patienceMs = givesUpEarly ? this.#random.draw() * 6_000 : PATIENCE_MS;
    this.#later(patienceMs, () =>
      this.#give('caller', { kind: 'cancel', txn: invite, headers: [] }),
    );
  }

  #tellCaller(output: SipOutput): void {
    if (output.kind === 'responseReceived') {
      const callId = this.#byInvite.get(output.txn);
      const { status } = output.response;
      if (callId === undefined || status < 200) return;
      const log = this.calls.get(callId);
      if (log === undefined) return;
      if (status >= 300) {
        log.finals += 1;
        return;
      }
      const toTag = output.response.to.tag ?? '';
      log.accepted.push(toTag);
      // Forks aside, one 2xx is one final; the callee here is one, so a second tag is a finding.
      log.finals += 1;
      const target = targetOf('callee');
      const ack = requestOf('ACK', callId, `;tag=${toTag}`);
      this.#give('caller', { kind: 'acknowledge', txn: output.txn, toTag, target, request: ack });
      const bye = requestOf('BYE', callId, `;tag=${toTag}`);
      this.#later(this.#random.draw() * 5_000, () =>
        this.#give('caller', { kind: 'request', txn: this.#nextTxn(), target, request: bye }),
      );
    } else if (output.kind === 'requestFailed') {
      const callId = this.#byInvite.get(output.txn);
      const log = callId === undefined ? undefined : this.calls.get(callId);
      if (log !== undefined) log.finals += 1;
    }
  }

  #tellCallee(output: SipOutput): void {
    switch (output.kind) {
      case 'requestReceived': {
        const { txn, request } = output;
        if (request.method === 'INVITE') this.#ring(txn, request.callId);
        else this.#respond(txn, 200);
        return;
      }
      case 'cancelled':
        this.#answer(output.txn, 487);
        return;
      case 'ackReceived':
      case 'ackMissing': {
        const log = this.calls.get(this.#byServer.get(output.txn) ?? '');
        if (log === undefined) this.broken.push(`${output.kind} for no call`);
        else if (output.kind === 'ackReceived') {
          log.acks += 1;
          this.#give('callee', { kind: 'ackTaken', txn: output.txn });
        } else log.acksMissing += 1;
        return;
      }
      case 'send':
      case 'responseReceived':
      case 'requestFailed':
      case 'refused':
        return;
      default:
        neverReached(output);
    }
  }

  #ring(txn: ServerTxnId, callId: string): void {
    this.#byServer.set(txn, callId);
    if (this.#random.draw() < 0.7) this.#later(150, () => this.#respond(txn, 180));
    const status = this.#random.draw() < 0.6 ? 200 : 486;
    this.#later(this.#random.draw() * 8_000, () => this.#answer(txn, status));
  }

  /** The first answer stands, as with a real user: a CANCEL may come before or after. */
  #answer(txn: ServerTxnId, status: number): void {
    const log = this.calls.get(this.#byServer.get(txn) ?? '');
    if (log === undefined) throw new Error('answer to no call');
    if (this.#answered.has(txn)) return;
    this.#answered.add(txn);
    log.answers += 1;
    log.answeredWith = status;
    this.#respond(txn, status);
  }

  #respond(txn: ServerTxnId, status: number): void {
    const response = { status, reason: null, toTag: `t${txn}`, headers: [], body: null };
    this.#give('callee', { kind: 'respond', txn, response });
  }
}

function requestOf(method: string, callId: string, toParams: string): OutgoingRequest {
  return {
    method,
    uri: 'sip:callee@10.0.0.2',
    headers: [
      ['Max-Forwards', '70'],
      ['From', '<sip:caller@10.0.0.1>;tag=caller'],
      ['To', `<sip:callee@10.0.0.2>${toParams}`],
      ['Call-ID', callId],
      ['CSeq', `${method === 'BYE' ? 2 : 1} ${method}`],
      ['Contact', '<sip:caller@10.0.0.1:5060>'],
    ],
    body: null,
  };
}

test('500 seeds of a bad link: one final per INVITE, answers agree, nothing is left', () => {
  let accepted = 0;
  let failed = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = new LossyWorld(seed);
    world.run();
    assert.equal(world.broken, [], `seed ${seed}`);
    assert.is(world.left(), 0, `seed ${seed}: transactions or timers left`);
    assert.is(world.calls.size, CALLS);
    for (const [callId, log] of world.calls) {
      const where = `seed ${seed} ${callId} ${JSON.stringify(log)}`;
      assert.is(log.finals, 1, where);
      assert.ok(log.answers <= 1, where);
      assert.is(log.acks + log.acksMissing, log.answeredWith === 200 ? 1 : 0, where);
      if (log.accepted.length > 0) {
        accepted += 1;
        assert.is(log.answeredWith, 200, where);
      } else {
        failed += 1;
      }
    }
  }
  // The link is bad, not dead: both outcomes must have been exercised.
  assert.ok(accepted > SEEDS / 4, `accepted ${accepted}`);
  assert.ok(failed > SEEDS / 4, `failed ${failed}`);
});

test.run();
