// The words of this room: trunks, their gateways, and what a route chose. Made from settings by TrunkBook.
import type { BuiltInDestination, RouteSettings, TrunkSettings } from '../config/index.ts';
import type { SendTarget, TrunkId } from '../base/index.ts';

declare const gatewayBrand: unique symbol;

/** A gateway of one trunk: `trunk/transport:host:port`. Stable over a reload that keeps the gateway. */
export type GatewayId = string & { readonly [gatewayBrand]: 'GatewayId' };

/** Brands a gateway id, for example one read back from a record. */
export const gatewayId = (value: string): GatewayId => value as GatewayId;

/** A far end that takes calls of a trunk. */
export interface Gateway {
  readonly id: GatewayId;
  readonly trunkId: TrunkId;
  /** As configured; parameters of the Request-URI are the B2BUA's matter. */
  readonly uri: string;
  readonly target: SendTarget;
  readonly priority: number;
  readonly weight: number;
}

/** A trunk with everything the B2BUA asks of it. Immutable: a reload makes new ones. */
export interface Trunk extends Omit<TrunkSettings, 'gateways'> {
  readonly id: TrunkId;
  readonly gateways: readonly Gateway[];
  /** `failoverCodes` as a set. */
  readonly failsOverOn: ReadonlySet<number>;
}

/** What a dialled number leads to. `number` is the rewritten user part for the outgoing Request-URI. */
export type RouteChoice =
  | {
      readonly kind: 'trunks';
      readonly route: RouteSettings;
      readonly number: string;
      /** In the order to try them. */
      readonly trunks: readonly Trunk[];
    }
  | {
      readonly kind: 'destination';
      readonly route: RouteSettings;
      readonly number: string;
      readonly destination: BuiltInDestination;
    };

/** `up` takes calls; `down` failed repeatedly and is tried last; `resting` asked by Retry-After to be left alone. */
export type GatewayState = 'up' | 'down' | 'resting';

/** One INVITE to try, in the order of the plan. */
export interface GatewayAttempt {
  readonly trunk: Trunk;
  readonly gateway: Gateway;
  readonly state: 'up' | 'down';
}
