// Offer and answer (RFC 3264) of a B2BUA that stands in the media path: each leg has descriptions of our own, and
// what one party says reaches the other as codecs, direction and packet times only.
import { err, ok, type CodedError, type Result } from '../../base/index.ts';
import { anchoredSdp, numbered, type Saying } from './anchored.ts';
import { fitsBeside, isAudio, isEvents, redundant, sameCodec } from './codecs.ts';
import { isSecureProto, withSecurity } from './srtp.ts';
import type {
  AnchoredAnswerOptions,
  AnchoredOfferOptions,
  AnchoredSdp,
  AnchorOptions,
  AudioCodec,
  AudioDescription,
  CodecName,
  Direction,
  MediaLine,
  OwnAnswerOptions,
  OwnOfferOptions,
} from './types.ts';

const OUR_LINE: MediaLine = { kind: 'audio', proto: 'RTP/AVP', formats: [] };

/** What we offer of each codec when the offer is ours; RFC 3551 numbers, and the customary dynamic ones. */
const OWN_CODECS: Readonly<Record<CodecName, readonly AudioCodec[]>> = {
  PCMU: [{ name: 'PCMU', payloadType: 0, clockRateHz: 8_000, channels: 1, fmtp: null }],
  PCMA: [{ name: 'PCMA', payloadType: 8, clockRateHz: 8_000, channels: 1, fmtp: null }],
  G722: [{ name: 'G722', payloadType: 9, clockRateHz: 8_000, channels: 1, fmtp: null }],
  opus: [{ name: 'opus', payloadType: 96, clockRateHz: 48_000, channels: 2, fmtp: null }],
  'telephone-event': [
    { name: 'telephone-event', payloadType: 101, clockRateHz: 8_000, channels: 1, fmtp: '0-15' },
    { name: 'telephone-event', payloadType: 102, clockRateHz: 48_000, channels: 1, fmtp: '0-15' },
  ],
  CN: [{ name: 'CN', payloadType: 13, clockRateHz: 8_000, channels: 1, fmtp: null }],
  // One of each codec that is offered.
  red: [],
};

/**
 * The offer to one party made from the other party's: its payload numbers, direction, ptime and fmtp; our addresses.
 * A re-offer keeps the leg's `m=` lines in their places and its payload numbers (RFC 3264 §8).
 * @returns our description, or CODEC_NOT_SHARED when `allowedCodecs` leaves no audio codec. Pure.
 */
export function anchoredOffer(options: AnchoredOfferOptions): Result<AnchoredSdp, CodedError> {
  const { from, allowedCodecs, codecOrder, addedCodecs = [] } = options;
  const allowed = from.codecs.filter(({ name }) => allowedCodecs.includes(name));
  const ranked =
    codecOrder === 'offered'
      ? allowed
      : allowed.toSorted((a, b) => allowedCodecs.indexOf(a.name) - allowedCodecs.indexOf(b.name));
  const codecs = withFitting(withAdded(ranked, addedCodecs));
  if (!from.rejected && !codecs.some(isAudio)) return notShared(from.codecs, allowedCodecs);
  const { direction, rejected, ptimeMs, maxptimeMs } = from;
  return ok(
    anchoredSdp(options, offering(options, { codecs, direction, rejected, ptimeMs, maxptimeMs })),
  );
}

/** Audio of both before the events of both: the first format is what a peer is asked to send. */
function withAdded(
  offered: readonly AudioCodec[],
  added: readonly CodecName[],
): readonly AudioCodec[] {
  if (added.length === 0) return offered;
  const all = [...offered];
  for (const codec of added.flatMap((name) => OWN_CODECS[name])) {
    if (sameCodec(all, codec) === null) all.push(decodedHere(codec));
  }
  const sounds = all.filter(isAudio);
  for (const codec of added.includes('red') ? sounds : []) {
    const red = redundant(codec, REDUNDANT_FRAMES);
    if (sameCodec(all, red) === null) all.push(red);
  }
  return [...sounds, ...all.filter((codec) => !isAudio(codec))];
}

/** In one payload of ours: the present frame, and the one before it. */
const REDUNDANT_FRAMES = 2;

/** What we say of a codec that we decode ourselves: lost Opus is restored from the packet after it (RFC 7587 §6.1). */
export function decodedHere(codec: AudioCodec): AudioCodec {
  return { ...codec, fmtp: ownFmtp(codec) };
}

function ownFmtp({ name, fmtp }: AudioCodec): string | null {
  if (name === 'opus') return 'useinbandfec=1';
  if (name === 'telephone-event') return '0-15';
  return name === 'red' ? fmtp : null;
}

/**
 * An offer of our own making, for a party that called without one and is connected to no other party.
 * @returns our description, or CODEC_NOT_SHARED when `codecs` has no audio codec. Pure.
 */
export function ownOffer(options: OwnOfferOptions): Result<AnchoredSdp, CodedError> {
  const codecs = withFitting(options.codecs.flatMap((name) => OWN_CODECS[name]));
  if (!codecs.some(isAudio)) return notShared([], options.codecs);
  const { direction } = options;
  return ok(
    anchoredSdp(
      options,
      offering(options, { codecs, direction, rejected: false, ptimeMs: null, maxptimeMs: null }),
    ),
  );
}

type Offered = Pick<
  AudioDescription,
  'codecs' | 'direction' | 'rejected' | 'ptimeMs' | 'maxptimeMs'
>;

function offering({ anchor, previous, cryptos = [] }: AnchorOptions, offered: Offered): Saying {
  const mediaIndex = previous?.audio.mediaIndex ?? 0;
  const lines = previous?.audio.lines ?? [OUR_LINE];
  return {
    lines: lines.map((line, index) =>
      index === mediaIndex
        ? { ...line, proto: withSecurity(line.proto, cryptos.length > 0) }
        : line,
    ),
    mediaIndex,
    rejected: offered.rejected,
    codecs: numbered(offered.codecs, previous?.bound ?? []),
    direction: offered.direction,
    ptimeMs: offered.ptimeMs,
    maxptimeMs: offered.maxptimeMs,
    rtcpMux: anchor.rtcpMux,
    cryptos,
    timing: '0 0',
  };
}

/**
 * The answer to one party made from the other party's answer: in the offerer's payload numbers and `m=` lines, all
 * streams but the call's audio refused. What the far answer claims beyond the offer is cut: codecs we didn't send,
 * and directions the offer doesn't allow (RFC 3264 §6.1).
 * @returns our description, `audio.rejected` when either side switched the stream off, or CODEC_NOT_SHARED when the
 * far answer takes nothing of what the offerer has. Pure.
 */
export function anchoredAnswer(options: AnchoredAnswerOptions): Result<AnchoredSdp, CodedError> {
  const { offer, sent, farAnswer, chosen } = options;
  const rejected = offer.rejected || farAnswer.rejected;
  const codecs = chosen?.codecs ?? sharedCodecs(options);
  if (!rejected && !codecs.some(isAudio)) {
    return notShared(
      farAnswer.codecs,
      sent.codecs.map(({ name }) => name),
    );
  }
  const { direction } = farAnswer;
  const { ptimeMs, maxptimeMs } =
    chosen === undefined ? farAnswer : { ...chosen, maxptimeMs: null };
  return ok(
    anchoredSdp(options, answering(options, { codecs, direction, rejected, ptimeMs, maxptimeMs })),
  );
}

/** What the far side took of what both the offerer and we offered: in its order, in the offerer's numbers. */
export function sharedCodecs({
  offer,
  sent,
  farAnswer,
}: Pick<AnchoredAnswerOptions, 'offer' | 'sent' | 'farAnswer'>): readonly AudioCodec[] {
  const codecs: AudioCodec[] = [];
  for (const far of farAnswer.codecs) {
    const offered = sameCodec(offer.codecs, far);
    if (offered === null || sameCodec(sent.codecs, far) === null) continue;
    const { name, payloadType, clockRateHz, channels } = offered;
    codecs.push({ name, payloadType, clockRateHz, channels, fmtp: far.fmtp });
  }
  return codecs;
}

/**
 * The answer of a party that is ourselves (echo, announcement): the offer's first allowed audio codec and its events.
 * @returns our description, or CODEC_NOT_SHARED. Pure.
 */
export function ownAnswer(options: OwnAnswerOptions): Result<AnchoredSdp, CodedError> {
  const { offer, allowedCodecs } = options;
  const allowed = offer.codecs.filter(({ name }) => allowedCodecs.includes(name));
  const first = allowed.find(isAudio);
  if (first === undefined && !offer.rejected) return notShared(offer.codecs, allowedCodecs);
  const codecs =
    first === undefined ? [] : withFitting([first, ...allowed.filter((codec) => !isAudio(codec))]);
  const { rejected, ptimeMs, maxptimeMs } = offer;
  return ok(
    anchoredSdp(
      options,
      answering(options, { codecs, direction: 'sendrecv', rejected, ptimeMs, maxptimeMs }),
    ),
  );
}

function answering(
  { anchor, offer, cryptos = [] }: AnchorOptions & { readonly offer: AudioDescription },
  answer: Offered,
): Saying {
  // An answer repeats the offer's protocol, so whether it holds a key isn't ours to choose.
  const due = !answer.rejected && isSecureProto(offer.lines[offer.mediaIndex]?.proto ?? '') ? 1 : 0;
  if (!answer.rejected && cryptos.length !== due)
    throw new Error(`an answer with ${cryptos.length} keys where ${due} are due`);
  return {
    lines: offer.lines,
    mediaIndex: offer.mediaIndex,
    rejected: answer.rejected,
    codecs: answer.codecs,
    direction: answerDirection({ offered: offer.direction, wanted: answer.direction }),
    ptimeMs: answer.ptimeMs,
    maxptimeMs: answer.maxptimeMs,
    // Only what was proposed may be accepted (RFC 5761 §5.1.1).
    rtcpMux: anchor.rtcpMux && offer.rtcpMux,
    cryptos,
    timing: offer.timing,
  };
}

const sends = (direction: Direction): boolean =>
  direction === 'sendrecv' || direction === 'sendonly';
const receives = (direction: Direction): boolean =>
  direction === 'sendrecv' || direction === 'recvonly';

/**
 * The part of `wanted` that answers `offered` lawfully: one sends only what the other receives (RFC 3264 §6.1).
 * Carriers hang up on a hold that is answered "sendrecv".
 */
export function answerDirection({
  offered,
  wanted,
}: {
  readonly offered: Direction;
  readonly wanted: Direction;
}): Direction {
  const send = sends(wanted) && receives(offered);
  const receive = receives(wanted) && sends(offered);
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

/**
 * What goes beside audio keeps to what is left of it: events and noise to its clocks (RFC 4733 §2.1, RFC 3389 §4), redundancy to its
 * codecs. Events alone stay where none of a side's fits.
 */
function withFitting(codecs: readonly AudioCodec[]): readonly AudioCodec[] {
  const fitting = codecs.filter((codec) => isAudio(codec) || fitsBeside(codec, codecs));
  if (fitting.some(isEvents)) return fitting;
  return codecs.filter((codec) => isEvents(codec) || fitting.includes(codec));
}

function notShared(
  has: readonly AudioCodec[],
  allowed: readonly CodecName[],
): Result<never, CodedError> {
  const list = (names: readonly string[]): string =>
    names.length > 0 ? [...new Set(names)].join(', ') : 'none';
  const message = `no shared audio codec: one side has ${list(has.map(({ name }) => name))}, allowed are ${list(allowed)}`;
  return err({ code: 'CODEC_NOT_SHARED', message });
}
