// What the transport room is given and gives back. TLS and WebSocket will come in under the same words.
import type {
  ClientTxnId,
  CodedError,
  Flow,
  HostPort,
  LocalPoint,
  Log,
  SendTarget,
} from '../base/index.ts';

export interface TransportLimits {
  /** Socket buffer asked for on each UDP socket and direction, bytes; the kernel may grant less. */
  readonly udpBufferBytes: number;
  /** Largest message on a stream, bytes. */
  readonly messageBytesMax: number;
  /** Connections that peers opened, all together, an eighth of them for known sources only; as many again may be opened by us, and then the most silent one gives way. */
  readonly connectionsMax: number;
  /** Connections that one source opened: an IPv4 address, or an IPv6 /64. */
  readonly connectionsPerSourceMax: number;
  /** A connection of ours that isn't up by then has failed. */
  readonly connectTimeoutMs: number;
  /** First byte to last byte of one message on a stream. */
  readonly messageTimeoutMs: number;
  /** A connection without traffic either way is closed. */
  readonly idleTimeoutMs: number;
  /** Bytes waiting for a peer that doesn't read; above, its connection is closed. */
  readonly unsentBytesMax: number;
  /** A peer that takes nothing for so long while bytes wait is closed. */
  readonly writeTimeoutMs: number;
  /** A peer of whom nothing at all is heard for so long after a request is closed. */
  readonly answerTimeoutMs: number;
  /** How long a name's addresses are used again. */
  readonly resolveTtlMs: number;
}

/** What no configuration says. */
export const TRANSPORT_LIMITS: Omit<
  TransportLimits,
  'connectionsMax' | 'connectionsPerSourceMax' | 'idleTimeoutMs'
> = {
  udpBufferBytes: 8 * 1024 * 1024,
  messageBytesMax: 65_536,
  connectTimeoutMs: 4_000,
  messageTimeoutMs: 32_000, // RFC 3261 Timer F: no request is worth waiting for any longer.
  unsentBytesMax: 1_048_576,
  writeTimeoutMs: 32_000,
  answerTimeoutMs: 32_000, // RFC 3261 Timers B and F: whoever lives has said something by then.
  resolveTtlMs: 30_000,
};

/** Why bytes or a connection were turned away; each is a counter. */
export type RefusedReason =
  | 'connectionsMax'
  | 'connectionsPerSourceMax'
  | 'messageTimeout'
  | 'idleTimeout'
  | 'writeTimeout'
  | 'answerTimeout'
  | 'unsentBytesMax'
  | 'streamBroken';

export interface TransportStats {
  readonly messagesReceived: number;
  readonly bytesReceived: number;
  readonly messagesSent: number;
  readonly bytesSent: number;
  /** CRLF pings on streams and datagrams too short to be SIP. */
  readonly keepAlivesReceived: number;
  /** Sends that failed, with or without a transaction. */
  readonly sendFailures: number;
  /** Among them datagrams that the system refused by rule (EACCES, EPERM): a firewall, most often. */
  readonly sendsForbidden: number;
  /** Among them datagrams that no packet may be as long as (EMSGSIZE). */
  readonly sendsTooLong: number;
  /** Errors the kernel reported on a UDP socket outside a send (ICMP). */
  readonly socketErrors: number;
  readonly connectionsInbound: number;
  readonly connectionsOutbound: number;
  readonly refused: Readonly<Record<RefusedReason, number>>;
}

/** What the transport tells. None of these is called from inside `send`. */
export interface TransportEvents {
  /** One whole message: a datagram, or what the framer cut from a stream. `bytes` may be a view of more: copy what is kept. */
  onMessage(flow: Flow, bytes: Buffer): void;
  /** The request of this client transaction could not be sent. At most once a `send`. */
  onSendFailed(txn: ClientTxnId): void;
  /** A stream lost its framing; the connection closes after what is sent to `flow` from within this call. */
  onBroken?(flow: Flow, error: CodedError, head: Buffer | null): void;
  /** A connection is gone; its flow leads nowhere. */
  onFlowClosed?(flow: Flow): void;
  onRefused?(reason: RefusedReason, remote: HostPort): void;
}

export interface SipTransportOptions extends TransportEvents {
  /** Listening points; port 0 takes any free port (tests). */
  readonly locals: readonly LocalPoint[];
  readonly limits: TransportLimits;
  readonly log: Log;
  /** Whether this address may send us calls: strangers can't take the last connections from it. Left out: nobody is known. */
  isKnownSource?(host: string): boolean;
  /** Whether a gateway of ours is configured by this host, lower case: its name is looked up whatever others are. Left out: none is. */
  isGatewayHost?(host: string): boolean;
}

export interface SipTransport {
  /** The listening points with the ports really bound. */
  readonly locals: readonly LocalPoint[];
  /** What an operator should hear at the start, for example a socket buffer the kernel cut down. */
  readonly warnings: readonly string[];
  /**
   * Sends one message. To a flow: back the way it came, for streams on that connection only. To a target: from the
   * first listening point of its transport and address family (a name: IPv4 before IPv6); a stream connection to the same host and port, or from there, is
   * used again (RFC 5923 in spirit). Failure is told by `onSendFailed` when `txn` isn't null; nothing is ever thrown.
   */
  send(to: Flow | SendTarget, bytes: Buffer, txn: ClientTxnId | null): void;
  stats(): TransportStats;
  /** Stops listening, lets waiting bytes out for a moment, closes everything. No event comes after the call. */
  close(): Promise<void>;
}
