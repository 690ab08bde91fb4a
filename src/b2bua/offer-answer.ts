// Offers and answers between the two legs (RFC 3264): each side only ever sees descriptions of our own, on our ports.
// First INVITE, late offer and re-INVITE are the same exchange with the roles set differently.
import type { CodedError, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type {
  AgreedCrypto,
  AnchoredSdp,
  AnchorOptions,
  AudioDescription,
  CryptoLine,
  SipRequest,
  SrtpRule,
} from '../sip/index.ts';
import {
  anchoredAnswer,
  anchoredOffer,
  isAudio,
  ownAnswer,
  ownOffer,
  readAudioText,
  sameCodec,
} from '../sip/index.ts';
import type { Trunk } from '../trunks/index.ts';
import type { AudioPolicy, OfferedCodecs, OfferReach } from './audio-path.ts';
import { codecsToAnswer, codecsToOffer } from './audio-path.ts';
import type { Call, Exchange, Leg } from './call.ts';
import type { Context } from './context.ts';
import { keptDescription, keptSdp } from './keep.ts';
import type { OfferStyle } from './leg-keys.ts';
import { keysAccepted, keysToAnswer, keysToOffer } from './leg-keys.ts';
import { connectLegs } from './media-orders.ts';
import { policyOf, srtpOf } from './trunk-policy.ts';

const NONE_EARLY: Exchange['early'] = new Map();
/** Forks whose early answers are kept; of more, the oldest are forgotten. */
const EARLY_ANSWERS_MAX = 8;

/** What every description of ours on this leg is written from. @param cryptos our keys in it; none for plain RTP. */
function anchorOptions(cx: Context, leg: Leg, cryptos: readonly CryptoLine[]): AnchorOptions {
  const { addressIndex, rtpPort, rtcpPort, sessionId, lastSent } = leg.anchor;
  const address = cx.settings.mediaAddresses[addressIndex];
  if (address === undefined) throw new Error(`media address ${addressIndex} is not configured`);
  const anchor = { address: address.advertise, rtpPort, rtcpPort, rtcpMux: true };
  return { anchor, sessionId, previous: lastSent, cryptos };
}

/** The same for an offer: rtcp-mux is accepted everywhere but proposed only to a peer that had it; others expect the second port. */
function offerOptions(cx: Context, leg: Leg): AnchorOptions {
  const keys = { agreed: leg.anchor.crypto, random: cx.random };
  const options = anchorOptions(cx, leg, keysToOffer(srtpOf(leg), 'asAgreed', keys));
  const rtcpMux = leg.anchor.theirs?.rtcpMux ?? false;
  return { ...options, anchor: { ...options.anchor, rtcpMux } };
}

/** The same for a gateway that has said nothing yet, whatever the one before it had and was offered. */
function firstOfferOptions(
  cx: Context,
  leg: Leg,
  { trunk, style }: { readonly trunk: Trunk; readonly style: OfferStyle },
): AnchorOptions {
  const keys = keysToOffer(trunk.srtp, style, { agreed: null, random: cx.random });
  const options = anchorOptions(cx, leg, keys);
  return { ...options, anchor: { ...options.anchor, rtcpMux: false } };
}

type Body = Pick<SipRequest, 'body' | 'contentType'>;

/**
 * Reads an offer of a party. BODY_UNSUPPORTED when it says that it is something else, SDP_MALFORMED, CODEC_NOT_SHARED when there
 * is no audio we can pass on, SRTP_NOT_SHARED when its trunk's rule forbids it.
 */
export function readOfferOf(
  leg: Pick<Leg, 'trunk'>,
  body: Body,
): Result<AudioDescription, CodedError> {
  return readBody(body, srtpOf(leg));
}

/**
 * Reads an answer to an offer of ours; an answer keeps to the offer's protocol (RFC 3264 §6).
 * @param sent our offer; null counts as a plain one.
 * @returns errors as readOfferOf.
 */
export function readAnswerTo(
  sent: AnchoredSdp | null,
  body: Body,
): Result<AudioDescription, CodedError> {
  const isSecure = sent !== null && sent.audio.cryptos.length > 0;
  return readBody(body, isSecure ? 'required' : 'off');
}

function readBody(
  { body, contentType }: Body,
  srtp: SrtpRule,
): Result<AudioDescription, CodedError> {
  if (contentType !== null && contentType !== 'application/sdp') {
    return err({ code: 'BODY_UNSUPPORTED', message: `Content-Type ${contentType}` });
  }
  return readAudioText(body, srtp);
}

/**
 * Takes an offer from `offerer` and makes ours for the other leg.
 * @returns our offer to put in the other leg's INVITE or 2xx; the exchange stays open until it is answered.
 */
export function openExchange(
  cx: Context,
  call: Call,
  parties: Pick<Exchange, 'offerer' | 'answerer'>,
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const policies = { from: policyOf(parties.offerer), to: policyOf(parties.answerer) };
  const codecs = codecsForKnown(parties.answerer, offer, policies);
  const forwarded = forwardedOffer(offerOptions(cx, parties.answerer), offer, codecs);
  if (!forwarded.ok) return forwarded;
  takeOffer(call, { ...parties, offer, forwarded: forwarded.value, early: NONE_EARLY });
  return forwarded;
}

/**
 * Makes an offer of the caller's for gateways of a trunk. The call stays as it is until `takeOffer`: a gateway that is still being
 * asked may be the only one there is.
 */
export function offerThrough(
  cx: Context,
  call: Call,
  {
    answerer,
    reach,
    ...asked
  }: {
    readonly answerer: Leg;
    readonly trunk: Trunk;
    readonly style: OfferStyle;
    readonly reach: OfferReach;
  },
  offer: AudioDescription,
): Result<Exchange, CodedError> {
  const policies = { from: policyOf(call.a), to: policyOf(asked) };
  const codecs = codecsToOffer(offer, policies, reach);
  const forwarded = forwardedOffer(firstOfferOptions(cx, answerer, asked), offer, codecs);
  if (!forwarded.ok) return forwarded;
  return ok({ offerer: call.a, answerer, offer, forwarded: forwarded.value, early: NONE_EARLY });
}

/**
 * What a party is offered that can't be asked again with more: all that there is, unless it is known to take what goes through.
 */
function codecsForKnown(
  { anchor: { theirs } }: Leg,
  offer: AudioDescription,
  policies: { readonly from: AudioPolicy; readonly to: AudioPolicy },
): OfferedCodecs {
  const shared = codecsToOffer(offer, policies, 'shared');
  const takes = theirs?.codecs.some(
    (codec) =>
      isAudio(codec) &&
      shared.allowedCodecs.includes(codec.name) &&
      sameCodec(offer.codecs, codec) !== null,
  );
  return takes === true ? shared : codecsToOffer(offer, policies, 'all');
}

function forwardedOffer(
  options: AnchorOptions,
  from: AudioDescription,
  codecs: OfferedCodecs,
): Result<AnchoredSdp, CodedError> {
  return anchoredOffer({ ...options, from, ...codecs, codecOrder: 'allowed' });
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
  const { offerer, answerer, offer, forwarded } = exchange;
  if (farAnswer.rejected) {
    return err({
      code: 'CODEC_NOT_SHARED',
      message: 'the far side refused the audio stream (port 0)',
    });
  }
  const accepted = keysAccepted(forwarded.audio, farAnswer);
  if (!accepted.ok) return accepted;
  const far = { leg: answerer, sent: forwarded.audio, farAnswer };
  const answer = answerTo(cx, offerer, offer, far);
  if (!answer.ok) return answer;
  agree(offerer, answer.value.sdp, { theirs: offer, crypto: answer.value.crypto });
  agree(answerer, forwarded, { theirs: farAnswer, crypto: accepted.value });
  call.exchange =
    from === 'final'
      ? null
      : { ...exchange, early: withEarly(exchange.early, from.earlyTag, farAnswer) };
  connectLegs(cx, call, offerer, answerer);
  return ok(answer.value.sdp);
}

function withEarly(
  early: Exchange['early'],
  tag: string,
  answer: AudioDescription,
): Exchange['early'] {
  const others = [...early].filter(([key]) => key !== tag).slice(1 - EARLY_ANSWERS_MAX);
  return new Map([...others, [tag, answer]]);
}

/** Takes the answer to an offer that only the answerer needed: the offerer has agreed to it before. SRTP_NOT_SHARED. */
export function takeExchange(
  cx: Context,
  call: Call,
  { offerer, answerer, forwarded }: Exchange,
  farAnswer: AudioDescription,
): Result<null, CodedError> {
  const accepted = keysAccepted(forwarded.audio, farAnswer);
  if (!accepted.ok) return accepted;
  agree(answerer, forwarded, { theirs: farAnswer, crypto: accepted.value });
  call.exchange = null;
  connectLegs(cx, call, offerer, answerer);
  return ok(null);
}

/** Our answer to an offer, and the keys it agrees to. */
interface OwnAnswer {
  readonly sdp: AnchoredSdp;
  readonly crypto: AgreedCrypto | null;
}

/** What is said to an offerer for what the far side answered, or agreed to last. */
function answerTo(
  cx: Context,
  offerer: Leg,
  offer: AudioDescription,
  {
    leg,
    sent,
    farAnswer,
  }: {
    readonly leg: Leg;
    readonly sent: AudioDescription;
    readonly farAnswer: AudioDescription;
  },
): Result<OwnAnswer, CodedError> {
  const crypto = keysToAnswer(offer, offerer.anchor.crypto, cx.random);
  if (!crypto.ok) return crypto;
  const policies = { offerer: policyOf(offerer), answerer: policyOf(leg) };
  const answer = anchoredAnswer({
    ...anchorOptions(cx, offerer, linesOf(crypto.value)),
    offer,
    sent,
    farAnswer,
    chosen: codecsToAnswer({ offer, sent, farAnswer, ...policies }),
  });
  return answer.ok ? ok({ sdp: answer.value, crypto: crypto.value }) : answer;
}

const linesOf = (crypto: AgreedCrypto | null): readonly CryptoLine[] =>
  crypto === null ? [] : [crypto.ours];

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
  const answer = answerTo(cx, leg, offer, { leg: other, sent: ours.audio, farAnswer: theirs });
  if (!answer.ok) return answer;
  const { sdp, crypto } = answer.value;
  agree(leg, sdp, { theirs: offer, crypto });
  connectLegs(cx, call, leg, other);
  return ok(sdp);
}

/** Answers a party's offer ourselves and sends its own audio back to it (the echo destination). */
export function answerEcho(
  cx: Context,
  call: Call,
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const leg = call.a;
  const crypto = keysToAnswer(offer, leg.anchor.crypto, cx.random);
  if (!crypto.ok) return crypto;
  const allowedCodecs = policyOf(leg).codecs;
  const options = anchorOptions(cx, leg, linesOf(crypto.value));
  const answer = ownAnswer({ ...options, offer, allowedCodecs });
  if (!answer.ok) return answer;
  agree(leg, answer.value, { theirs: offer, crypto: crypto.value });
  connectLegs(cx, call, leg, leg);
  return answer;
}

/** The echo's own offer, for a party that asked without one; `takeEchoAnswer` follows. */
export function offerEcho(cx: Context, call: Call): Result<AnchoredSdp, CodedError> {
  const { a } = call;
  const { codecs } = policyOf(a);
  const offer = ownOffer({ ...offerOptions(cx, a), codecs, direction: 'sendrecv' });
  if (offer.ok) a.anchor.lastSent = offer.value;
  return offer;
}

/** The party's answer to the echo's own offer. CODEC_NOT_SHARED when it took no audio, SRTP_NOT_SHARED. */
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
  const accepted = keysAccepted(lastSent.audio, answer);
  if (!accepted.ok) return accepted;
  agree(a, lastSent, { theirs: answer, crypto: accepted.value });
  connectLegs(cx, call, a, a);
  return ok(null);
}

function agree(
  leg: Leg,
  ours: AnchoredSdp,
  { theirs, crypto }: { readonly theirs: AudioDescription; readonly crypto: AgreedCrypto | null },
): void {
  const ourKept = keptSdp(ours);
  leg.anchor.lastSent = ourKept;
  leg.anchor.ours = ourKept;
  leg.anchor.theirs = keptDescription(theirs);
  leg.anchor.crypto = crypto;
}

/** The value of a body for the SIP core. */
export function sdpBody(sdp: AnchoredSdp): Buffer {
  return Buffer.from(sdp.text, 'utf8');
}

/** Whether a description may be used at all: some audio, not refused by its own writer. */
export function acceptable(offer: AudioDescription): Result<AudioDescription, CodedError> {
  if (offer.rejected) {
    return err({ code: 'CODEC_NOT_SHARED', message: 'the offer has no live audio stream' });
  }
  return ok(offer);
}
