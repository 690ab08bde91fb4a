// Every trunk and route of one configuration, indexed for the questions a call asks. Immutable: a reload builds a new
// book and the server swaps it, so a call set-up under way never sees half of each.
import type { CodedError, Result, TrunkId } from '../base/index.ts';
import { err, ok, trunkId } from '../base/index.ts';
import type { GatewaySettings, RouteSettings, TrunkSettings } from '../config/index.ts';
import { readDialled } from './number-form.ts';
import { RouteTable, exactKey } from './select-route.ts';
import { SourceTable } from './source-table.ts';
import type { Gateway, RouteChoice, Trunk } from './trunk.ts';
import { gatewayId } from './trunk.ts';

/** What a book is made from; `Settings` fits, with trunks and routes made by the API put behind the file's. */
export interface TrunkBookInputs {
  readonly trunks: readonly TrunkSettings[];
  readonly routes: readonly RouteSettings[];
}

/**
 * Builds the book.
 * @returns CONFIG_INVALID naming the clash when two trunks share a name, a user name or an `allow` block, two routes
 *          share a prefix or number, or a route names an unknown trunk. A checked configuration has none of these,
 *          but the API's trunks were checked against another file than the one just loaded.
 */
export function buildTrunkBook({ trunks, routes }: TrunkBookInputs): Result<TrunkBook, CodedError> {
  const index: TrunkIndex = {
    byId: new Map(),
    byUsername: new Map(),
    sources: new SourceTable(),
    gatewayHosts: new Set(),
  };
  for (const settings of trunks) {
    const problem = addTrunk(index, makeTrunk(settings));
    if (problem !== null) return err({ code: 'CONFIG_INVALID', message: problem });
  }
  const matches = new Set<string>();
  for (const route of routes) {
    const problem = routeProblem(route, { index, matches });
    if (problem !== null) return err({ code: 'CONFIG_INVALID', message: problem });
  }
  return ok(new TrunkBook(index, new RouteTable(routes, index.byId)));
}

interface TrunkIndex {
  readonly byId: Map<TrunkId, Trunk>;
  readonly byUsername: Map<string, Trunk>;
  readonly sources: SourceTable<Trunk>;
  readonly gatewayHosts: Set<string>;
}

/** Made by buildTrunkBook. */
export class TrunkBook {
  readonly #index: TrunkIndex;
  readonly #routes: RouteTable;

  constructor(index: TrunkIndex, routes: RouteTable) {
    this.#index = index;
    this.#routes = routes;
  }

  /** In the order of the configuration. */
  get trunks(): readonly Trunk[] {
    return [...this.#index.byId.values()];
  }

  /** Whether a stranger's request is worth a challenge: some trunk takes digest credentials. */
  get hasDigestTrunks(): boolean {
    return this.#index.byUsername.size > 0;
  }

  byId(id: TrunkId): Trunk | null {
    return this.#index.byId.get(id) ?? null;
  }

  /**
   * The trunk whose `allow` holds the source address, by the longest block.
   * @param address of the packet or connection, IPv4 or IPv6 text; a dual-stack socket's `::ffff:192.0.2.1` counts as
   *                192.0.2.1.
   */
  bySource(address: string): Trunk | null {
    return this.#index.sources.find(address);
  }

  /** Whether a gateway is configured by this name or address; lower case, IPv6 without brackets. */
  isGatewayHost(host: string): boolean {
    return this.#index.gatewayHosts.has(host);
  }

  /** The trunk of a digest user name, matched to the letter; the proof of the password is the caller's. */
  byUsername(username: string): Trunk | null {
    return this.#index.byUsername.get(username) ?? null;
  }

  /** See RouteTable.selectRoute: longest prefix and rewriting, or ROUTE_NOT_FOUND. */
  selectRoute(dialled: string): Result<RouteChoice, CodedError> {
    return this.#routes.selectRoute(dialled);
  }
}

function makeTrunk(settings: TrunkSettings): Trunk {
  const id = trunkId(settings.name);
  return {
    ...settings,
    id,
    gateways: settings.gateways.map((gateway) => makeGateway(id, gateway)),
    failsOverOn: new Set(settings.failoverCodes),
  };
}

function makeGateway(trunk: TrunkId, settings: GatewaySettings): Gateway {
  const { transport, host, port } = settings;
  const hostText = host.includes(':') ? `[${host}]` : host;
  return {
    id: gatewayId(`${trunk}/${transport}:${hostText}:${port}`),
    trunkId: trunk,
    uri: settings.uri,
    target: { transport, host, port },
    priority: settings.priority,
    weight: settings.weight,
  };
}

function addTrunk(index: TrunkIndex, trunk: Trunk): string | null {
  if (index.byId.has(trunk.id)) return `two trunks are named ${trunk.name}`;
  index.byId.set(trunk.id, trunk);
  for (const { target } of trunk.gateways) index.gatewayHosts.add(target.host);
  if (trunk.auth !== null) {
    const other = index.byUsername.get(trunk.auth.username);
    if (other !== undefined)
      return `trunks ${other.name} and ${trunk.name} share the user name ${trunk.auth.username}`;
    index.byUsername.set(trunk.auth.username, trunk);
  }
  for (const cidr of trunk.allow) {
    const other = index.sources.add(cidr, trunk);
    if (other !== null && other !== trunk)
      return `trunks ${other.name} and ${trunk.name} both allow ${cidr}`;
  }
  return null;
}

function routeProblem(
  route: RouteSettings,
  { index, matches }: { readonly index: TrunkIndex; readonly matches: Set<string> },
): string | null {
  // Compared as they are looked up: `+4420` and `44-20` are one number.
  const key =
    route.match.kind === 'exact'
      ? `number ${exactKey(readDialled(route.match.number))}`
      : `prefix "${route.match.prefix}"`;
  if (matches.has(key)) return `two routes have the ${key}`;
  matches.add(key);
  if (route.target.kind === 'destination') return null;
  const unknown = route.target.trunks.find((name) => !index.byId.has(trunkId(name)));
  return unknown === undefined
    ? null
    : `the route with the ${key} names the unknown trunk ${unknown}`;
}
