// A simulated network: every host has an address, and the plan says which datagrams are lost, doubled and delayed. Streams lose
// nothing and keep their order; they carry whole messages, since framing is tested elsewhere.
import type { HostPort, Random, TransportKind } from '../../src/base/index.ts';
import { hostPortText, isReliable } from '../../src/base/index.ts';
import type { SimClock } from './clock.ts';

export interface NetworkPlan {
  /** Shares of datagrams, 0 to 1. */
  readonly loss: number;
  readonly duplicate: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/** One message on its way. */
export interface Parcel {
  readonly transport: TransportKind;
  readonly from: HostPort;
  readonly to: HostPort;
  readonly bytes: Buffer;
}

export type Receive = (from: HostPort, bytes: Buffer, transport: TransportKind) => void;

export class SimNetwork {
  readonly #clock: SimClock;
  readonly #random: Random;
  readonly #plan: NetworkPlan;
  readonly #hosts = new Map<string, Receive>();
  /** When the last message of a stream arrives, by its two ends. */
  readonly #streams = new Map<string, number>();
  /** Sees every message when it is sent, lost or not. */
  readonly taps: ((parcel: Parcel) => void)[] = [];
  /** What becomes of a message on its way: none, one or more in its place. Null: it stays as it is. */
  alter: ((parcel: Parcel) => readonly Parcel[]) | null = null;

  constructor(clock: SimClock, random: Random, plan: NetworkPlan) {
    this.#clock = clock;
    this.#random = random;
    this.#plan = plan;
  }

  attach(at: HostPort, receive: Receive): void {
    this.#hosts.set(hostPortText(at), receive);
  }

  /** @returns false when the message needs a stream and nobody listens there. */
  send(parcel: Parcel): boolean {
    for (const tap of this.taps) tap(parcel);
    const sent = this.alter === null ? [parcel] : this.alter(parcel);
    return sent.map((one) => this.#carry(one)).every((carried) => carried);
  }

  #carry(parcel: Parcel): boolean {
    const { loss, duplicate } = this.#plan;
    if (isReliable(parcel.transport)) {
      const listens = this.#hosts.has(hostPortText(parcel.to));
      if (listens) this.#deliverInOrder(parcel);
      return listens;
    }
    if (this.#random.draw() < loss) return true;
    this.#deliver(parcel, this.#clock.mono + this.#delayMs());
    if (this.#random.draw() < duplicate) this.#deliver(parcel, this.#clock.mono + this.#delayMs());
    return true;
  }

  #deliverInOrder(parcel: Parcel): void {
    const key = `${parcel.from.host} ${parcel.to.host}`;
    const at = Math.max(this.#clock.mono + this.#delayMs(), this.#streams.get(key) ?? 0);
    this.#streams.set(key, at);
    this.#deliver(parcel, at);
  }

  #delayMs(): number {
    const { delayMsMin, delayMsMax } = this.#plan;
    return delayMsMin + this.#random.draw() * (delayMsMax - delayMsMin);
  }

  #deliver({ transport, from, to, bytes }: Parcel, at: number): void {
    this.#clock.at(at, () =>
      this.#hosts.get(hostPortText(to))?.(from, Buffer.from(bytes), transport),
    );
  }
}
