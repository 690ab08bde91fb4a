// Sockets under SIP, and the clocks and timers that drive the cores. TLS, WebSocket and HTTP requests join here later.
export type {
  RefusedReason,
  SipTransport,
  SipTransportOptions,
  TransportEvents,
  TransportLimits,
  TransportStats,
} from './types.ts';
export { TRANSPORT_LIMITS } from './types.ts';
export { openSipTransport } from './open.ts';
export { createTicker, systemNow, type Ticker } from './clock.ts';
