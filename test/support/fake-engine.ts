// A media engine without sockets: answers orders as the contract says, refuses on request, and remembers what is open.
import type { EndpointHandle, OrderId } from '../../src/base/index.ts';
import { endpointHandle } from '../../src/base/index.ts';
import type {
  EndpointCounters,
  EngineCode,
  EngineEvent,
  EngineOrder,
} from '../../src/engine/index.ts';

const NO_COUNTERS: EndpointCounters = {
  packetsReceived: 0,
  octetsReceived: 0,
  packetsSent: 0,
  octetsSent: 0,
  packetsLost: 0,
  jitterMs: 0,
  packetsRefused: 0,
  packetsDropped: 0,
  rtcpReceived: 0,
  rtcpSent: 0,
  roundTripMs: 0,
  packetsLate: 0,
  packetsDuplicate: 0,
  playoutDelayMs: 0,
  playedMs: 0,
  concealedMs: 0,
  ratingFactor: 0,
  mosListening: 0,
  mosConversational: 0,
  srtpRefused: 0,
  digitsReceived: 0,
};

export interface FakeEndpoint {
  readonly handle: EndpointHandle;
  readonly rtpPort: number;
  feeds: EndpointHandle | null;
  update: Extract<EngineOrder, { kind: 'updateEndpoint' }> | null;
}

export class FakeEngine {
  /** Endpoints that may be open at once; more are refused with ENDPOINTS_FULL. */
  capacity = Number.POSITIVE_INFINITY;
  readonly endpoints = new Map<EndpointHandle, FakeEndpoint>();
  readonly orders: EngineOrder[] = [];
  #lastHandle = 0;
  #nextPort = 20_000;

  /** Carries out one order. @returns its answer. */
  carryOut(order: EngineOrder): EngineEvent {
    this.orders.push(order);
    switch (order.kind) {
      case 'openEndpoint':
        return this.#open(order.order);
      case 'updateEndpoint': {
        const endpoint = this.endpoints.get(order.endpoint);
        if (endpoint !== undefined) endpoint.update = order;
        return done(order.order, order.endpoint, endpoint === undefined ? 'HANDLE_STALE' : 'OK');
      }
      case 'openLink': {
        const from = this.endpoints.get(order.from);
        const known = from !== undefined && this.endpoints.has(order.to);
        if (known) from.feeds = order.to;
        return done(order.order, order.from, known ? 'OK' : 'HANDLE_STALE');
      }
      case 'setKeys':
      case 'setAudio':
      case 'sendDigits': {
        const known = this.endpoints.has(order.endpoint);
        return done(order.order, order.endpoint, known ? 'OK' : 'HANDLE_STALE');
      }
      case 'closeLink': {
        const from = this.endpoints.get(order.from);
        if (from !== undefined) from.feeds = null;
        return done(order.order, order.from, from === undefined ? 'HANDLE_STALE' : 'OK');
      }
      case 'closeEndpoint': {
        const known = this.endpoints.delete(order.endpoint);
        const code = known ? 'OK' : 'HANDLE_STALE';
        return {
          kind: 'endpointClosed',
          order: order.order,
          code,
          endpoint: order.endpoint,
          counters: NO_COUNTERS,
        };
      }
    }
  }

  #open(order: OrderId): EngineEvent {
    const full = this.endpoints.size >= this.capacity;
    this.#lastHandle += 1;
    const handle = endpointHandle(full ? 0 : this.#lastHandle);
    const rtpPort = this.#nextPort;
    if (!full) {
      this.#nextPort = this.#nextPort >= 59_998 ? 20_000 : this.#nextPort + 2;
      this.endpoints.set(handle, { handle, rtpPort, feeds: null, update: null });
    }
    return {
      kind: 'endpointOpened',
      order,
      code: full ? 'ENDPOINTS_FULL' : 'OK',
      endpoint: handle,
      rtpPort,
      rtcpPort: rtpPort + 1,
    };
  }
}

function done(order: OrderId, endpoint: EndpointHandle, code: EngineCode): EngineEvent {
  return { kind: 'orderDone', order, code, endpoint };
}
