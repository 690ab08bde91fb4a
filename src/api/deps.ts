// What the HTTP resources need from the rest of the process, declared here and filled by the server.
import type {
  CallId,
  CodedError,
  EpochMs,
  LegDirection,
  LegRecord,
  Result,
} from '../base/index.ts';

/** Why the node takes no new calls at the moment; the words of GET /readyz. */
export type NotReadyReason = 'starting' | 'draining' | 'store_unavailable' | 'engine_lost';

/** `stop` drains and then ends the node, as SIGTERM does; `start` leaves it up, so that `cancel` can bring it back. */
export type DrainAction = 'start' | 'cancel' | 'stop';

export interface DrainState {
  readonly draining: boolean;
  readonly callsActive: number;
}

export interface LiveLeg {
  readonly legId: string;
  readonly direction: LegDirection;
  readonly trunk: string | null;
  readonly gateway: string | null;
  readonly sipCallId: string;
  readonly caller: string;
  readonly called: string;
  readonly state: 'setup' | 'ringing' | 'answered' | 'ending';
  readonly codec: string | null;
}

export interface LiveCall {
  readonly callId: CallId;
  readonly startedAt: EpochMs;
  readonly answeredAt: EpochMs | null;
  readonly legs: readonly LiveLeg[];
}

export interface CdrQuery {
  /** Selects by a leg's end: `from` <= ended < `to`. Rows come in the order of their commit. */
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly trunk?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export interface CdrPage {
  readonly legs: readonly LegRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
  /** Gives, at any later time, what was committed behind this page. */
  readonly resumeCursor: string;
}

/** The store's side of call records. */
export interface CdrSource {
  listLegs(query: CdrQuery): Promise<Result<CdrPage, CodedError>>;
  findCall(callId: CallId): Promise<Result<readonly LegRecord[], CodedError>>;
}

export type ConfigOwner = 'config' | 'api';

export interface GatewayState {
  readonly uri: string;
  readonly state: 'up' | 'down' | 'unknown';
}

export interface TrunkState {
  readonly name: string;
  readonly owner: ConfigOwner;
  readonly channelsInUse: number;
  /** 0 = no limit. */
  readonly channels: number;
  /** 0 = no limit. */
  readonly cps: number;
  readonly gateways: readonly GatewayState[];
}

export interface ManagedObject {
  /** A trunk's name; a route's prefix, `default` for the empty one. */
  readonly name: string;
  readonly owner: ConfigOwner;
  readonly body: unknown;
  /** Why it is left out: an older version, or another `listen.sip`, allowed what is not valid now. Null for all that are used. */
  readonly problem: string | null;
}

/**
 * Trunks or routes as the API edits them. The API calls `put` and `remove` one at a time per process, so a check and the
 * write that follows are never split by another edit.
 */
export interface ObjectBook {
  /** Those of the YAML file and those of the store, as they stand. */
  list(): readonly ManagedObject[];
  /** Checks a body as the configuration would, against all that is loaded; answers it with defaults filled in. REQUEST_INVALID. */
  validate(name: string, body: unknown): Result<unknown, CodedError>;
  /** Stores and then applies to new calls; when applying is impossible nothing stays stored. STORE_UNAVAILABLE, REQUEST_INVALID. */
  put(name: string, body: unknown): Promise<Result<void, CodedError>>;
  /** NAME_IN_USE when something still needs it, for example a route that names the trunk. STORE_UNAVAILABLE. */
  remove(name: string): Promise<Result<void, CodedError>>;
}

export interface ApiDeps {
  /** Names besides localhost that a request's Host may hold; null = any, where the API isn't on loopback. */
  readonly ownNames: readonly string[] | null;
  /** Empty when the node takes calls. */
  readonly notReady: () => readonly NotReadyReason[];
  readonly drain: (action: DrainAction) => DrainState;
  /** The registry's text (prom-client) and its content type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Live calls in the order they started. Taken lazily: a page of 100 must not cost a list of 60,000. */
  readonly liveCalls: () => Iterable<LiveCall>;
  readonly liveCall: (callId: CallId) => LiveCall | null;
  /** Orders a hang-up of both legs; false when no such call is up. */
  readonly hangUp: (callId: CallId) => boolean;
  readonly cdrs: CdrSource;
  readonly trunkStates: () => readonly TrunkState[];
  readonly trunks: ObjectBook;
  readonly routes: ObjectBook;
}
