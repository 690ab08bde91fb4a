// The settings as the rooms read them: checked, defaults filled in, units in the names. Made by parseConfig only;
// ranges, defaults and the sentence of each setting stand in schema.ts and nowhere else.
import type { HostPort } from '../base/index.ts';

/** Transports a trunkyard.yaml may name today; TLS and WebSocket get their own listeners with their own settings. */
export type ConfiguredTransport = 'udp' | 'tcp';

/** A SIP listening point: where it binds and what peers are told to use (Via, Contact). */
export interface SipListenSettings {
  readonly transport: ConfiguredTransport;
  readonly bind: HostPort;
  /** Equal to `bind` unless `advertise` was given. */
  readonly advertise: HostPort;
}

export interface ListenSettings {
  readonly sip: readonly SipListenSettings[];
  /** Where the HTTP API listens; null = no HTTP. */
  readonly http: HostPort | null;
  /** Lower case. Names besides localhost that an HTTP side on loopback answers to. */
  readonly httpHosts: readonly string[];
  /** Digest realm of our own challenges (RFC 3261 §22.1). */
  readonly realm: string;
}

/** One address for media; its index is the engine's `addressIndex`. */
export interface MediaAddressSettings {
  readonly bind: string;
  /** The address written into SDP; equal to `bind` unless given. */
  readonly advertise: string;
  /** Inclusive; RTP takes the even ports, RTCP the odd one above. */
  readonly portMin: number;
  readonly portMax: number;
}

export interface MediaSettings {
  readonly addresses: readonly MediaAddressSettings[];
  readonly threads: number;
  /** Endpoints the engine takes memory for; derived from `limits.calls` unless given. */
  readonly endpoints: number;
  /** Of clips and recordings. */
  readonly folder: string;
  /** Silence (no RTP, no RTCP) that ends a call; 0 = never. */
  readonly inactivityS: number;
  /** The same while the leg is on hold; 0 = never. */
  readonly inactivityHoldS: number;
  /** Of the largest conference on one media thread. */
  readonly conferenceParticipants: number;
  /** Forwarding inside the kernel. */
  readonly kernelPath: 'auto' | 'off';
}

export interface StoreSettings {
  readonly url: string;
}

export interface BusSettings {
  readonly url: string;
}

export interface LimitSettings {
  /** Calls up at once on this node. */
  readonly calls: number;
  /** New calls a second on this node. */
  readonly cps: number;
  /** How long a drain waits for calls before it ends them. */
  readonly drainS: number;
  /** SIP transactions held at once. */
  readonly transactions: number;
  /** Stream connections (TCP) held at once, and of those from one source address. */
  readonly connections: number;
  readonly connectionsPerSource: number;
  /** A stream connection without a message for so long is closed. */
  readonly connectionIdleS: number;
}

/** Digest credentials a peer must prove: a password, or stored hashes of it (RFC 8760: one per algorithm). */
export type AuthSettings =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'ha1';
      readonly username: string;
      /** H(username:realm:password) in lower-case hex; null when that algorithm isn't offered. */
      readonly ha1Md5: string | null;
      readonly ha1Sha256: string | null;
    };

/** Digest credentials we answer a gateway's challenge with. */
export interface CredentialSettings {
  readonly username: string;
  readonly password: string;
  /** Only challenges of this realm are answered; null = any realm of a gateway of this trunk. */
  readonly realm: string | null;
}

export interface GatewaySettings {
  /** As written in the file. */
  readonly uri: string;
  readonly transport: ConfiguredTransport;
  /** IP literal (IPv6 without brackets) or a name, lower case. */
  readonly host: string;
  readonly port: number;
  /** Lower is tried first. */
  readonly priority: number;
  /** Share among equal priorities; 0 = only when the others were tried. */
  readonly weight: number;
}

/**
 * How media of a trunk's legs finds its peer: `strict` trusts the SDP's address, `latch` learns it from the first
 * packets, `auto` latches only when the SDP names a private address other than the one signalling came from.
 */
export type MediaMode = 'auto' | 'strict' | 'latch';

/** Codec names as SDP spells them (RFC 3551, RFC 7587, RFC 4733). */
export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'opus' | 'telephone-event';

/** Whether audio of a trunk's legs is decoded and encoded anew. */
export type TranscodePolicy = 'always' | 'when_needed' | 'never';

/** Whether a trunk's audio may or must be encrypted (RFC 4568). */
export type SrtpPolicy = 'off' | 'optional' | 'required';

/** How long decoded audio waits for late packets (SPEC A22). */
export type JitterBufferSize = 'off' | 'small' | 'medium' | 'large';

/** How a trunk's peers say digits: telephone-event, SIP INFO, tones; `auto` = telephone-event where both sides have it. */
export type DtmfMode = 'auto' | 'rfc4733' | 'info' | 'inband';

/** Whether something is used where the peer can do it too. */
export type Switch = 'off' | 'on';

export interface TrunkSettings {
  readonly name: string;
  /** CIDR texts, canonical (network address, prefix length), for example "192.0.2.0/24". */
  readonly allow: readonly string[];
  readonly auth: AuthSettings | null;
  readonly gateways: readonly GatewaySettings[];
  readonly credentials: CredentialSettings | null;
  readonly cps: number;
  readonly channels: number;
  /** In order of preference. */
  readonly codecs: readonly CodecName[];
  readonly transcode: TranscodePolicy;
  readonly srtp: SrtpPolicy;
  /** Of packets we make ourselves, where the peer asks for no other; 10 to 60, in tens. */
  readonly ptimeMs: number;
  readonly jitterBuffer: JitterBufferSize;
  readonly dtmf: DtmfMode;
  /** RFC 3389. */
  readonly comfortNoise: Switch;
  /** RFC 2198. */
  readonly redundancy: Switch;
  /** Null = what suits the sampling rate. */
  readonly opusBitrateBps: number | null;
  /** 0 to 10. */
  readonly opusComplexity: number;
  readonly maxDurationS: number;
  readonly media: MediaMode;
  /** Final statuses after which the next gateway is tried; never holds 486, 600, 603 or 604. */
  readonly failoverCodes: readonly number[];
  /** INVITE sent to first response; then the next gateway is tried. */
  readonly gatewayTimeoutS: number;
  /** First provisional to answer (Timer C, RFC 3261 §16.6). */
  readonly ringTimeoutS: number;
}

/** Where a built-in destination answers the call inside this node. */
export type BuiltInDestination = 'echo';

/** What a route matches: the longest prefix of the digits, or a whole number or name before any prefix. */
export type RouteMatch =
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'exact'; readonly number: string };

export type RouteTarget =
  | { readonly kind: 'trunks'; readonly trunks: readonly string[] }
  | { readonly kind: 'destination'; readonly destination: BuiltInDestination };

export interface RouteSettings {
  readonly match: RouteMatch;
  /** Leading digits taken off the dialled number. */
  readonly strip: number;
  /** Put in front of what is left. */
  readonly add: string;
  readonly target: RouteTarget;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogSettings {
  readonly level: LogLevel;
}

/** A whole, valid configuration. */
export interface Settings {
  readonly listen: ListenSettings;
  readonly media: MediaSettings;
  readonly store: StoreSettings;
  readonly bus: BusSettings;
  readonly limits: LimitSettings;
  readonly trunks: readonly TrunkSettings[];
  readonly routes: readonly RouteSettings[];
  readonly log: LogSettings;
}
