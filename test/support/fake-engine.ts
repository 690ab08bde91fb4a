// A media engine without sockets: answers orders as the contract says, refuses what the real one refuses, and remembers
// what is open.
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

type OrderOf<Kind extends EngineOrder['kind']> = Extract<EngineOrder, { readonly kind: Kind }>;

/** What calls of two parties need. */
type CallOrder = Exclude<
  EngineOrder,
  { readonly conference: unknown } | { readonly kind: 'openConference' | 'leaveConference' }
>;

export interface FakeEndpoint {
  readonly handle: EndpointHandle;
  readonly rtpPort: number;
  feeds: EndpointHandle | null;
  update: OrderOf<'updateEndpoint'> | null;
  /** The order that set its keys; null while it has none. */
  keys: OrderOf<'setKeys'> | null;
  audio: OrderOf<'setAudio'> | null;
  /** The link it feeds. */
  link: OrderOf<'openLink'> | null;
  /** What was to be said to its peer, oldest first. */
  readonly said: number[];
}

/** Bytes of key and salt by suite (RFC 3711 §8.2, RFC 7714 §12). */
const SECRET_BYTES = {
  off: [0, 0],
  aesCm128Tag80: [16, 14],
  aesCm128Tag32: [16, 14],
  aeadAes128Gcm: [16, 12],
  aeadAes256Gcm: [32, 12],
} as const;
const MKI_BYTES_MAX = 4;
const RECEIVED_MAX = 16;
const CONVERSIONS_MAX = 4;
const DIGITS_MAX = 64;
const TONE_MS_MIN = 40;
const RATES_KHZ: ReadonlySet<number> = new Set([8, 16, 48]);
const PACKET_MS: ReadonlySet<number> = new Set([10, 20, 30, 40, 50, 60]);

export class FakeEngine {
  /** Endpoints that may be open at once; more are refused with ENDPOINTS_FULL. */
  capacity = Number.POSITIVE_INFINITY;
  /** What the closing endpoints have counted. */
  counters: EndpointCounters = NO_COUNTERS;
  /** Sees every order and its answer. */
  onOrder: ((order: EngineOrder, code: EngineCode) => void) | null = null;
  /** What an order is refused with, as for want of memory; null: it isn't. */
  refusal: (order: EngineOrder) => EngineCode | null = () => null;
  readonly endpoints = new Map<EndpointHandle, FakeEndpoint>();
  readonly orders: EngineOrder[] = [];
  #lastHandle = 0;
  #nextPort = 20_000;

  /** Carries out one order. @returns its answer. */
  carryOut(order: EngineOrder): EngineEvent {
    this.orders.push(order);
    const answer = this.#answer(order);
    this.onOrder?.(order, 'code' in answer ? answer.code : 'OK');
    return answer;
  }

  /** The last order of a kind for an endpoint; throws when there is none. */
  last<Kind extends 'setKeys' | 'setAudio' | 'sendDigits' | 'updateEndpoint'>(
    kind: Kind,
    endpoint: EndpointHandle | undefined,
  ): OrderOf<Kind> {
    const found = this.orders.findLast(
      (order): order is OrderOf<Kind> =>
        order.kind === kind && 'endpoint' in order && order.endpoint === endpoint,
    );
    if (found === undefined) throw new Error(`no ${kind} for endpoint ${endpoint ?? 'none'}`);
    return found;
  }

  #answer(order: EngineOrder): EngineEvent {
    if (!isOfCall(order)) throw new Error(`${order.kind}: the fake engine has no conferences`);
    if (order.kind === 'openEndpoint') return this.#open(order.order);
    // No call plays or records anything yet.
    if (order.kind === 'loadClip' || order.kind === 'unloadClip')
      return done(order.order, endpointHandle(0), 'ORDER_INVALID');
    const handle = 'from' in order ? order.from : order.endpoint;
    const endpoint = this.endpoints.get(handle);
    if (order.kind === 'closeEndpoint') return this.#close(order.order, handle);
    if (endpoint === undefined) return done(order.order, handle, 'HANDLE_STALE');
    const refused = this.refusal(order);
    return done(order.order, handle, refused ?? this.#carryOutOn(endpoint, order));
  }

  #carryOutOn(
    endpoint: FakeEndpoint,
    order: Exclude<
      CallOrder,
      { kind: 'openEndpoint' | 'closeEndpoint' | 'loadClip' | 'unloadClip' }
    >,
  ): EngineCode {
    switch (order.kind) {
      case 'updateEndpoint':
        endpoint.update = order;
        return 'OK';
      case 'openLink':
        return this.#link(endpoint, order);
      case 'closeLink':
        endpoint.feeds = null;
        endpoint.link = null;
        return 'OK';
      case 'setKeys':
        if (!areKeysSound(order)) return 'ORDER_INVALID';
        endpoint.keys = order.suite === 'off' ? null : order;
        return 'OK';
      case 'setAudio':
        if (!isAudioSound(order) || this.#isNeeded(endpoint, order)) return 'ORDER_INVALID';
        endpoint.audio = order.receive.length > 0 || order.send !== null ? order : null;
        return 'OK';
      case 'sendDigits':
        if (!areDigitsSound(order) || !endpoint.audio?.send) return 'ORDER_INVALID';
        endpoint.said.push(...order.digits);
        return 'OK';
      case 'play':
      case 'playTone':
      case 'stopPlay':
      case 'startRecording':
      case 'pauseRecording':
      case 'stopRecording':
      case 'detectSpeech':
        return 'ORDER_INVALID';
    }
  }

  #link(from: FakeEndpoint, order: OrderOf<'openLink'>): EngineCode {
    const to = this.endpoints.get(order.to);
    if (to === undefined) return 'HANDLE_STALE';
    const types = order.payloadMap.flat();
    const sound =
      types.every(isPayloadType) &&
      order.conversions.length <= CONVERSIONS_MAX &&
      order.conversions.every(([type]) => order.payloadMap.some(([known]) => known === type));
    const decodes = order.mode === 'decoded';
    const able = hasAudio(from.audio) && hasAudio(to.audio);
    if (!sound || (decodes && !able)) return 'ORDER_INVALID';
    from.feeds = order.to;
    from.link = order;
    return 'OK';
  }

  /** Whether a decoded link stands that the audio given back would be missing on. */
  #isNeeded(endpoint: FakeEndpoint, order: OrderOf<'setAudio'>): boolean {
    if (hasAudio(order)) return false;
    return [...this.endpoints.values()].some(
      ({ handle, feeds, link }) =>
        link?.mode === 'decoded' && (handle === endpoint.handle || feeds === endpoint.handle),
    );
  }

  #close(order: OrderId, handle: EndpointHandle): EngineEvent {
    const code = this.endpoints.delete(handle) ? 'OK' : 'HANDLE_STALE';
    const { counters } = this;
    return { kind: 'endpointClosed', order, code, endpoint: handle, counters };
  }

  #open(order: OrderId): EngineEvent {
    const full = this.endpoints.size >= this.capacity;
    this.#lastHandle += 1;
    const handle = endpointHandle(full ? 0 : this.#lastHandle);
    const rtpPort = this.#nextPort;
    if (!full) {
      this.#nextPort = this.#nextPort >= 59_998 ? 20_000 : this.#nextPort + 2;
      const nothing = { feeds: null, update: null, keys: null, audio: null, link: null };
      this.endpoints.set(handle, { handle, rtpPort, ...nothing, said: [] });
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

function isOfCall(order: EngineOrder): order is CallOrder {
  return (
    !('conference' in order) && order.kind !== 'openConference' && order.kind !== 'leaveConference'
  );
}

/** Both halves: what is heard by the other leg, and what is said to this one. */
function hasAudio(order: OrderOf<'setAudio'> | null): boolean {
  const kinds = new Set(order?.receive.map(({ kind }) => kind));
  kinds.delete('telephoneEvent');
  return kinds.size > 0 && order?.send != null;
}

function isPayloadType(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 127;
}

function areKeysSound({ suite, keys }: OrderOf<'setKeys'>): boolean {
  if (suite === 'off' || keys === null) return suite === 'off' && keys === null;
  const [keyBytes, saltBytes] = SECRET_BYTES[suite];
  return [keys.send, keys.receive].every(
    ({ key, salt, mki }) =>
      key.length === keyBytes && salt.length === saltBytes && mki.length <= MKI_BYTES_MAX,
  );
}

function isAudioSound({ receive, send }: OrderOf<'setAudio'>): boolean {
  const events = receive.filter(({ kind }) => kind === 'telephoneEvent');
  const received =
    receive.length <= RECEIVED_MAX &&
    events.length <= 1 &&
    new Set(receive.map(({ payloadType }) => payloadType)).size === receive.length &&
    receive.every(
      ({ payloadType, rateKhz }) => isPayloadType(payloadType) && RATES_KHZ.has(rateKhz),
    );
  if (!received || send === null) return received;
  const { kind, rateKhz, packetMs, event, opus } = send;
  const rateFits = kind === 'opus' || kind === 'l16' || rateKhz === (kind === 'g722' ? 16 : 8);
  const bitrate = opus.bitrateBps === 0 || (opus.bitrateBps >= 6_000 && opus.bitrateBps <= 510_000);
  return (
    isPayloadType(send.payloadType) &&
    rateFits &&
    RATES_KHZ.has(rateKhz) &&
    PACKET_MS.has(packetMs) &&
    (event === null || (isPayloadType(event.payloadType) && RATES_KHZ.has(event.rateKhz))) &&
    bitrate &&
    opus.complexity >= 0 &&
    opus.complexity <= 10
  );
}

function areDigitsSound({ digits, toneMs, pauseMs }: OrderOf<'sendDigits'>): boolean {
  const count = digits.length;
  const known = digits.every((digit) => Number.isInteger(digit) && digit >= 0 && digit <= 15);
  return (
    count >= 1 && count <= DIGITS_MAX && known && toneMs >= TONE_MS_MIN && pauseMs >= TONE_MS_MIN
  );
}

function done(order: OrderId, endpoint: EndpointHandle, code: EngineCode): EngineEvent {
  return { kind: 'orderDone', order, code, endpoint };
}
