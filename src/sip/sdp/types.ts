// The words of the SDP room: a description as written, and the audio part as the B2BUA needs it.
import type { HostPort } from '../../base/index.ts';

/** Who may send, seen by the writer of the description (RFC 8866 §6.7). */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One `a=` line. `value` is null for a flag such as `a=rtcp-mux`. */
export interface SdpAttribute {
  readonly name: string;
  readonly value: string | null;
}

/** One `c=` line. `address` is as written: an IP literal, with `/ttl` or `/count` for multicast, or a host name. */
export interface SdpConnection {
  readonly addressType: 'IP4' | 'IP6';
  readonly address: string;
}

/** The `o=` line. Both numbers stay text: they may exceed 2^53. */
export interface SdpOrigin {
  readonly username: string;
  readonly sessionId: string;
  readonly version: string;
  readonly addressType: 'IP4' | 'IP6';
  readonly address: string;
}

/** One media section as written; nothing is inherited here (`describeMedia` does that). */
export interface SdpMedia {
  /** 'audio', 'video', 'image', …; lower case. */
  readonly kind: string;
  /** 0 to 65535; 0 = refused or switched off (RFC 3264 §6, §8.2). */
  readonly port: number;
  /** Number of ports after the slash; 1 when absent. */
  readonly portCount: number;
  readonly proto: string;
  readonly formats: readonly string[];
  readonly title: string | null;
  /** The section's own `c=` lines; a multicast description may have several. */
  readonly connections: readonly SdpConnection[];
  /** `b=` values in order. */
  readonly bandwidths: readonly string[];
  readonly key: string | null;
  /** Every attribute in order, known or not. */
  readonly attributes: readonly SdpAttribute[];
}

/** A whole session description (RFC 8866 §5) as written. */
export interface Sdp {
  /** Null when the writer left `o=` out. */
  readonly origin: SdpOrigin | null;
  /** `s=`; '-' when absent. */
  readonly sessionName: string;
  /** `i=`, `u=`, `e=` and `p=` lines in order, as [letter, value]. */
  readonly notes: readonly (readonly [letter: string, value: string])[];
  readonly connection: SdpConnection | null;
  readonly bandwidths: readonly string[];
  /** `t=`, `r=` and `z=` lines in order; `t=0 0` when absent. */
  readonly times: readonly (readonly [letter: string, value: string])[];
  readonly key: string | null;
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}

/** `a=rtpmap`, or the static assignment of RFC 3551 §6. `encoding` is spelled as written. */
export interface RtpMap {
  readonly payloadType: number;
  readonly encoding: string;
  readonly clockRateHz: number;
  readonly channels: number;
}

/** A media section with everything inherited and every attribute we act on decoded. */
export interface MediaDescription {
  readonly kind: string;
  readonly port: number;
  readonly proto: string;
  /** The section's own connection, else the session's. */
  readonly connection: SdpConnection | null;
  readonly direction: Direction;
  /** One entry a numeric format, in the order of the `m=` line; unknown static numbers are left out. */
  readonly rtpMaps: readonly RtpMap[];
  /** Format parameters by payload type. */
  readonly fmtp: ReadonlyMap<number, string>;
  readonly ptimeMs: number | null;
  readonly maxptimeMs: number | null;
  /** `a=rtcp` (RFC 3605); port 0 = none; `address` null = same as the connection. */
  readonly rtcp: { readonly port: number; readonly address: string | null } | null;
  readonly rtcpMux: boolean;
}

/**
 * The payloads the engine can pass on: audio, and what goes beside it: digits (RFC 4733), comfort noise (RFC 3389, `CN`), and
 * audio with that of earlier packets in one payload (RFC 2198, `red`).
 */
export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'opus' | 'telephone-event' | 'CN' | 'red';

/** Suites of SRTP by their names in SDP (RFC 4568 §6.2, RFC 7714 §14.1). */
export type CryptoSuite =
  'AEAD_AES_128_GCM' | 'AEAD_AES_256_GCM' | 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';

/** Whether a leg's audio may or must be encrypted. */
export type SrtpRule = 'off' | 'optional' | 'required';

/** A master key; secret, never logged. Lengths in bytes are the suite's. */
export interface SrtpKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** One usable `a=crypto` line: the key that its writer sends under. */
export interface CryptoLine extends SrtpKey {
  /** 0 to 999999999. */
  readonly tag: number;
  readonly suite: CryptoSuite;
  /** 1 to 2^48, for how many packets the writer wants to use the key; null when not said. Not enforced: it is the
   * writer who has to bring a new key in time. */
  readonly lifetimePackets: number | null;
  /** 0 to 4 bytes that each packet carries; empty when not said. */
  readonly mki: Uint8Array;
}

/** What both sides of a leg send under, once offer and answer are exchanged. Tag and suite are the same. */
export interface AgreedCrypto {
  readonly ours: CryptoLine;
  readonly theirs: CryptoLine;
}

/** One payload under its number in one description. */
export interface AudioCodec {
  readonly name: CodecName;
  /** 0 to 127. */
  readonly payloadType: number;
  /** RTP clock: 8000 for G722 too (RFC 3551 §4.5.2), 48000 for opus. */
  readonly clockRateHz: number;
  readonly channels: number;
  /** `a=fmtp` parameters as written; null when absent. Of `red` the names of what is inside in place of its numbers. */
  readonly fmtp: string | null;
}

/** An `m=` line without its meaning: what is needed to keep its place and refuse it. */
export interface MediaLine {
  readonly kind: string;
  readonly proto: string;
  readonly formats: readonly string[];
}

/** One audio stream out of a description: what a side says about itself. */
export interface AudioDescription {
  /** Every `m=` line in order; `mediaIndex` is the audio we work with. All others are refused. */
  readonly lines: readonly MediaLine[];
  readonly mediaIndex: number;
  /** The stream has port 0. */
  readonly rejected: boolean;
  /** Known payloads in the writer's order of preference, each codec once (first number wins). */
  readonly codecs: readonly AudioCodec[];
  /** The effective one: an old-style hold (`c=0.0.0.0`) has lost its receiving half. */
  readonly direction: Direction;
  /** `c=0.0.0.0` or `c=::`, RFC 3264 §8.4: both remote addresses are null. */
  readonly oldStyleHold: boolean;
  /** Where the writer receives RTP; null when rejected or held the old way. IP literal, never a name. */
  readonly remoteRtp: HostPort | null;
  /** Where it receives RTCP when not multiplexed; null when `remoteRtp` is, or when it wants none. */
  readonly remoteRtcp: HostPort | null;
  /** `a=rtcp-mux` is present (RFC 5761 §5.1.1). */
  readonly rtcpMux: boolean;
  /** The writer's keys in its order of preference: one at least when the stream is SRTP, none when it's plain RTP. */
  readonly cryptos: readonly CryptoLine[];
  readonly ptimeMs: number | null;
  readonly maxptimeMs: number | null;
  /** Value of the first `t=`; an answer repeats the offer's (RFC 3264 §6). */
  readonly timing: string;
}

/** A description of our own for one leg. Keep the newest per leg and hand it back as `previous`. */
export interface AnchoredSdp {
  readonly text: string;
  /** `text` read as the peer will: payload numbers we receive, direction, our ports. */
  readonly audio: AudioDescription;
  readonly sessionId: string;
  /** `o=` version: grows by one with each change of the text, else stays (RFC 3264 §8). */
  readonly version: number;
  /** Every payload number ever bound on this leg; a number never changes its codec (RFC 3264 §8.3.2). */
  readonly bound: readonly AudioCodec[];
}

/** Our end of the media on one leg. */
export interface AnchorPoint {
  /** IPv4 or IPv6 literal that the peer can reach. */
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  /** In an offer: propose rtcp-mux. In an answer: accept it if the offer proposed it. */
  readonly rtcpMux: boolean;
}

/** What every description we write needs. */
export interface AnchorOptions {
  readonly anchor: AnchorPoint;
  /** Decimal digits, for the `o=` line; unused when `previous` is given. */
  readonly sessionId: string;
  /** The last description we sent on this leg, accepted or not; null on a leg's first. */
  readonly previous: AnchoredSdp | null;
  /** Our keys: in an offer one a suite; in an answer the one line that answers. Left out or empty: plain RTP. */
  readonly cryptos?: readonly CryptoLine[];
}

export interface AnchoredOfferOptions extends AnchorOptions {
  /** What the other leg's party offered. */
  readonly from: AudioDescription;
  readonly allowedCodecs: readonly CodecName[];
  /** `offered`: the offerer's preference; `allowed`: the order of `allowedCodecs`. */
  readonly codecOrder: 'offered' | 'allowed';
  /**
   * Codecs of our own put behind the offerer's, in this order, where it has none of them: what its audio can be encoded
   * anew as. `telephone-event` adds events of each clock that the audio has, `red` redundancy of each codec. Left out: none.
   */
  readonly addedCodecs?: readonly CodecName[];
}

export interface AnchoredAnswerOptions extends AnchorOptions {
  /** What the party of this leg offered us. */
  readonly offer: AudioDescription;
  /** The offer we made from it on the other leg (`AnchoredSdp.audio`); an answer outside it is not passed on. */
  readonly sent: AudioDescription;
  /** What the other leg's party answered to `sent`. */
  readonly farAnswer: AudioDescription;
  /** The answer's codecs and packet times; left out: what the far side took of them, and its times. */
  readonly chosen?: ChosenAudio;
}

/** What an answer says of audio. */
export interface ChosenAudio {
  /** In the offer's numbers; none of audio: the two sides have nothing in common. */
  readonly codecs: readonly AudioCodec[];
  readonly ptimeMs: number | null;
  readonly maxptimeMs: number | null;
}

export interface OwnOfferOptions extends AnchorOptions {
  readonly codecs: readonly CodecName[];
  readonly direction: Direction;
}

export interface OwnAnswerOptions extends AnchorOptions {
  readonly offer: AudioDescription;
  readonly allowedCodecs: readonly CodecName[];
}

/** Both descriptions of one leg after an offer/answer exchange. */
export interface NegotiatedSide {
  readonly ours: AudioDescription;
  readonly theirs: AudioDescription;
}

/** Payload types for the engine, as `openLink` and `updateEndpoint` take them. */
export interface PayloadMaps {
  readonly aToB: readonly (readonly [from: number, to: number])[];
  readonly bToA: readonly (readonly [from: number, to: number])[];
  /** RTP clock by payload type received on each leg; audio only, since event packets tell nothing of jitter. */
  readonly clockRatesA: readonly (readonly [payloadType: number, clockRateHz: number])[];
  readonly clockRatesB: readonly (readonly [payloadType: number, clockRateHz: number])[];
  /** The audio codec that flows (first shared one); null when there is none. */
  readonly codec: AudioCodec | null;
  /** Numbers received whose payload becomes the other companding law's on the way; only where that was asked for. */
  readonly conversionsAToB: readonly (readonly [payloadType: number, LawConversion])[];
  readonly conversionsBToA: readonly (readonly [payloadType: number, LawConversion])[];
}

/** G.711 from one companding law to the other. */
export type LawConversion = 'pcmuToPcma' | 'pcmaToPcmu';

/** A codec and a number it may come in under. */
export interface ReceivedCodec {
  readonly payloadType: number;
  readonly codec: AudioCodec;
}
