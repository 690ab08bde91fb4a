// Which gateways are fit for calls, learned from what became of the INVITEs sent to them.
//
//   up --(failures in a row)--> down --(back-off over)--> up on trial --(one failure)--> down, twice as long
//    ^                                                        |
//    +--------------------(any answer)------------------------+
//   any --(503 with Retry-After)--> resting --(that time over)--> as before, on trial
//
// An answer of any status but those the trunk fails over on proves that the gateway works: a busy subscriber is not
// the carrier's fault.
import type { Core, MonoMs } from '../base/index.ts';
import { after, neverReached } from '../base/index.ts';
import type { GatewayId, GatewayState } from './trunk.ts';

/** One failed call may be the network's luck; three in a row are the gateway's state. */
export const FAILURES_TO_DOWN = 3;
/** First back-off; each trial that fails doubles it. */
export const BACK_OFF_MS = 5_000;
export const BACK_OFF_MS_MAX = 60_000;
/** Longest Retry-After that is believed, so that one wrong header can't switch a carrier off for a day. */
export const RETRY_AFTER_S_MAX = 300;

export type HealthInput =
  /** A final response that isn't a reason to fail over; also an answered probe. */
  | { readonly kind: 'answered'; readonly gateway: GatewayId }
  /** Timeout, connection error, or a final status of the trunk's failover list. */
  | {
      readonly kind: 'failed';
      readonly gateway: GatewayId;
      /** From the response's Retry-After (RFC 3261 §20.33); null when there was none. */
      readonly retryAfterS: number | null;
    }
  /** A reload: gateways not listed are forgotten, the others keep their state. */
  | { readonly kind: 'configured'; readonly gateways: readonly GatewayId[] };

export type HealthOutput =
  | { readonly kind: 'gatewayDown'; readonly gateway: GatewayId; readonly backOffMs: number }
  | { readonly kind: 'gatewayResting'; readonly gateway: GatewayId; readonly restMs: number }
  /** It takes calls again: after an answer, or on trial because its time was over. */
  | { readonly kind: 'gatewayUp'; readonly gateway: GatewayId; readonly onTrial: boolean };

interface Health {
  state: GatewayState;
  failuresInRow: number;
  backOffMs: number;
  onTrial: boolean;
  /** When `down` or `resting` ends. */
  until: MonoMs | null;
}

export class GatewayHealth implements Core<HealthInput, HealthOutput> {
  /** Gateways something was ever wrong with; one that isn't here is up. */
  readonly #ailing = new Map<GatewayId, Health>();
  #nextDeadline: MonoMs | null = null;

  get nextDeadline(): MonoMs | null {
    return this.#nextDeadline;
  }

  /** What the plan should make of this gateway. */
  stateOf(gateway: GatewayId): GatewayState {
    return this.#ailing.get(gateway)?.state ?? 'up';
  }

  handle(now: MonoMs, input: HealthInput): readonly HealthOutput[] {
    switch (input.kind) {
      case 'answered':
        return this.#answered(input.gateway);
      case 'failed':
        return this.#failed(now, input.gateway, input.retryAfterS);
      case 'configured':
        return this.#configured(new Set(input.gateways));
      default:
        return neverReached(input);
    }
  }

  handleDeadline(now: MonoMs): readonly HealthOutput[] {
    const outputs: HealthOutput[] = [];
    for (const [gateway, health] of this.#ailing) {
      if (health.until === null || health.until > now) continue;
      health.state = 'up';
      health.until = null;
      health.onTrial = true;
      outputs.push({ kind: 'gatewayUp', gateway, onTrial: true });
    }
    this.#findDeadline();
    return outputs;
  }

  #answered(gateway: GatewayId): readonly HealthOutput[] {
    const health = this.#ailing.get(gateway);
    // A gateway that asked for rest gets it, even when a call sent earlier is answered meanwhile.
    if (health === undefined || health.state === 'resting') return [];
    this.#ailing.delete(gateway);
    this.#findDeadline();
    const wasAway = health.state === 'down' || health.onTrial;
    return wasAway ? [{ kind: 'gatewayUp', gateway, onTrial: false }] : [];
  }

  #failed(now: MonoMs, gateway: GatewayId, retryAfterS: number | null): readonly HealthOutput[] {
    const health = this.#ailing.get(gateway) ?? newHealth();
    this.#ailing.set(gateway, health);
    health.failuresInRow += 1;
    if (retryAfterS !== null && retryAfterS > 0) {
      return this.#rest(now, {
        gateway,
        health,
        restMs: Math.min(retryAfterS, RETRY_AFTER_S_MAX) * 1000,
      });
    }
    // Calls sent before it went down fail one after the other; only the first of them sets the back-off.
    if (health.state !== 'up') return [];
    if (!health.onTrial && health.failuresInRow < FAILURES_TO_DOWN) return [];
    health.backOffMs =
      health.backOffMs === 0 ? BACK_OFF_MS : Math.min(health.backOffMs * 2, BACK_OFF_MS_MAX);
    health.state = 'down';
    health.onTrial = false;
    health.until = after(now, health.backOffMs);
    this.#findDeadline();
    return [{ kind: 'gatewayDown', gateway, backOffMs: health.backOffMs }];
  }

  #rest(
    now: MonoMs,
    {
      gateway,
      health,
      restMs,
    }: { readonly gateway: GatewayId; readonly health: Health; readonly restMs: number },
  ): readonly HealthOutput[] {
    const until = after(now, restMs);
    const alreadyResting = health.state === 'resting';
    // The longest of several wishes counts: they come from calls that were on their way at the same time.
    if (alreadyResting && health.until !== null && health.until >= until) return [];
    health.state = 'resting';
    health.onTrial = false;
    health.until = until;
    this.#findDeadline();
    return alreadyResting ? [] : [{ kind: 'gatewayResting', gateway, restMs }];
  }

  #configured(kept: ReadonlySet<GatewayId>): readonly HealthOutput[] {
    for (const gateway of this.#ailing.keys()) {
      if (!kept.has(gateway)) this.#ailing.delete(gateway);
    }
    this.#findDeadline();
    return [];
  }

  // Gateways are tens, ailing ones fewer; a heap would be the longer code and no faster.
  #findDeadline(): void {
    let next: MonoMs | null = null;
    for (const { until } of this.#ailing.values()) {
      if (until !== null && (next === null || until < next)) next = until;
    }
    this.#nextDeadline = next;
  }
}

function newHealth(): Health {
  return { state: 'up', failuresInRow: 0, backOffMs: 0, onTrial: false, until: null };
}
