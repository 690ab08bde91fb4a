// Orders to the media engine and what comes back. One record each; the layouts stand in contract.json.
import type { EndpointHandle, HostPort, OrderId } from '../base/index.ts';

/** `strict`: the SDP address is true, nothing else is ever relayed. `latch`: behind NAT, learned then locked. */
export type SourceRule = 'strict' | 'latch';

export type EngineOrder =
  | {
      readonly kind: 'openEndpoint';
      readonly order: OrderId;
      /** Any number of the call's own: endpoints with equal numbers live on one media thread. */
      readonly affinity: number;
      /** Index into `media.addresses`. */
      readonly addressIndex: number;
    }
  | {
      readonly kind: 'updateEndpoint';
      readonly order: OrderId;
      readonly endpoint: EndpointHandle;
      /** Where the peer receives RTP; null = not known yet (nothing is sent, nothing accepted). */
      readonly remoteRtp: HostPort | null;
      /** Where the peer receives RTCP; null with `rtcpMux` or when RTCP is off. */
      readonly remoteRtcp: HostPort | null;
      readonly rtcpMux: boolean;
      readonly sourceRule: SourceRule;
      /** No RTP and no RTCP for so long raises `mediaTimeout`; 0 = never. */
      readonly inactivityMs: number;
      /** RTP clock rate by payload type, for jitter. */
      readonly clockRates: readonly (readonly [payloadType: number, clockRateHz: number])[];
    }
  /** A one-way path; replaces what `from` fed before. `from` may equal `to` (echo). Payload types not listed are dropped. */
  | {
      readonly kind: 'openLink';
      readonly order: OrderId;
      readonly from: EndpointHandle;
      readonly to: EndpointHandle;
      readonly payloadMap: readonly (readonly [from: number, to: number])[];
    }
  | { readonly kind: 'closeLink'; readonly order: OrderId; readonly from: EndpointHandle }
  /** Ends the endpoint and every link from or to it; answered by `endpointClosed` with the last counters. */
  | { readonly kind: 'closeEndpoint'; readonly order: OrderId; readonly endpoint: EndpointHandle };

/** Why the engine refused an order; names equal those in contract.json. */
export type EngineCode =
  | 'OK'
  | 'HANDLE_STALE'
  | 'ENDPOINTS_FULL'
  | 'PORTS_EXHAUSTED'
  | 'SOCKET_FAILED'
  | 'ADDRESS_INVALID'
  | 'ORDER_INVALID';

export interface EndpointCounters {
  readonly packetsReceived: number;
  readonly octetsReceived: number;
  readonly packetsSent: number;
  readonly octetsSent: number;
  /** RFC 3550 §A.3: expected minus received, never below 0 here. */
  readonly packetsLost: number;
  readonly jitterMs: number;
  /** Foreign source, refused by the source rule in our process. */
  readonly packetsRefused: number;
  /** Not RTP, payload type not mapped, or no link. */
  readonly packetsDropped: number;
  readonly rtcpReceived: number;
  readonly rtcpSent: number;
  /** 0 until the peer's reports allow it. */
  readonly roundTripMs: number;
}

export type EngineEvent =
  | {
      readonly kind: 'endpointOpened';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly endpoint: EndpointHandle;
      readonly rtpPort: number;
      readonly rtcpPort: number;
    }
  | {
      readonly kind: 'orderDone';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly endpoint: EndpointHandle;
    }
  | {
      readonly kind: 'endpointClosed';
      readonly order: OrderId;
      readonly code: EngineCode;
      readonly endpoint: EndpointHandle;
      readonly counters: EndpointCounters;
    }
  /** First accepted RTP packet since the last update. */
  | { readonly kind: 'mediaStarted'; readonly endpoint: EndpointHandle }
  | { readonly kind: 'mediaTimeout'; readonly endpoint: EndpointHandle; readonly silentMs: number }
  /** The latch closed on this source (RFC 4961, A30). */
  | { readonly kind: 'latched'; readonly endpoint: EndpointHandle; readonly remote: HostPort }
  /** The media process is gone; every handle is stale. Made by the JS face, not by a record. */
  | { readonly kind: 'engineLost' };

/** The media engine as the B2BUA sees it: real (src/engine) or fake (test/support). */
export interface MediaEngine {
  /** Copies the orders out; false when the order ring is full (nothing of this batch was taken). */
  submit(orders: readonly EngineOrder[]): boolean;
}
