// A simulated datagram network: every host has an address, and the plan says what is lost, doubled, delayed or cut.
import type { HostPort, Random } from '../../src/base/index.ts';
import { hostPortText } from '../../src/base/index.ts';
import type { SimClock } from './clock.ts';

export interface NetworkPlan {
  /** Shares of datagrams, 0 to 1. */
  readonly loss: number;
  readonly duplicate: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

export type Receive = (from: HostPort, bytes: Buffer) => void;

export class SimNetwork {
  readonly #clock: SimClock;
  readonly #random: Random;
  readonly #plan: NetworkPlan;
  readonly #hosts = new Map<string, Receive>();
  /** Sees every datagram when it is sent, lost or not. */
  readonly taps: ((from: HostPort, to: HostPort, bytes: Buffer) => void)[] = [];

  constructor(clock: SimClock, random: Random, plan: NetworkPlan) {
    this.#clock = clock;
    this.#random = random;
    this.#plan = plan;
  }

  attach(at: HostPort, receive: Receive): void {
    this.#hosts.set(hostPortText(at), receive);
  }

  send(from: HostPort, to: HostPort, bytes: Buffer): void {
    for (const tap of this.taps) tap(from, to, bytes);
    const { loss, duplicate } = this.#plan;
    if (this.#random.draw() < loss) return;
    this.#deliver(from, to, bytes);
    if (this.#random.draw() < duplicate) this.#deliver(from, to, bytes);
  }

  #deliver(from: HostPort, to: HostPort, bytes: Buffer): void {
    const { delayMsMin, delayMsMax } = this.#plan;
    const delayMs = delayMsMin + this.#random.draw() * (delayMsMax - delayMsMin);
    this.#clock.after(delayMs, () => this.#hosts.get(hostPortText(to))?.(from, Buffer.from(bytes)));
  }
}
