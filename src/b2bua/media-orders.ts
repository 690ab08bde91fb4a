// Orders to the media engine: endpoints opened and closed, and both connected as the last exchange agreed.
import { isDeepStrictEqual } from 'node:util';
import type { HostPort } from '../base/index.ts';
import type { EngineOrder } from '../engine/index.ts';
import type { NegotiatedSide, PayloadMaps } from '../sip/index.ts';
import { audioClockRates, isAudio, payloadMaps } from '../sip/index.ts';
import type { AudioPath, PathSide } from './audio-path.ts';
import { agreedSide, audioPath, digitWayOf } from './audio-path.ts';
import type { Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Context } from './context.ts';
import type { AudioSetting } from './leg-audio.ts';
import { decodedAudio, listenedAudio, NO_AUDIO } from './leg-audio.ts';
import { keySetting, sameKeys } from './leg-keys.ts';
import { sourceRuleFor } from './source-rule.ts';
import { policyOf, wishesOf } from './trunk-policy.ts';

/**
 * How long the engine may take to open or connect: it needs milliseconds, and a caller should hear of a media process that
 * lives but is silent while its INVITE can still be sent elsewhere.
 */
const ENGINE_WAIT_MS = 2_000;

type Pairs = readonly (readonly [number, number])[];

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
  cx.setTimer(call, 'engine', ENGINE_WAIT_MS);
}

/** Orders the end of every endpoint that is open; `endpointClosed` brings the last counters. */
export function closeEndpoints(cx: Context, call: Call): void {
  const orders: EngineOrder[] = [];
  for (const leg of legsOf(call)) {
    const { endpoint } = leg.anchor;
    if (endpoint === null || leg.anchor.closing) continue;
    leg.anchor.closing = true;
    const order = cx.newOrder({ kind: 'close', call, leg });
    orders.push({ kind: 'closeEndpoint', order, endpoint });
  }
  cx.engine(orders);
}

/**
 * Connects two legs that have agreed, each to its peer and both to each other. `x` and `y` may be one (echo). The engine carries
 * orders of one call out in order, so the answer to the last one says that all are done: `call.connecting`. Keys come before
 * anything could be sent in the clear, codecs before the links that need them, and codecs nobody needs any more go last. What
 * becomes of a connection that this one takes the place of is of no interest any more.
 */
export function connectLegs(cx: Context, call: Call, x: Leg, y: Leg): void {
  const joint = jointOf(x, y);
  if (joint === null) return;
  dropConnection(cx, call);
  const ends = x === y ? [joint.x] : [joint.x, joint.y];
  const orders: EngineOrder[] = [];
  for (const end of ends) {
    end.leg.anchor.codec = end.codec;
    end.leg.anchor.path = joint.path;
    pushKeys(cx, call, end.leg, orders);
  }
  for (const end of ends) pushUpdate(cx, call, end, orders);
  if (joint.path === 'decoded') for (const end of ends) pushAudio(cx, call, end, orders);
  pushLink(cx, call, joint.x, { ...joint, to: y }, orders);
  if (x !== y) pushLink(cx, call, joint.y, { ...joint, to: x }, orders);
  if (joint.path !== 'decoded') for (const end of ends) pushAudio(cx, call, end, orders);
  if (orders.length === 0) return;
  call.connecting = orders.map(({ order }) => order);
  cx.engine(orders);
  cx.setTimer(call, 'engine', ENGINE_WAIT_MS);
}

/** Notes what the connection that stands now does with audio; not sooner, as one that was refused has done nothing. */
export function noteTranscoding(call: Call): void {
  for (const { anchor } of legsOf(call)) {
    if (anchor.path !== null && anchor.path !== 'asItIs') anchor.transcoded = true;
  }
}

/**
 * Waits for a connection no longer: what the engine still says to its orders is for nobody. It may be a refusal, so nothing counts
 * as told: keys that were never set must not be taken for set.
 */
function dropConnection(cx: Context, call: Call): void {
  if (call.connecting === null) return;
  for (const leg of legsOf(call)) leg.anchor.told = null;
  cx.dropOrders(call.connecting);
  call.connecting = null;
  cx.clearTimer(call, 'engine');
}

/** Takes the legs apart again: nothing that the callee's side was told about counts any more. */
export function disconnectLegs(cx: Context, call: Call): void {
  const { b } = call;
  if (b === null || b.anchor.theirs === null) return;
  dropConnection(cx, call);
  b.anchor.ours = null;
  b.anchor.theirs = null;
  b.anchor.transcoded = false;
  for (const { anchor } of legsOf(call)) {
    anchor.path = null;
    anchor.codec = null;
  }
  const orders: EngineOrder[] = [];
  for (const leg of legsOf(call)) {
    const { endpoint } = leg.anchor;
    if (endpoint === null) continue;
    const order = cx.newOrder({ kind: 'change', call, leg });
    orders.push({ kind: 'closeLink', order, from: endpoint });
  }
  cx.engine(orders);
}

/** One leg of two that are being connected. */
interface JointEnd {
  readonly leg: Leg;
  readonly audio: AudioSetting;
  readonly codec: string | null;
  readonly clockRates: Pairs;
  /** Where what comes from it goes. */
  readonly payloadMap: Pairs;
  readonly conversions: PayloadMaps['conversionsAToB'];
}

/** Two legs and what becomes of the audio between them. */
interface Joint {
  readonly path: AudioPath;
  readonly x: JointEnd;
  readonly y: JointEnd;
}

/** Null while one of them has agreed to nothing. */
function jointOf(x: Leg, y: Leg): Joint | null {
  const [xSaid, ySaid] = [negotiatedOf(x), negotiatedOf(y)];
  const [xSide, ySide] = [agreedSideOf(x), agreedSideOf(y)];
  if (xSaid === null || ySaid === null || xSide === null || ySide === null) return null;
  // An echo goes back as it came; where nothing is shared nothing flows.
  const path = x === y ? 'asItIs' : (audioPath(xSide, ySide) ?? 'asItIs');
  if (path === 'decoded') {
    return {
      path,
      x: decodedEnd(x, { said: xSaid, side: xSide, other: ySide }),
      y: decodedEnd(y, { said: ySaid, side: ySide, other: xSide }),
    };
  }
  const maps = payloadMaps(xSaid, ySaid, path === 'lawChanged' ? 'converted' : 'asTheyAre');
  const shared = maps.codec?.name ?? null;
  const codecOf = ({ codecs }: PathSide): string | null =>
    path === 'lawChanged' ? (codecs.find(isAudio)?.name ?? null) : shared;
  return {
    path,
    x: {
      leg: x,
      audio: x === y ? NO_AUDIO : listenedAudio(xSide, xSaid, digitWayOf(ySide)),
      codec: codecOf(xSide),
      clockRates: maps.clockRatesA,
      payloadMap: maps.aToB,
      conversions: maps.conversionsAToB,
    },
    y: {
      leg: y,
      audio: x === y ? NO_AUDIO : listenedAudio(ySide, ySaid, digitWayOf(xSide)),
      codec: codecOf(ySide),
      clockRates: maps.clockRatesB,
      payloadMap: maps.bToA,
      conversions: maps.conversionsBToA,
    },
  };
}

/** What a leg has agreed to, as the audio path is decided by; null before. */
export function agreedSideOf(leg: Leg): PathSide | null {
  const said = negotiatedOf(leg);
  return said === null ? null : agreedSide(policyOf(leg), said);
}

function negotiatedOf({ anchor }: Leg): NegotiatedSide | null {
  const { ours, theirs } = anchor;
  return ours === null || theirs === null ? null : { ours: ours.audio, theirs };
}

function decodedEnd(
  leg: Leg,
  {
    said,
    side,
    other,
  }: { readonly said: NegotiatedSide; readonly side: PathSide; readonly other: PathSide },
): JointEnd {
  const audio = decodedAudio({ side, negotiated: said, wishes: wishesOf(leg), other });
  return {
    leg,
    audio: audio ?? NO_AUDIO,
    codec: side.codecs.find(isAudio)?.name ?? null,
    clockRates: audioClockRates(said),
    payloadMap: [],
    conversions: [],
  };
}

function pushKeys(cx: Context, call: Call, leg: Leg, orders: EngineOrder[]): void {
  const { endpoint, crypto, told } = leg.anchor;
  if (endpoint === null || (told !== null && sameKeys(told.keys, crypto))) return;
  const order = cx.newOrder({ kind: 'change', call, leg });
  orders.push({ kind: 'setKeys', order, endpoint, ...keySetting(crypto) });
  // Of the audio nothing is known where nothing was: an order for it follows.
  if (told !== null) leg.anchor.told = { ...told, keys: crypto };
}

function pushAudio(cx: Context, call: Call, { leg, audio }: JointEnd, orders: EngineOrder[]): void {
  const { endpoint, crypto, told } = leg.anchor;
  if (endpoint === null) return;
  leg.anchor.told = { keys: crypto, audio };
  if (told !== null && isDeepStrictEqual(told.audio, audio)) return;
  const order = cx.newOrder({ kind: 'change', call, leg });
  orders.push({ kind: 'setAudio', order, endpoint, ...audio });
}

function pushUpdate(
  cx: Context,
  call: Call,
  { leg, clockRates }: JointEnd,
  orders: EngineOrder[],
): void {
  const { endpoint, theirs } = leg.anchor;
  if (endpoint === null || theirs === null) return;
  const mux = theirs.rtcpMux && (leg.anchor.ours?.audio.rtcpMux ?? false);
  const remote: HostPort | null = theirs.remoteRtp;
  const { inactivityMs, inactivityHoldMs } = cx.settings;
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
    inactivityMs: isOnHold(call) ? inactivityHoldMs : inactivityMs,
    clockRates,
  });
}

/**
 * Whether a party holds the call: one that only sends, only receives or does neither (RFC 3264 §8.4). Then both legs may be
 * silent for longer, for who holds need not play anything to the one who waits.
 */
function isOnHold(call: Call): boolean {
  return legsOf(call).some(({ anchor: { ours, theirs } }) => {
    if (ours === null || theirs === null) return false;
    return ours.audio.direction !== 'sendrecv' || theirs.direction !== 'sendrecv';
  });
}

/** Whether the peer wants to be sent anything: a decoded link speaks by itself, also to one who holds. */
function wantsMedia({ anchor }: Leg): boolean {
  const direction = anchor.theirs?.direction;
  return direction === 'sendrecv' || direction === 'recvonly';
}

function pushLink(
  cx: Context,
  call: Call,
  { leg, payloadMap, conversions }: JointEnd,
  { path, to }: { readonly path: AudioPath; readonly to: Leg },
  orders: EngineOrder[],
): void {
  const from = leg.anchor.endpoint;
  if (from === null || to.anchor.endpoint === null) return;
  const order = cx.newOrder({ kind: 'change', call, leg });
  if (path === 'decoded' && !wantsMedia(to)) {
    orders.push({ kind: 'closeLink', order, from });
    return;
  }
  orders.push({
    kind: 'openLink',
    order,
    from,
    to: to.anchor.endpoint,
    payloadMap,
    mode: path === 'decoded' ? 'decoded' : 'forward',
    conversions,
  });
}
