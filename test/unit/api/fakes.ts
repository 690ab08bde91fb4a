// An API over made-up calls, records and objects.
import Fastify, { type FastifyInstance } from 'fastify';
import {
  callId,
  epochMs,
  err,
  legId,
  ok,
  type CallId,
  type CodedError,
  type LegRecord,
} from '../../../src/base/index.ts';
import {
  apiServerOptions,
  registerRoutes,
  type ApiDeps,
  type CdrQuery,
  type LiveCall,
  type ManagedObject,
  type NotReadyReason,
  type ObjectBook,
} from '../../../src/api/index.ts';

/** Answers as a client of the API would declare them, as far as the tests look. */
export interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  readonly status: number;
}

export interface CallListAnswer {
  readonly calls: readonly { readonly call_id: string }[];
  readonly next_cursor: string | null;
}

interface CdrAnswer {
  readonly caller: string;
  readonly cause: string;
  readonly mos: number | null;
}

export interface CallAnswer {
  readonly live: {
    readonly started_at: string;
    readonly legs: readonly { readonly caller: string }[];
  } | null;
  readonly cdrs: readonly CdrAnswer[];
}

export interface CdrListAnswer {
  readonly cdrs: readonly CdrAnswer[];
  readonly next_cursor: string | null;
  readonly resume_cursor: string;
}

export function anId(number: number): CallId {
  return callId(`CL${number.toString(16).padStart(32, '0')}`);
}

export function aLiveCall(number: number): LiveCall {
  return {
    callId: anId(number),
    startedAt: epochMs(1_772_357_400_000 + number),
    answeredAt: null,
    legs: [
      {
        legId: `CA${number.toString(16).padStart(32, '0')}`,
        direction: 'inbound',
        trunk: 'carrier-a',
        gateway: null,
        sipCallId: `${number}@192.0.2.1`,
        caller: '442071838750',
        called: '442071838751',
        state: 'ringing',
        codec: null,
      },
    ],
  };
}

export function aRecord(number: number): LegRecord {
  return {
    legId: legId(`CA${number.toString(16).padStart(32, '0')}`),
    callId: anId(number),
    direction: 'inbound',
    trunk: 'carrier-a',
    sipCallId: `${number}@192.0.2.1`,
    caller: '=1+1',
    called: '442071838751',
    calledOriginal: '+442071838751',
    authIdentity: null,
    startedAt: epochMs(1_772_357_400_000 + number),
    gateway: null,
    ringingAt: null,
    answeredAt: null,
    endedAt: epochMs(1_772_357_401_000 + number),
    durationMs: 0,
    pddMs: null,
    finalStatus: 486,
    cause: 'CALLEE_BUSY',
    q850: 17,
    reasonHeader: null,
    endedBy: 'callee',
    codec: null,
    transcoded: false,
    srtp: null,
    media: null,
    routesTried: '',
  };
}

/** Holds objects in memory; refuses a body whose `cps` is no number, as a configuration would. */
export class FakeBook implements ObjectBook {
  readonly objects = new Map<string, ManagedObject>();
  refusal: CodedError | null = null;

  list(): readonly ManagedObject[] {
    return [...this.objects.values()];
  }

  validate(_name: string, body: unknown): ReturnType<ObjectBook['validate']> {
    if (
      typeof body === 'object' &&
      body !== null &&
      'cps' in body &&
      typeof body.cps !== 'number'
    ) {
      return err({
        code: 'REQUEST_INVALID',
        message: `cps '${String(body.cps)}': allowed is a number`,
      });
    }
    return ok(body);
  }

  async put(name: string, body: unknown): ReturnType<ObjectBook['put']> {
    // A turn of the loop between check and write: edits that overlapped would show.
    await Promise.resolve();
    if (this.refusal !== null) return err(this.refusal);
    this.objects.set(name, { name, owner: 'api', body, problem: null });
    return ok(undefined);
  }

  async remove(name: string): ReturnType<ObjectBook['remove']> {
    await Promise.resolve();
    if (this.refusal !== null) return err(this.refusal);
    this.objects.delete(name);
    return ok(undefined);
  }
}

export class World {
  reasons: NotReadyReason[] = [];
  live: LiveCall[] = [];
  records: LegRecord[] = [];
  queries: CdrQuery[] = [];
  hungUp: CallId[] = [];
  drained: string[] = [];
  storeError: CodedError | null = null;
  /** The store refuses from this page on. */
  pagesMax = Number.POSITIVE_INFINITY;
  metricsFail = false;
  readonly trunks = new FakeBook();
  readonly routes = new FakeBook();
  readonly app: FastifyInstance;

  constructor() {
    this.app = Fastify(apiServerOptions);
    registerRoutes(this.app, this.#deps());
  }

  #deps(): ApiDeps {
    return {
      ownNames: ['node.example'],
      notReady: () => this.reasons,
      drain: (action) => {
        this.drained.push(action);
        return { draining: action === 'start', callsActive: this.live.length };
      },
      metrics: () =>
        this.metricsFail
          ? Promise.reject(new Error('secret detail'))
          : Promise.resolve({
              contentType: 'text/plain; version=0.0.4',
              text: 'trunkyard_calls 1\n',
            }),
      liveCalls: () => this.live,
      liveCall: (id) => this.live.find((call) => call.callId === id) ?? null,
      hangUp: (id) => {
        this.hungUp.push(id);
        return this.live.some((call) => call.callId === id);
      },
      cdrs: {
        listLegs: async (query) => {
          await Promise.resolve();
          this.queries.push(query);
          if (this.storeError !== null || this.queries.length > this.pagesMax) {
            return err(this.storeError ?? { code: 'STORE_UNAVAILABLE', message: 'disk full' });
          }
          const start = Number(query.cursor ?? 0);
          const end = start + query.limit;
          return ok({
            legs: this.records.slice(start, end),
            nextCursor: end < this.records.length ? String(end) : null,
            resumeCursor: String(Math.min(end, this.records.length)),
          });
        },
        findCall: async (id) => {
          await Promise.resolve();
          if (this.storeError !== null) return err(this.storeError);
          return ok(this.records.filter((record) => record.callId === id));
        },
      },
      trunkStates: () => [
        {
          name: 'carrier-a',
          owner: 'config',
          channelsInUse: 2,
          channels: 500,
          cps: 50,
          gateways: [{ uri: 'sip:192.0.2.10', state: 'up' }],
        },
      ],
      trunks: this.trunks,
      routes: this.routes,
    };
  }
}
