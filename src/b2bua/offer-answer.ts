// Offers and answers between the two legs (RFC 3264): each side only ever sees descriptions of our own, on our ports.
// First INVITE, late offer and re-INVITE are the same exchange with the roles set differently.
import type { CodedError, HostPort, Result } from '../base/index.ts';
import { err, ok } from '../base/index.ts';
import type { EngineOrder } from '../engine/index.ts';
import type { AnchoredSdp, AnchorPoint, AudioDescription, CodecName } from '../sip/index.ts';
import {
  anchoredAnswer,
  anchoredOffer,
  ownAnswer,
  payloadMaps,
  readAudioText,
} from '../sip/index.ts';
import type { Call, Exchange, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Context } from './context.ts';
import { sourceRuleFor } from './source-rule.ts';

const NO_CODECS: readonly CodecName[] = [];

/** Codecs both trunks allow, in the order of the one the call goes out on. */
function allowedBetween(call: Call): readonly CodecName[] {
  const inbound = call.a.trunk?.codecs ?? NO_CODECS;
  const outbound = call.b?.trunk?.codecs ?? inbound;
  return outbound.filter((codec) => inbound.includes(codec));
}

function anchorPoint(cx: Context, leg: Leg): AnchorPoint {
  const address = cx.settings.mediaAddresses[leg.anchor.addressIndex];
  if (address === undefined)
    throw new Error(`media address ${leg.anchor.addressIndex} is not configured`);
  // rtcp-mux is accepted where a peer offers it, and not proposed: one that ignores it still expects the second port.
  return {
    address: address.advertise,
    rtpPort: leg.anchor.rtpPort,
    rtcpPort: leg.anchor.rtcpPort,
    rtcpMux: true,
  };
}

/** Reads a party's body. SDP_MALFORMED, CODEC_NOT_SHARED when there is no audio we can pass on. */
export function readBody(body: Buffer): Result<AudioDescription, CodedError> {
  return readAudioText(body);
}

/**
 * Takes an offer from `offerer` and makes ours for the other leg.
 * @returns our offer to put in the other leg's INVITE or 2xx; the exchange stays open until `answerExchange`.
 */
export function openExchange(
  cx: Context,
  call: Call,
  offerer: Leg,
  answerer: Leg,
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const point = anchorPoint(cx, answerer);
  const forwarded = anchoredOffer({
    from: offer,
    allowedCodecs: allowedBetween(call),
    codecOrder: 'offered',
    anchor: { ...point, rtcpMux: answerer.anchor.theirs?.rtcpMux ?? false },
    sessionId: answerer.anchor.sessionId,
    previous: answerer.anchor.lastSent,
  });
  if (!forwarded.ok) return forwarded;
  answerer.anchor.lastSent = forwarded.value;
  call.exchange = { offerer, answerer, offer, forwarded: forwarded.value };
  return forwarded;
}

/**
 * Takes the answer to the open exchange, connects the media, and makes our answer for the offerer.
 * @param final false for an answer in a provisional response: the exchange stays open, since another early dialog may answer
 *   differently (RFC 3261 §13.1).
 */
export function answerExchange(
  cx: Context,
  call: Call,
  exchange: Exchange,
  farAnswer: AudioDescription,
  options: { readonly final: boolean },
): Result<AnchoredSdp, CodedError> {
  const { offerer, answerer } = exchange;
  if (farAnswer.rejected) {
    return err({
      code: 'CODEC_NOT_SHARED',
      message: 'the far side refused the audio stream (port 0)',
    });
  }
  const answer = anchoredAnswer({
    offer: exchange.offer,
    sent: exchange.forwarded.audio,
    farAnswer,
    anchor: anchorPoint(cx, offerer),
    sessionId: offerer.anchor.sessionId,
    previous: offerer.anchor.lastSent,
  });
  if (!answer.ok) return answer;
  offerer.anchor.lastSent = answer.value;
  offerer.anchor.ours = answer.value;
  offerer.anchor.theirs = exchange.offer;
  answerer.anchor.ours = exchange.forwarded;
  answerer.anchor.theirs = farAnswer;
  if (options.final) call.exchange = null;
  connectLegs(cx, call, offerer, answerer);
  return answer;
}

/** Answers a party's offer ourselves and sends its own audio back to it (the echo destination). */
export function answerEcho(
  cx: Context,
  call: Call,
  offer: AudioDescription,
): Result<AnchoredSdp, CodedError> {
  const leg = call.a;
  const answer = ownAnswer({
    offer,
    allowedCodecs: leg.trunk?.codecs ?? NO_CODECS,
    anchor: anchorPoint(cx, leg),
    sessionId: leg.anchor.sessionId,
    previous: leg.anchor.lastSent,
  });
  if (!answer.ok) return answer;
  leg.anchor.lastSent = answer.value;
  leg.anchor.ours = answer.value;
  leg.anchor.theirs = offer;
  const maps = payloadMaps(
    { ours: answer.value.audio, theirs: offer },
    { ours: answer.value.audio, theirs: offer },
  );
  leg.anchor.codec = maps.codec?.name ?? null;
  const orders: EngineOrder[] = [];
  pushUpdate(cx, call, leg, maps.clockRatesA, orders);
  pushLink(cx, call, leg, leg, maps.aToB, orders);
  cx.engine(orders);
  return answer;
}

function connectLegs(cx: Context, call: Call, x: Leg, y: Leg): void {
  if (x.anchor.ours === null || x.anchor.theirs === null) return;
  if (y.anchor.ours === null || y.anchor.theirs === null) return;
  const maps = payloadMaps(
    { ours: x.anchor.ours.audio, theirs: x.anchor.theirs },
    { ours: y.anchor.ours.audio, theirs: y.anchor.theirs },
  );
  const codec = maps.codec?.name ?? null;
  x.anchor.codec = codec;
  y.anchor.codec = codec;
  const orders: EngineOrder[] = [];
  pushUpdate(cx, call, x, maps.clockRatesA, orders);
  pushUpdate(cx, call, y, maps.clockRatesB, orders);
  pushLink(cx, call, x, y, maps.aToB, orders);
  pushLink(cx, call, y, x, maps.bToA, orders);
  cx.engine(orders);
}

function pushUpdate(
  cx: Context,
  call: Call,
  leg: Leg,
  clockRates: readonly (readonly [number, number])[],
  orders: EngineOrder[],
): void {
  const { endpoint, theirs } = leg.anchor;
  if (endpoint === null || theirs === null) return;
  const mux = theirs.rtcpMux && (leg.anchor.ours?.audio.rtcpMux ?? false);
  const remote: HostPort | null = theirs.remoteRtp;
  orders.push({
    kind: 'updateEndpoint',
    order: cx.newOrder({ kind: 'change', call, leg }),
    endpoint,
    remoteRtp: remote,
    remoteRtcp: mux ? null : theirs.remoteRtcp,
    rtcpMux: mux,
    sourceRule:
      remote === null
        ? 'strict'
        : sourceRuleFor(leg.trunk?.media ?? 'auto', remote.host, leg.peerAddress),
    inactivityMs: expectsMedia(leg) ? cx.settings.inactivityMs : cx.settings.inactivityHoldMs,
    clockRates,
  });
}

/** Whether the peer has agreed to send: a leg on hold may be silent for longer. */
function expectsMedia(leg: Leg): boolean {
  const theirs = leg.anchor.theirs?.direction;
  const ours = leg.anchor.ours?.audio.direction;
  const sends = theirs === 'sendrecv' || theirs === 'sendonly';
  const wanted = ours === 'sendrecv' || ours === 'recvonly';
  return sends && wanted;
}

function pushLink(
  cx: Context,
  call: Call,
  from: Leg,
  to: Leg,
  payloadMap: readonly (readonly [number, number])[],
  orders: EngineOrder[],
): void {
  if (from.anchor.endpoint === null || to.anchor.endpoint === null) return;
  orders.push({
    kind: 'openLink',
    order: cx.newOrder({ kind: 'change', call, leg: from }),
    from: from.anchor.endpoint,
    to: to.anchor.endpoint,
    payloadMap,
  });
}

/** Orders an endpoint for each leg that has none yet; `endpointOpened` comes back for each. */
export function openEndpoints(cx: Context, call: Call): void {
  const orders: EngineOrder[] = [];
  for (const leg of legsOf(call)) {
    if (leg.anchor.endpoint !== null) continue;
    call.opening += 1;
    orders.push({
      kind: 'openEndpoint',
      order: cx.newOrder({ kind: 'open', call, leg }),
      affinity: call.number,
      addressIndex: leg.anchor.addressIndex,
    });
  }
  cx.engine(orders);
}

/** Orders the end of every endpoint that is open; `endpointClosed` brings the last counters. */
export function closeEndpoints(cx: Context, call: Call): void {
  const orders: EngineOrder[] = [];
  for (const leg of legsOf(call)) {
    const { endpoint } = leg.anchor;
    if (endpoint === null || leg.anchor.closing) continue;
    leg.anchor.closing = true;
    orders.push({
      kind: 'closeEndpoint',
      order: cx.newOrder({ kind: 'close', call, leg }),
      endpoint,
    });
  }
  if (orders.length > 0) cx.engine(orders);
}

/** The value of a body for the SIP core. */
export function sdpBody(sdp: AnchoredSdp): Buffer {
  return Buffer.from(sdp.text, 'utf8');
}

/** Whether a description may be passed at all: some audio, not refused by its own writer. */
export function acceptable(offer: AudioDescription): Result<AudioDescription, CodedError> {
  if (offer.rejected)
    return err({ code: 'CODEC_NOT_SHARED', message: 'the offer has no live audio stream' });
  return ok(offer);
}
