// Offers and answers between the two legs (RFC 3264): each side only ever sees descriptions of our own, on our ports.
// First INVITE, late offer and re-INVITE are the same exchange with the roles set differently.
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type {
  AnchoredSdp,
  AnchorOptions,
  AudioDescription,
  CodecName,
  SipRequest,
} from '../sip/index.ts';
import { anchoredAnswer, anchoredOffer, ownAnswer, ownOffer, readAudioText } from '../sip/index.ts';
import type { Trunk } from '../trunks/index.ts';
import type { Call, Exchange, Leg } from './call.ts';
import type { Context } from './context.ts';
import { keptDescription, keptSdp } from './keep.ts';
import { connectLegs } from './media-orders.ts';

const NO_CODECS: readonly CodecName[] = [];
const NONE_EARLY: Exchange['early'] = new Map();
/** Forks whose early answers are kept; of more, the oldest are forgotten. */
const EARLY_ANSWERS_MAX = 8;

/** Codecs both trunks allow, in the order of the one the call goes out on. */
function allowedBetween(call: Call, trunkOut: Trunk | null): readonly CodecName[] {
  const inbound = call.a.trunk?.codecs ?? NO_CODECS;
  const outbound = trunkOut?.codecs ?? inbound;
  return outbound.filter((codec) => inbound.includes(codec));
}

/** What every description of ours on this leg is written from. */
function anchorOptions(cx: Context, leg: Leg): AnchorOptions {
  const { addressIndex, rtpPort, rtcpPort, sessionId, lastSent } = leg.anchor;
  const address = cx.settings.mediaAddresses[addressIndex];
  if (address === undefined) throw new Error(`media address ${addressIndex} is not configured`);
  const anchor = { address: address.advertise, rtpPort, rtcpPort, rtcpMux: true };
  return { anchor, sessionId, previous: lastSent };
}

/** The same for an offer: rtcp-mux is accepted everywhere but proposed only to a peer that had it; others expect the second port. */
function offerOptions(cx: Context, leg: Leg): AnchorOptions {
  const options = anchorOptions(cx, leg);
  const rtcpMux = leg.anchor.theirs?.rtcpMux ?? false;
  return { ...options, anchor: { ...options.anchor, rtcpMux } };
}

/** The same for a gateway that has said nothing yet, whatever the one before it had. */
function firstOfferOptions(cx: Context, leg: Leg): AnchorOptions {
  const options = anchorOptions(cx, leg);
  return { ...options, anchor: { ...options.anchor, rtcpMux: false } };
}

/**
 * Reads a party's body. BODY_UNSUPPORTED when it says that it is something else, SDP_MALFORMED, CODEC_NOT_SHARED when there is
 * no audio we can pass on.
 */
export function readBody({
  body,
  contentType,
}: Pick<SipRequest, 'body' | 'contentType'>): Result<AudioDescription, CodedError> {
  if (contentType !== null && contentType !== 'application/sdp') {
    return err({ code: 'BODY_UNSUPPORTED', message: `Content-Type ${contentType}` });
  }
  return readAudioText(body);
}

/**
 * Takes an offer from `offerer` and makes ours for the other leg.
 * @returns our offer to put in the other leg's INVITE or 2xx; the exchange stays open until it is answered.
 */
export function openExchange(
  cx: Context,
  call: Call,
  { offerer, answerer }: Pick<Exchange, 'offerer' | 'answerer'>,
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const allowedCodecs = allowedBetween(call, call.b?.trunk ?? null);
  const forwarded = forwardedOffer(offerOptions(cx, answerer), offer, allowedCodecs);
  if (!forwarded.ok) return forwarded;
  takeOffer(call, { offerer, answerer, offer, forwarded: forwarded.value, early: NONE_EARLY });
  return forwarded;
}

/**
 * Makes an offer of the caller's for gateways of a trunk. The call stays as it is until `takeOffer`: a gateway that is still being
 * asked may be the only one there is.
 */
export function offerThrough(
  cx: Context,
  call: Call,
  { answerer, trunk }: { readonly answerer: Leg; readonly trunk: Trunk },
  offer: AudioDescription,
): Result<Exchange, CodedError> {
  const allowedCodecs = allowedBetween(call, trunk);
  const forwarded = forwardedOffer(firstOfferOptions(cx, answerer), offer, allowedCodecs);
  if (!forwarded.ok) return forwarded;
  return ok({ offerer: call.a, answerer, offer, forwarded: forwarded.value, early: NONE_EARLY });
}

function forwardedOffer(
  options: AnchorOptions,
  from: AudioDescription,
  allowedCodecs: readonly CodecName[],
): Result<AnchoredSdp, CodedError> {
  return anchoredOffer({ ...options, from, allowedCodecs, codecOrder: 'offered' });
}

/** Puts an offer to its answerer: it's the call's open exchange now. */
export function takeOffer(call: Call, exchange: Exchange): void {
  exchange.answerer.anchor.lastSent = exchange.forwarded;
  call.exchange = exchange;
}

/**
 * Takes the answer to the open exchange, connects the media, and makes our answer for the offerer.
 * @param from 'final', or the To tag of a provisional response: the exchange stays open then, since another early dialog may
 *   answer differently (RFC 3261 §13.1).
 */
export function answerExchange(
  cx: Context,
  call: Call,
  exchange: Exchange,
  farAnswer: AudioDescription,
  from: 'final' | { readonly earlyTag: string },
): Result<AnchoredSdp, CodedError> {
  const { offerer } = exchange;
  if (farAnswer.rejected) {
    return err({
      code: 'CODEC_NOT_SHARED',
      message: 'the far side refused the audio stream (port 0)',
    });
  }
  const answer = anchoredAnswer({
    ...anchorOptions(cx, offerer),
    offer: exchange.offer,
    sent: exchange.forwarded.audio,
    farAnswer,
  });
  if (!answer.ok) return answer;
  agree(offerer, answer.value, exchange.offer);
  takeExchange(cx, call, exchange, farAnswer);
  if (from !== 'final') {
    call.exchange = { ...exchange, early: withEarly(exchange.early, from.earlyTag, farAnswer) };
  }
  return answer;
}

function withEarly(
  early: Exchange['early'],
  tag: string,
  answer: AudioDescription,
): Exchange['early'] {
  const others = [...early].filter(([key]) => key !== tag).slice(1 - EARLY_ANSWERS_MAX);
  return new Map([...others, [tag, answer]]);
}

/** Takes the answer to an offer that only the answerer needed: the offerer has agreed to it before. */
export function takeExchange(
  cx: Context,
  call: Call,
  { offerer, answerer, forwarded }: Exchange,
  farAnswer: AudioDescription,
): void {
  agree(answerer, forwarded, farAnswer);
  call.exchange = null;
  connectLegs(cx, call, offerer, answerer);
}

/** Answers an offer of `leg` out of what the other leg agreed to last, without asking it again. */
export function answerAgreed(
  cx: Context,
  call: Call,
  { leg, other }: { readonly leg: Leg; readonly other: Leg },
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const { ours, theirs } = other.anchor;
  if (ours === null || theirs === null) {
    return err({ code: 'CODEC_NOT_SHARED', message: 'the other leg has agreed to nothing yet' });
  }
  const answer = anchoredAnswer({
    ...anchorOptions(cx, leg),
    offer,
    sent: ours.audio,
    farAnswer: theirs,
  });
  if (!answer.ok) return answer;
  agree(leg, answer.value, offer);
  connectLegs(cx, call, leg, other);
  return answer;
}

/** Answers a party's offer ourselves and sends its own audio back to it (the echo destination). */
export function answerEcho(
  cx: Context,
  call: Call,
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const leg = call.a;
  const allowedCodecs = leg.trunk?.codecs ?? NO_CODECS;
  const answer = ownAnswer({ ...anchorOptions(cx, leg), offer, allowedCodecs });
  if (!answer.ok) return answer;
  agree(leg, answer.value, offer);
  connectLegs(cx, call, leg, leg);
  return answer;
}

/** The echo's own offer, for a party that asked without one; `takeEchoAnswer` follows. */
export function offerEcho(cx: Context, call: Call): Result<AnchoredSdp, CodedError> {
  const { a } = call;
  const codecs = a.trunk?.codecs ?? NO_CODECS;
  const offer = ownOffer({ ...offerOptions(cx, a), codecs, direction: 'sendrecv' });
  if (offer.ok) a.anchor.lastSent = offer.value;
  return offer;
}

/** The party's answer to the echo's own offer. CODEC_NOT_SHARED when it took no audio. */
export function takeEchoAnswer(
  cx: Context,
  call: Call,
  answer: AudioDescription,
): Result<null, CodedError> {
  const { a } = call;
  const { lastSent } = a.anchor;
  if (lastSent === null || answer.rejected) {
    return err({ code: 'CODEC_NOT_SHARED', message: 'the party refused the echo’s audio' });
  }
  agree(a, lastSent, answer);
  connectLegs(cx, call, a, a);
  return ok(null);
}

function agree(leg: Leg, ours: AnchoredSdp, theirs: AudioDescription): void {
  const ourKept = keptSdp(ours);
  leg.anchor.lastSent = ourKept;
  leg.anchor.ours = ourKept;
  leg.anchor.theirs = keptDescription(theirs);
}

/** The value of a body for the SIP core. */
export function sdpBody(sdp: AnchoredSdp): Buffer {
  return Buffer.from(sdp.text, 'utf8');
}

/** Whether a description may be passed at all: some audio, not refused by its own writer. */
export function acceptable(offer: AudioDescription): Result<AudioDescription, CodedError> {
  if (offer.rejected) {
    return err({ code: 'CODEC_NOT_SHARED', message: 'the offer has no live audio stream' });
  }
  return ok(offer);
}
