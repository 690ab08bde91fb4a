// Builds our own descriptions: nothing of a far side but codecs, direction and packet times ever gets in.
import { isIpv6 } from './address.ts';
import { carriesSame, fitsBeside, fmtpText, rtpmapText, sameCodec } from './codecs.ts';
import { cryptoText } from './crypto.ts';
import type {
  AnchoredSdp,
  AnchorOptions,
  AudioCodec,
  AudioDescription,
  CryptoLine,
  Direction,
  MediaLine,
  Sdp,
  SdpAttribute,
  SdpMedia,
} from './types.ts';
import { writeSdp } from './write.ts';

const FIRST_DYNAMIC = 96;
const LAST_DYNAMIC = 127;

/** What a description of ours says beyond who we are. */
export interface Saying {
  /** All `m=` lines of the leg in order; those beside `mediaIndex` go out refused. */
  readonly lines: readonly MediaLine[];
  readonly mediaIndex: number;
  readonly rejected: boolean;
  readonly codecs: readonly AudioCodec[];
  readonly direction: Direction;
  readonly ptimeMs: number | null;
  readonly maxptimeMs: number | null;
  readonly rtcpMux: boolean;
  /** Our keys; none for plain RTP. */
  readonly cryptos: readonly CryptoLine[];
  readonly timing: string;
}

/** Writes it, with the version of RFC 3264 §8: one more than before when anything changed. */
export function anchoredSdp(
  { anchor, sessionId, previous }: AnchorOptions,
  saying: Saying,
): AnchoredSdp {
  const id = previous?.sessionId ?? sessionId;
  const audio = asRead(anchor, saying);
  const textOf = (version: number): string =>
    writeSdp(ourSdp({ id, version, anchor, saying, audio }));
  const bound = bindings(previous?.bound ?? [], saying.codecs);
  if (previous === null) return { text: textOf(1), audio, sessionId: id, version: 1, bound };
  const unchanged = textOf(previous.version) === previous.text;
  const version = unchanged ? previous.version : previous.version + 1;
  return {
    text: unchanged ? previous.text : textOf(version),
    audio,
    sessionId: id,
    version,
    bound,
  };
}

/** What `readAudio` would say about the text; a test holds the two together. */
function asRead(anchor: AnchorOptions['anchor'], saying: Saying): AudioDescription {
  const { address, rtpPort, rtcpPort } = anchor;
  const { rejected, mediaIndex, codecs } = saying;
  const lines = saying.lines.map((line, index) =>
    index === mediaIndex ? audioLine(line, saying) : refusedLine(line),
  );
  return {
    lines,
    mediaIndex,
    rejected,
    codecs: rejected ? [] : codecs,
    direction: rejected ? 'inactive' : saying.direction,
    oldStyleHold: false,
    remoteRtp: rejected ? null : { host: address, port: rtpPort },
    remoteRtcp: rejected ? null : { host: address, port: saying.rtcpMux ? rtpPort : rtcpPort },
    rtcpMux: !rejected && saying.rtcpMux,
    cryptos: rejected ? [] : saying.cryptos,
    ptimeMs: rejected ? null : saying.ptimeMs,
    maxptimeMs: rejected ? null : saying.maxptimeMs,
    timing: saying.timing,
  };
}

function audioLine(line: MediaLine, { rejected, codecs }: Saying): MediaLine {
  if (rejected) return refusedLine(line);
  return {
    kind: 'audio',
    proto: line.proto,
    formats: codecs.map(({ payloadType }) => String(payloadType)),
  };
}

/** A refused stream repeats kind, protocol and formats (RFC 3264 §6); one format at least must stand there. */
function refusedLine({ kind, proto, formats }: MediaLine): MediaLine {
  return { kind, proto, formats: formats.length > 0 ? formats : ['0'] };
}

interface Whole {
  readonly id: string;
  readonly version: number;
  readonly anchor: AnchorOptions['anchor'];
  readonly saying: Saying;
  readonly audio: AudioDescription;
}

function ourSdp({ id, version, anchor, saying, audio }: Whole): Sdp {
  const { address } = anchor;
  const addressType = isIpv6(address) ? 'IP6' : 'IP4';
  return {
    origin: { username: '-', sessionId: id, version: String(version), addressType, address },
    sessionName: '-',
    notes: [],
    connection: { addressType, address },
    bandwidths: [],
    times: [['t', saying.timing]],
    key: null,
    attributes: [],
    media: audio.lines.map((line, index): SdpMedia => {
      const live = index === audio.mediaIndex && !audio.rejected;
      return {
        kind: line.kind,
        port: live ? anchor.rtpPort : 0,
        portCount: 1,
        proto: line.proto,
        formats: line.formats,
        title: null,
        connections: [],
        bandwidths: [],
        key: null,
        attributes: live ? audioAttributes(anchor, saying) : [],
      };
    }),
  };
}

function audioAttributes(
  { rtpPort, rtcpPort }: AnchorOptions['anchor'],
  saying: Saying,
): readonly SdpAttribute[] {
  const attributes: SdpAttribute[] = [];
  for (const codec of saying.codecs) {
    attributes.push({ name: 'rtpmap', value: rtpmapText(codec) });
    const fmtp = fmtpText(codec, saying.codecs);
    if (fmtp !== null) attributes.push({ name: 'fmtp', value: `${codec.payloadType} ${fmtp}` });
  }
  if (saying.ptimeMs !== null) attributes.push({ name: 'ptime', value: String(saying.ptimeMs) });
  if (saying.maxptimeMs !== null)
    attributes.push({ name: 'maxptime', value: String(saying.maxptimeMs) });
  // With rtcp-mux a=rtcp must name the RTP port or be left out (RFC 5761 §5.1.3); without, it's due when the RTCP
  // port is not the next one (RFC 3605 §2.1).
  if (saying.rtcpMux) attributes.push({ name: 'rtcp-mux', value: null });
  else if (rtcpPort !== rtpPort + 1) attributes.push({ name: 'rtcp', value: String(rtcpPort) });
  for (const crypto of saying.cryptos)
    attributes.push({ name: 'crypto', value: cryptoText(crypto) });
  attributes.push({ name: saying.direction, value: null });
  return attributes;
}

/** Every number bound so far; a peer that moves its own number to another codec overrides, for it's the one to send. */
function bindings(
  before: readonly AudioCodec[],
  now: readonly AudioCodec[],
): readonly AudioCodec[] {
  if (before.length === 0) return now;
  const taken = new Set(now.map(({ payloadType }) => payloadType));
  return [...now, ...before.filter(({ payloadType }) => !taken.has(payloadType))];
}

/**
 * Gives each codec a payload number on a leg: the one it had there before, else the one offered, else the first free
 * dynamic one. A number never changes its codec within a leg's life (RFC 3264 §8.3.2), although the two legs number
 * independently.
 */
export function numbered(
  codecs: readonly AudioCodec[],
  bound: readonly AudioCodec[],
): readonly AudioCodec[] {
  const owner = new Map(bound.map((codec) => [codec.payloadType, codec]));
  const result: AudioCodec[] = [];
  for (const codec of codecs) {
    const kept = bound.find(
      (known) => known.payloadType === codec.payloadType && carriesSame(known, codec),
    );
    const before = (kept ?? sameCodec(bound, codec))?.payloadType;
    const payloadType = before ?? unboundNumber(codec, owner, codecs);
    if (payloadType === null) continue;
    owner.set(payloadType, codec);
    const { name, clockRateHz, channels, fmtp } = codec;
    result.push({ name, payloadType, clockRateHz, channels, fmtp });
  }
  // Where numbers have run out, what was inside redundant audio may be gone.
  return result.filter((codec) => codec.name !== 'red' || fitsBeside(codec, result));
}

/** The number of a codec that is new to the leg: its own unless another codec has that; null when all are taken. */
function unboundNumber(
  codec: AudioCodec,
  owner: ReadonlyMap<number, AudioCodec>,
  codecs: readonly AudioCodec[],
): number | null {
  const other = owner.get(codec.payloadType);
  return other === undefined || carriesSame(other, codec)
    ? codec.payloadType
    : firstFree(owner, codecs);
}

/** A number that neither the leg's past nor the rest of this description uses; null when all are taken. */
function firstFree(
  owner: ReadonlyMap<number, AudioCodec>,
  codecs: readonly AudioCodec[],
): number | null {
  const offered = new Set(codecs.map(({ payloadType }) => payloadType));
  for (let payloadType = FIRST_DYNAMIC; payloadType <= LAST_DYNAMIC; payloadType += 1) {
    if (!owner.has(payloadType) && !offered.has(payloadType)) return payloadType;
  }
  return null;
}
