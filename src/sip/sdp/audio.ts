// Meaning of a description: one section with everything inherited, and the audio stream a call is made of.
import {
  err,
  neverReached,
  ok,
  type CodedError,
  type HostPort,
  type Result,
} from '../../base/index.ts';
import { addressUse } from './address.ts';
import {
  decodeDirection,
  decodeFmtp,
  decodePtime,
  decodeRtcp,
  decodeRtpmap,
  staticRtpmap,
} from './attributes.ts';
import { codecOf, isAudio, redundancyOf, sameCodec } from './codecs.ts';
import { parseSdp } from './parse.ts';
import { isEncrypted, isSecureProto, sectionCryptos, securityRefusal } from './srtp.ts';
import type {
  AudioCodec,
  AudioDescription,
  Direction,
  MediaDescription,
  RtpMap,
  Sdp,
  SdpAttribute,
  SdpMedia,
  SrtpRule,
} from './types.ts';

const PAYLOAD_TYPE = /^(?:\d{1,2}|1[01]\d|12[0-7])$/;
const TIMING = /^\d{1,20} \d{1,20}$/;
const PORT_MAX = 65_535;

/**
 * One section as its writer means it: session connection and direction inherited, static payloads filled in.
 * Of an attribute that stands twice the first counts. Attributes that can't be read are as good as absent.
 */
export function describeMedia(sdp: Sdp, media: SdpMedia): MediaDescription {
  const mapped = new Map<number, RtpMap>();
  const fmtp = new Map<number, string>();
  let rtcp: MediaDescription['rtcp'] = null;
  let rtcpMux = false;
  let ptimeMs: number | null = null;
  let maxptimeMs: number | null = null;
  for (const { name, value } of media.attributes) {
    if (name === 'rtpmap') {
      const map = decodeRtpmap(value ?? '');
      if (map !== null && !mapped.has(map.payloadType)) mapped.set(map.payloadType, map);
    } else if (name === 'fmtp') {
      const entry = decodeFmtp(value ?? '');
      if (entry !== null && !fmtp.has(entry[0])) fmtp.set(entry[0], entry[1]);
    } else if (name === 'rtcp') rtcp ??= decodeRtcp(value ?? '');
    else if (name === 'rtcp-mux' || name === 'rtcp-mux-only') rtcpMux = true;
    else if (name === 'ptime') ptimeMs ??= decodePtime(value);
    else if (name === 'maxptime') maxptimeMs ??= decodePtime(value);
  }
  return {
    kind: media.kind,
    port: media.port,
    proto: media.proto,
    connection: media.connections[0] ?? sdp.connection,
    direction: directionOf(media.attributes) ?? directionOf(sdp.attributes) ?? 'sendrecv',
    rtpMaps: rtpMapsOf(media.formats, mapped),
    fmtp,
    ptimeMs,
    maxptimeMs,
    rtcp,
    rtcpMux,
  };
}

function directionOf(attributes: readonly SdpAttribute[]): Direction | null {
  for (const { name, value } of attributes) {
    const direction = value === null ? decodeDirection(name) : null;
    if (direction !== null) return direction;
  }
  return null;
}

function rtpMapsOf(
  formats: readonly string[],
  mapped: ReadonlyMap<number, RtpMap>,
): readonly RtpMap[] {
  const maps: RtpMap[] = [];
  for (const format of formats) {
    if (!PAYLOAD_TYPE.test(format)) continue;
    const payloadType = Number(format);
    const map = mapped.get(payloadType) ?? staticRtpmap(payloadType);
    if (map !== null && !maps.some((known) => known.payloadType === payloadType)) maps.push(map);
  }
  return maps;
}

/** `readAudio` of a message body. @returns as `parseSdp` and `readAudio`. */
export function readAudioText(
  body: string | Buffer,
  srtp: SrtpRule = 'off',
): Result<AudioDescription, CodedError> {
  const sdp = parseSdp(body);
  return sdp.ok ? readAudio(sdp.value, srtp) : sdp;
}

/**
 * The audio stream that a call will use: the first section of RTP with a codec we know, and with a key we can use
 * where it is SRTP. A key in a section of plain RTP is passed over: RFC 4568 knows no such offer.
 * @param srtp whether the stream may or must be SRTP.
 * @returns the stream; with `rejected` when the description switches every stream off; CODEC_NOT_SHARED when what is
 * on offer is not ours to carry (fax, video alone, foreign codecs), each named; SRTP_NOT_SHARED when a section lacks
 * what the rule asks for, or is encrypted where that's off; SDP_MALFORMED when the stream has no address, MEDIA_UNREACHABLE when it's not one host's (a name, multicast). Pure.
 */
export function readAudio(sdp: Sdp, srtp: SrtpRule = 'off'): Result<AudioDescription, CodedError> {
  const refusals: string[] = [];
  let switchedOff: AudioDescription | null = null;
  for (let index = 0; index < sdp.media.length; index += 1) {
    const media = sdp.media[index];
    if (media === undefined) break;
    const view = describeMedia(sdp, media);
    if (media.port === 0) {
      if (media.kind === 'audio') switchedOff ??= described(sdp, index, view, REJECTED);
      continue;
    }
    const refusal = refusalOf(media, view, srtp);
    if (refusal === null) return liveAudio(sdp, index, view);
    refusals.push(refusal);
  }
  if (refusals.length === 0 && switchedOff !== null) return ok(switchedOff);
  const reason = refusals.length > 0 ? refusals.join('; ') : 'there is no audio stream';
  const code = failsBySrtp(sdp, srtp) ? 'SRTP_NOT_SHARED' : 'CODEC_NOT_SHARED';
  return err({ code, message: `no usable audio in the SDP: ${reason}` });
}

/** Whether encryption is what a live audio section lacks, or has where it's off. */
function failsBySrtp(sdp: Sdp, srtp: SrtpRule): boolean {
  return sdp.media.some(({ kind, port, proto, attributes }) => {
    if (kind !== 'audio' || port === 0) return false;
    return srtp === 'off' ? isEncrypted(proto) : securityRefusal(proto, attributes, srtp) !== null;
  });
}

/** Why a live section can't be the call's audio; null when it can. */
function refusalOf(media: SdpMedia, view: MediaDescription, srtp: SrtpRule): string | null {
  if (media.kind !== 'audio') return `${media.kind} over ${media.proto} is not carried`;
  const refusal = securityRefusal(media.proto, media.attributes, srtp);
  if (refusal !== null) return refusal;
  if (codecsOf(view).some(isAudio)) return null;
  const names = view.rtpMaps.map(({ encoding, clockRateHz }) => `${encoding}/${clockRateHz}`);
  return `no known codec among ${names.length > 0 ? names.slice(0, 8).join(', ') : 'its formats'}`;
}

/** A codec under two numbers is kept once: we only ever promise to receive the first. */
function codecsOf(view: MediaDescription): readonly AudioCodec[] {
  const fmtpOf = ({ payloadType }: RtpMap): string | null => view.fmtp.get(payloadType) ?? null;
  // Redundant audio may stand before what is inside it.
  const plain = view.rtpMaps.flatMap((map) => codecOf(map, fmtpOf(map)) ?? []);
  const codecs: AudioCodec[] = [];
  for (const map of view.rtpMaps) {
    const codec = codecOf(map, fmtpOf(map)) ?? redundancyOf(map, fmtpOf(map), plain);
    if (codec !== null && sameCodec(codecs, codec) === null) codecs.push(codec);
  }
  return codecs;
}

/** What a stream's description says beside who may send where. */
interface Stream {
  readonly rejected: boolean;
  readonly direction: Direction;
  readonly oldStyleHold: boolean;
  readonly remoteRtp: HostPort | null;
  readonly remoteRtcp: HostPort | null;
}

const REJECTED: Stream = {
  rejected: true,
  direction: 'inactive',
  oldStyleHold: false,
  remoteRtp: null,
  remoteRtcp: null,
};

function described(
  sdp: Sdp,
  mediaIndex: number,
  view: MediaDescription,
  stream: Stream,
): AudioDescription {
  const timing = sdp.times.find(([letter]) => letter === 't')?.[1] ?? '';
  const media = sdp.media[mediaIndex];
  return {
    lines: sdp.media.map(({ kind, proto, formats }) => ({ kind, proto, formats })),
    mediaIndex,
    rejected: stream.rejected,
    codecs: codecsOf(view),
    direction: stream.direction,
    oldStyleHold: stream.oldStyleHold,
    remoteRtp: stream.remoteRtp,
    remoteRtcp: stream.remoteRtcp,
    rtcpMux: view.rtcpMux,
    cryptos:
      stream.rejected || media === undefined || !isSecureProto(media.proto)
        ? []
        : sectionCryptos(media.attributes).cryptos,
    ptimeMs: view.ptimeMs,
    maxptimeMs: view.maxptimeMs,
    timing: TIMING.test(timing) ? timing : '0 0',
  };
}

function liveAudio(
  sdp: Sdp,
  index: number,
  view: MediaDescription,
): Result<AudioDescription, CodedError> {
  const where = `SDP m= line ${index + 1}`;
  const { connection } = view;
  if (connection === null) return err({ code: 'SDP_MALFORMED', message: `${where}: no c= for it` });
  const { address, addressType } = connection;
  const use = addressUse(address, addressType);
  const wrong = addressProblem(
    use,
    `${where}: "${shown(address)}" is no unicast ${addressType} address`,
  );
  if (wrong !== null) return err(wrong);
  const own = sdp.media[index]?.connections ?? [];
  if (own.some((other) => other.address !== own[0]?.address)) {
    return err({ code: 'SDP_MALFORMED', message: `${where}: several c= addresses for one stream` });
  }
  const oldStyleHold = use === 'unspecified';
  const rtcpAddress = view.rtcp?.address ?? address;
  const rtcpUse = addressUse(rtcpAddress, null);
  const wrongRtcp = addressProblem(rtcpUse, `${where}: a=rtcp has no unicast address`);
  if (wrongRtcp !== null) return err(wrongRtcp);
  const stream: Stream = {
    rejected: false,
    direction: oldStyleHold ? withoutReceiving(view.direction) : view.direction,
    oldStyleHold,
    remoteRtp: oldStyleHold ? null : { host: address, port: view.port },
    remoteRtcp: oldStyleHold || rtcpUse === 'unspecified' ? null : rtcpPointOf(view, rtcpAddress),
  };
  return ok(described(sdp, index, view, stream));
}

/** A name or a multicast address is nothing to mend in the text: it's only not acceptable here (RFC 3261 §21.4.26). */
function addressProblem(use: ReturnType<typeof addressUse>, message: string): CodedError | null {
  switch (use) {
    case 'host':
    case 'unspecified':
      return null;
    case 'unusable':
      return { code: 'MEDIA_UNREACHABLE', message };
    case 'malformed':
      return { code: 'SDP_MALFORMED', message };
    default:
      return neverReached(use);
  }
}

const shown = (address: string): string => address.slice(0, 60).replace(/[^ -~]/g, '?');

/** RFC 3605 §2.1, else the next port (RFC 3550 §11); null when there is none. */
function rtcpPointOf(view: MediaDescription, host: string): HostPort | null {
  const port = view.rtcp?.port ?? view.port + 1;
  return port > 0 && port <= PORT_MAX ? { host, port } : null;
}

/** An old-style hold says by its address that nothing is wanted, whatever its attribute says. */
function withoutReceiving(direction: Direction): Direction {
  switch (direction) {
    case 'sendrecv':
    case 'sendonly':
      return 'sendonly';
    case 'recvonly':
    case 'inactive':
      return 'inactive';
  }
}
