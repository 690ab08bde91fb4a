// One seeded world: callers, two gateways and the platform between them, on a network as bad as the seed says.
import type { HostPort, Random } from '../../src/base/index.ts';
import { seededRandom } from '../../src/base/index.ts';
import { SimClock } from './clock.ts';
import type { NetworkPlan } from './network.ts';
import { SimNetwork } from './network.ts';
import { SimNode } from './node.ts';
import type { CalleePlan, CallerPlan } from './user.ts';
import { SimUser } from './user.ts';

export interface WorldPlan {
  readonly seed: number;
  readonly calls: number;
  /** Calls start within so many milliseconds. */
  readonly startsWithinMs: number;
}

/** Which features a seed switches on; rare combinations occur because each is drawn by itself. */
export interface Features {
  readonly network: NetworkPlan;
  readonly cancels: boolean;
  readonly holds: boolean;
  readonly lateOffers: boolean;
  readonly refusals: boolean;
  readonly earlyMedia: boolean;
  readonly silentCallees: boolean;
  readonly deadFirstGateway: boolean;
  readonly busyFirstGateway: boolean;
  readonly engineCapacity: number;
  readonly platformHangsUp: boolean;
}

const CALLER: HostPort = { host: '10.0.0.1', port: 5060 };
const NODE: HostPort = { host: '10.0.0.2', port: 5060 };
const GATEWAYS: readonly HostPort[] = [
  { host: '10.0.0.3', port: 5060 },
  { host: '10.0.0.4', port: 5060 },
];

const YAML = `
listen: { sip: ["udp://10.0.0.2:5060"], http: null }
media: { addresses: [{ bind: 10.0.0.2, ports: 20000-59999 }], inactivity_s: 60 }
store: { url: "sqlite:./sim.db" }
limits: { calls: 1000, cps: 1000 }
trunks:
  - { name: in, allow: [10.0.0.1/32], gateways: [], cps: 1000, channels: 1000, max_duration_s: 120 }
  - name: out
    allow: [10.0.0.3/32, 10.0.0.4/32]
    gateways:
      - { uri: "sip:10.0.0.3:5060", priority: 1, weight: 1 }
      - { uri: "sip:10.0.0.4:5060", priority: 2, weight: 1 }
    cps: 1000
    channels: 1000
    gateway_timeout_s: 3
    ring_timeout_s: 20
routes:
  - { prefix: "44", trunks: [out] }
`;

export class World {
  readonly clock = new SimClock();
  readonly random: Random;
  readonly features: Features;
  readonly network: SimNetwork;
  readonly node: SimNode;
  readonly caller: SimUser;
  readonly gateways: readonly SimUser[];
  readonly plans = new Map<string, { readonly caller: CallerPlan; readonly callee: CalleePlan }>();
  /** Every datagram, newest last: what a failing seed prints. */
  readonly trace: string[] = [];
  /** Finals of INVITEs as the platform sent them to the caller: by Call-ID and CSeq. */
  readonly finalsSent = new Map<string, Set<number>>();

  constructor({ seed, calls, startsWithinMs }: WorldPlan) {
    this.random = seededRandom(seed);
    this.features = drawFeatures(this.random);
    const { clock, random, features } = this;
    this.network = new SimNetwork(clock, random, features.network);
    this.network.taps.push((from, to, bytes) => this.#note(from, to, bytes));
    this.node = new SimNode({ clock, network: this.network, random, address: NODE, yaml: YAML, engineDelayMs: 1 });
    this.node.engine.capacity = features.engineCapacity;
    this.caller = new SimUser({ clock, network: this.network, random, address: CALLER, name: 'alice' });
    this.gateways = GATEWAYS.map((address, index) => this.#gateway(address, index));
    for (let index = 0; index < calls; index += 1) this.#planCall(index, startsWithinMs);
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
    const user = new SimUser({ clock, network, random, address: at, name: `gateway${index}` });
    user.answerPlan = (number) => {
      const plan = this.plans.get(number)?.callee ?? ANSWERING;
      return index === 0 && features.busyFirstGateway ? { ...plan, ringAfterMs: null, finalAfterMs: 5, status: 503 } : plan;
    };
    return user;
  }

  #planCall(index: number, startsWithinMs: number): void {
    const { random, features } = this;
    const number = `44${String(index).padStart(6, '0')}`;
    const chance = (on: boolean, share: number): boolean => on && random.draw() < share;
    const between = (low: number, high: number): number => Math.round(low + random.draw() * (high - low));
    const callerHangsUp = random.draw() < 0.5;
    const silent = chance(features.silentCallees, 0.3);
    const refused = chance(features.refusals, 0.3);
    const caller: CallerPlan = {
      number,
      offersLate: chance(features.lateOffers, 0.4),
      cancelAfterMs: chance(features.cancels, 0.4) ? between(1, 4_000) : null,
      hangUpAfterMs: callerHangsUp ? between(0, 8_000) : null,
      holdAfterMs: chance(features.holds, 0.4) ? between(1, 3_000) : null,
    };
    const callee: CalleePlan = {
      ringAfterMs: random.draw() < 0.8 ? between(0, 1_500) : null,
      earlyMedia: chance(features.earlyMedia, 0.5),
      finalAfterMs: silent ? null : between(0, 2_500),
      status: refused ? ([486, 603, 404, 480, 503, 500][Math.floor(random.draw() * 6)] ?? 486) : 200,
      hangUpAfterMs: callerHangsUp ? null : between(0, 8_000),
      holdAfterMs: chance(features.holds, 0.4) ? between(1, 3_000) : null,
    };
    this.plans.set(number, { caller, callee });
    this.clock.at(between(0, startsWithinMs), () => this.caller.call(NODE, caller));
    if (chance(features.platformHangsUp, 0.2)) {
      this.clock.at(between(0, startsWithinMs + 10_000), () => this.#hangUpOne());
    }
  }

  #hangUpOne(): void {
    for (const { callId } of this.node.b2bua.liveCalls()) {
      this.node.command({ kind: 'hangup', callId, cause: 'ENDED_BY_OPERATOR' });
      return;
    }
  }

  #note(from: HostPort, to: HostPort, bytes: Buffer): void {
    const text = bytes.toString('latin1');
    const [first = ''] = text.split('\r\n', 1);
    const callId = /^Call-ID: *(.*)$/im.exec(text)?.[1]?.trim() ?? '';
    const cseq = /^CSeq: *(.*)$/im.exec(text)?.[1]?.trim() ?? '';
    this.trace.push(`${this.clock.mono.toFixed(1)} ${from.host} -> ${to.host} ${first} | ${cseq} | ${callId}`);
    const status = Number(/^SIP\/2\.0 (\d{3})/.exec(first)?.[1] ?? 0);
    if (from.host !== NODE.host || status < 200 || !cseq.endsWith('INVITE')) return;
    const key = `${to.host} ${callId} ${cseq}`;
    const finals = this.finalsSent.get(key) ?? new Set<number>();
    finals.add(status);
    this.finalsSent.set(key, finals);
  }
}

const ANSWERING: CalleePlan = {
  ringAfterMs: 10,
  earlyMedia: false,
  finalAfterMs: 20,
  status: 200,
  hangUpAfterMs: null,
  holdAfterMs: null,
};

function drawFeatures(random: Random): Features {
  const on = (share: number): boolean => random.draw() < share;
  const lossy = on(0.5);
  return {
    network: {
      loss: lossy ? random.draw() * 0.3 : 0,
      duplicate: on(0.3) ? random.draw() * 0.3 : 0,
      delayMsMin: 1,
      delayMsMax: on(0.5) ? 1 + random.draw() * 300 : 2,
    },
    cancels: on(0.5),
    holds: on(0.4),
    lateOffers: on(0.4),
    refusals: on(0.4),
    earlyMedia: on(0.4),
    silentCallees: on(0.25),
    deadFirstGateway: on(0.2),
    busyFirstGateway: on(0.2),
    engineCapacity: on(0.15) ? 6 : 100_000,
    platformHangsUp: on(0.2),
  };
}
