// One seeded world: a caller, two gateways and the platform between them, on a network as bad as the seed says.
import type { DomainEvent, HostPort, Random } from '../../src/base/index.ts';
import { seededRandom } from '../../src/base/index.ts';
import { SimClock } from './clock.ts';
import type { Features } from './features.ts';
import { configOf, drawFeatures } from './features.ts';
import type { Parcel } from './network.ts';
import { SimNetwork } from './network.ts';
import { SimNode } from './node.ts';
import { watchMedia } from './checkers/media.ts';
import type { CalleePlan, CallerPlan, ChangePlan, DigitPlan } from './plans.ts';
import { SimUser } from './user.ts';

export interface WorldPlan {
  readonly seed: number;
  readonly calls: number;
  /** Calls start within so many milliseconds. */
  readonly startsWithinMs: number;
}

const CALLER: HostPort = { host: '10.0.0.1', port: 5060 };
const NODE: HostPort = { host: '10.0.0.2', port: 5060 };
const GATEWAYS: readonly HostPort[] = [
  { host: '10.0.0.3', port: 5060 },
  { host: '10.0.0.4', port: 5060 },
];

/** What was seen on the wire of the platform's own messages, as the checkers need it. */
export interface Seen {
  /** Finals to INVITEs, by receiver, Call-ID and CSeq. */
  readonly finals: Map<string, Set<number>>;
  /** Hosts that were asked for a number, by the Call-ID that each attempt has of its own. */
  readonly asked: Map<string, Map<string, string>>;
  /** ACKs of the 2xx that opened a call at a gateway: dialled number, gateway, and when it was sent. */
  readonly acknowledged: { readonly number: string; readonly host: string; readonly at: number }[];
  /** Messages that went out before the fact they depend on. */
  readonly early: string[];
  /** When each outbound leg's record was written. */
  readonly written: Map<string, number>;
  readonly digits: DigitTally;
  /** Orders that the engine's books don't allow, and audio in the clear where it may not be. */
  readonly media: string[];
}

/** Digits on their way; what goes on is never more than came in, and every one that was accepted goes on. */
export interface DigitTally {
  /** Events that the engine told of. */
  heard: number;
  /** When the platform answered INFOs of parties with 200, by Call-ID and CSeq. */
  readonly accepted: Map<string, { readonly callId: string; readonly at: number }>;
  /** `sendDigits` orders given, and INFOs sent, by Call-ID and CSeq; those that only answer a challenge left out. */
  said: number;
  readonly told: Set<string>;
  /** INFOs of the platform that a party refused because a later request had come before. */
  readonly overtaken: Set<string>;
}

export class World {
  readonly clock = new SimClock();
  readonly random: Random;
  readonly features: Features;
  readonly network: SimNetwork;
  readonly node: SimNode;
  readonly caller: SimUser;
  readonly gateways: readonly SimUser[];
  readonly plans = new Map<string, { readonly caller: CallerPlan; readonly callee: CalleePlan }>();
  readonly seen: Seen = {
    finals: new Map(),
    asked: new Map(),
    acknowledged: [],
    early: [],
    written: new Map(),
    digits: { heard: 0, accepted: new Map(), said: 0, told: new Set(), overtaken: new Set() },
    media: [],
  };
  /** Which number an INVITE of the platform asked for, by Call-ID. */
  readonly #numbers = new Map<string, string>();
  readonly #parcels: { readonly at: number; readonly parcel: Parcel }[] = [];
  /** Numbers with a started outbound leg, and Call-IDs of answered inbound ones: facts written so far. */
  readonly #startedNumbers = new Set<string>();
  readonly #inbound = new Map<string, string>();
  readonly #answered = new Set<string>();

  constructor({ seed, calls, startsWithinMs }: WorldPlan) {
    this.random = seededRandom(seed);
    this.features = drawFeatures(this.random);
    const { clock, random, features } = this;
    const network = new SimNetwork(clock, random, features.network);
    this.network = network;
    network.taps.push((parcel) => this.#note(parcel));
    const yaml = configOf(features);
    this.node = new SimNode({ clock, network, random, address: NODE, yaml, engineDelayMs: 1 });
    this.node.engine.capacity = features.engineCapacity;
    watchMedia(this);
    this.node.onFacts = (events) => this.#learn(events);
    const password = features.digestCaller ? 'alice-pass' : null;
    const cancelReason = features.cancelReasons ? ELSEWHERE : null;
    const alice = {
      address: CALLER,
      name: 'alice',
      password,
      cancelReason,
      challenges: false,
      saysTrying: false,
      forks: false,
      media: features.caller.party,
    };
    this.caller = new SimUser({ clock, network, random, ...alice });
    this.gateways = GATEWAYS.map((address, index) => this.#gateway(address, index));
    for (let index = 0; index < calls; index += 1) this.#planCall(index, startsWithinMs);
    this.#planTroubles(startsWithinMs);
  }

  /** Every message, newest last: what a failing seed prints. */
  get trace(): readonly string[] {
    return this.#parcels.map(({ at, parcel: { from, to, bytes } }) => {
      const text = bytes.toString('latin1');
      const [first = ''] = text.split('\r\n', 1);
      const ids = `${headerOf(text, 'CSeq')} | ${headerOf(text, 'Call-ID')}`;
      return `${at.toFixed(1)} ${from.host} -> ${to.host} ${first} | ${ids}`;
    });
  }

  /** Runs until nothing is left to happen, at the latest for `limitMs` of simulated time. */
  run(limitMs: number): void {
    while (this.clock.step(limitMs));
  }

  #gateway(address: HostPort, index: number): SimUser {
    const { clock, network, random, features } = this;
    const dead = index === 0 && features.deadFirstGateway;
    // A dead gateway has a user that nobody can reach: its address is another one.
    const at = dead ? { host: '10.0.0.99', port: 5060 } : address;
    const name = `gateway${index}`;
    const challenges = features.challengingGateways;
    const saysTrying = features.tryingGateways;
    const forks = features.forkingGateways;
    const media = features.callee.party;
    const party = { address: at, name, password: null, challenges, saysTrying, forks, media };
    const user = new SimUser({ clock, network, random, ...party, cancelReason: null });
    user.answerPlan = (number) => {
      const plan = this.plans.get(number)?.callee ?? ANSWERING;
      if (index !== 0 || !features.busyFirstGateway) return plan;
      return { ...plan, ringAfterMs: null, finalAfterMs: 5, status: 503 };
    };
    return user;
  }

  #planCall(index: number, startsWithinMs: number): void {
    const { features } = this;
    const number = `44${String(index).padStart(6, '0')}`;
    const callerHangsUp = this.random.draw() < 0.5;
    const silent = this.#chance(features.silentCallees, 0.3);
    const refused = this.#chance(features.refusals, 0.3);
    const caller: CallerPlan = {
      number,
      offersLate: this.#chance(features.lateOffers, 0.4),
      cancelAfterMs: this.#chance(features.cancels, 0.4) ? this.#between(1, 4_000) : null,
      hangUpAfterMs: callerHangsUp ? this.#between(0, 8_000) : null,
      change: this.#planChange(),
      keys: this.#planKeys(),
      changeAnswerMs: this.#between(0, 400),
    };
    const callee: CalleePlan = {
      ringAfterMs: this.random.draw() < 0.8 ? this.#between(0, 1_500) : null,
      earlyMedia: this.#chance(features.earlyMedia, 0.5),
      finalAfterMs: silent ? null : this.#between(0, 2_500),
      status: refused ? (REFUSALS[this.#between(0, REFUSALS.length - 1)] ?? 486) : 200,
      hangUpAfterMs: callerHangsUp ? null : this.#between(0, 8_000),
      change: this.#planChange(),
      keys: this.#planKeys(),
      changeAnswerMs: this.#between(0, 400),
    };
    this.plans.set(number, { caller, callee });
    this.clock.at(this.#between(0, startsWithinMs), () => this.caller.call(NODE, caller));
    if (this.#chance(features.platformHangsUp, 0.2)) {
      this.clock.at(this.#between(0, startsWithinMs + 10_000), () => this.#hangUpOne());
    }
  }

  #planChange(): ChangePlan | null {
    const { features } = this;
    if (!this.#chance(features.changes, 0.4)) return null;
    return {
      afterMs: this.#between(1, 3_000),
      offersLate: this.#chance(features.lateOffers, 0.3),
      cancelAfterMs: this.#chance(features.cancels, 0.3) ? this.#between(1, 500) : null,
    };
  }

  #planKeys(): DigitPlan | null {
    if (!this.#chance(this.features.digits, 0.5)) return null;
    const digits = Array.from({ length: this.#between(1, 3) }, () => this.#between(0, 9));
    return { afterMs: this.#between(1, 3_000), digits };
  }

  #planTroubles(startsWithinMs: number): void {
    const { clock, node, features } = this;
    const { engineLoss, engineSilence, drain, storeOutage } = features;
    if (engineSilence !== null) {
      clock.at(engineSilence.atMs, () => node.silenceEngine(engineSilence.forMs));
    }
    if (engineLoss !== null) clock.at(engineLoss.atMs, () => node.loseEngine(engineLoss.forMs));
    if (drain !== null) {
      clock.at(drain.atMs, () => node.command({ kind: 'drain', on: true }));
      const end = drain.atMs + drain.limitMs;
      clock.at(end, () => node.command({ kind: 'hangupAll', cause: 'NODE_STOPPED' }));
    }
    if (storeOutage !== null) {
      const { atMs, forMs } = storeOutage;
      clock.at(atMs, () => node.command({ kind: 'storeHealth', available: false }));
      clock.at(atMs + forMs, () => node.command({ kind: 'storeHealth', available: true }));
    }
    if (features.digits) {
      for (let index = 0; index < 10; index += 1) {
        clock.at(this.#between(0, startsWithinMs + 8_000), () => this.#hearDigit());
      }
    }
    if (features.mediaTimeouts) {
      for (let index = 0; index < 3; index += 1) {
        clock.at(this.#between(0, startsWithinMs + 8_000), () => this.#silenceOne());
      }
    }
  }

  #chance(on: boolean, share: number): boolean {
    return on && this.random.draw() < share;
  }

  #between(low: number, high: number): number {
    return Math.round(low + this.random.draw() * (high - low));
  }

  #hangUpOne(): void {
    for (const { callId } of this.node.b2bua.liveCalls()) {
      this.node.command({ kind: 'hangup', callId, cause: 'ENDED_BY_OPERATOR' });
      return;
    }
  }

  /** A leg that the engine listens to says a digit by event. */
  #hearDigit(): void {
    for (const { handle, audio } of this.node.engine.endpoints.values()) {
      if (audio?.receive.some(({ kind }) => kind === 'telephoneEvent') !== true) continue;
      const event = { endpoint: handle, digit: 5, source: 'event', durationMs: 90 } as const;
      this.seen.digits.heard += 1;
      this.node.command({ kind: 'engine', event: { kind: 'digit', ...event } });
      return;
    }
  }

  #silenceOne(): void {
    const [endpoint] = this.node.engine.endpoints.keys();
    if (endpoint === undefined) return;
    this.node.command({
      kind: 'engine',
      event: { kind: 'mediaTimeout', endpoint, silentMs: 60_000 },
    });
  }

  #learn(events: readonly DomainEvent[]): void {
    for (const event of events) {
      if (event.kind === 'leg.started') {
        if (event.leg.direction === 'outbound') this.#startedNumbers.add(event.leg.called);
        else this.#inbound.set(event.leg.sipCallId, event.leg.legId);
      } else if (event.kind === 'leg.ended' && event.leg.direction === 'outbound') {
        this.seen.written.set(event.leg.legId, this.clock.now.epoch);
      } else if (event.kind === 'leg.answered') this.#answered.add(event.legId);
    }
  }

  #note(parcel: Parcel): void {
    this.#parcels.push({ at: this.clock.mono, parcel });
    const text = parcel.bytes.toString('latin1');
    if (parcel.from.host !== NODE.host) this.#noteRefusedInfo(text);
    else if (text.startsWith('INFO ')) this.#noteInfo(text);
    else if (text.startsWith('INVITE ')) this.#noteInvite(text, parcel.to);
    else if (text.startsWith('ACK ')) this.#noteAck(text, parcel.to);
    else if (text.startsWith('SIP/2.0 ')) this.#noteResponse(text, parcel.to);
  }

  #noteInvite(text: string, to: HostPort): void {
    if (headerOf(text, 'To').includes(';tag=')) return;
    const number = text.slice('INVITE sip:'.length, text.indexOf('@'));
    const hosts = this.seen.asked.get(number) ?? new Map<string, string>();
    this.seen.asked.set(number, hosts.set(headerOf(text, 'Call-ID'), to.host));
    this.#numbers.set(headerOf(text, 'Call-ID'), number);
    if (!this.#startedNumbers.has(number)) this.seen.early.push(`INVITE to ${number}`);
  }

  // The ACK of a refusal has its INVITE's branch, so it is told by what the gateway answered last.
  #noteAck(text: string, to: HostPort): void {
    const callId = headerOf(text, 'Call-ID');
    const number = this.#numbers.get(callId);
    const gateway = this.gateways.find(({ calls }) =>
      calls.some((call) => call.sipCallId === callId && call.answeredAt !== null),
    );
    if (number === undefined || gateway === undefined) return;
    this.seen.acknowledged.push({ number, host: to.host, at: this.clock.now.epoch });
  }

  #noteRefusedInfo(text: string): void {
    const cseq = headerOf(text, 'CSeq');
    if (!text.startsWith('SIP/2.0 500') || !cseq.endsWith(' INFO')) return;
    this.seen.digits.overtaken.add(`${headerOf(text, 'Call-ID')} ${cseq}`);
  }

  #noteInfo(text: string): void {
    if (headerOf(text, 'Authorization') !== '') return;
    this.seen.digits.told.add(`${headerOf(text, 'Call-ID')} ${headerOf(text, 'CSeq')}`);
  }

  #noteResponse(text: string, to: HostPort): void {
    const status = Number(text.slice(8, 11));
    const cseq = headerOf(text, 'CSeq');
    const callId = headerOf(text, 'Call-ID');
    if (status === 200 && cseq.endsWith('INFO')) {
      const { accepted } = this.seen.digits;
      const key = `${to.host} ${callId} ${cseq}`;
      if (!accepted.has(key)) accepted.set(key, { callId, at: this.clock.mono });
    }
    if (status < 200 || !cseq.endsWith('INVITE')) return;
    const key = `${to.host} ${callId} ${cseq}`;
    const finals = this.seen.finals.get(key) ?? new Set<number>();
    this.seen.finals.set(key, finals.add(status));
    const legId = this.#inbound.get(callId);
    if (status < 300 && legId !== undefined && !this.#answered.has(legId)) {
      this.seen.early.push(`${status} for ${callId}`);
    }
  }
}

/** What callers cancel with. */
export const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"';
const REFUSALS = [486, 603, 404, 480, 503, 500] as const;

const ANSWERING: CalleePlan = {
  ringAfterMs: 10,
  earlyMedia: false,
  finalAfterMs: 20,
  status: 200,
  hangUpAfterMs: null,
  change: null,
  keys: null,
  changeAnswerMs: 0,
};

function headerOf(text: string, name: string): string {
  const at = text.indexOf(`\r\n${name}: `);
  if (at < 0) return '';
  const from = at + name.length + 4;
  return text.slice(from, text.indexOf('\r\n', from));
}
