// Words that the SIP cores and the transports share. No sockets here.

export type TransportKind = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** True when the transport delivers in order and reliably (RFC 3261 §17: timers differ). */
export function isReliable(kind: TransportKind): boolean {
  return kind !== 'udp';
}

/** An IP address in text (IPv6 without brackets) and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Where a message came in, and so the way back: for UDP a listener and a far address, for streams one connection.
 * `id` names the listener (udp) or the connection (streams) inside the transport room.
 */
export interface Flow {
  readonly id: number;
  readonly transport: TransportKind;
  readonly remote: HostPort;
}

/** Where a request is to go when there is no flow yet. `host` is an IP literal or a name. */
export interface SendTarget {
  readonly transport: TransportKind;
  readonly host: string;
  readonly port: number;
}

/** One of our own listening points, as peers must write it: goes into Via and Contact. */
export interface LocalPoint {
  readonly transport: TransportKind;
  readonly bind: HostPort;
  readonly advertise: HostPort;
}

/** `host:port` with brackets round IPv6. */
export function hostPortText(point: HostPort): string {
  return point.host.includes(':') ? `[${point.host}]:${point.port}` : `${point.host}:${point.port}`;
}
