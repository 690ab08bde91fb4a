// Orders to the media engine: endpoints opened and closed, and both connected as the last exchange agreed.
import type { HostPort } from '../base/index.ts';
import type { EngineOrder } from '../engine/index.ts';
import type { PayloadMaps } from '../sip/index.ts';
import { payloadMaps } from '../sip/index.ts';
import type { Call, Leg } from './call.ts';
import { legsOf } from './call.ts';
import type { Context } from './context.ts';
import { sourceRuleFor } from './source-rule.ts';

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
 * orders of one call out in order, so the answer to the last one says that all are done: `call.connecting`. What becomes of a
 * connection that this one takes the place of is of no interest any more.
 */
export function connectLegs(cx: Context, call: Call, x: Leg, y: Leg): void {
  const maps = mapsBetween(x, y);
  if (maps === null) return;
  const codec = maps.codec?.name ?? null;
  x.anchor.codec = codec;
  y.anchor.codec = codec;
  const orders: EngineOrder[] = [];
  pushUpdate(cx, call, x, maps.clockRatesA, orders);
  if (x !== y) pushUpdate(cx, call, y, maps.clockRatesB, orders);
  pushLink(cx, call, x, y, maps.aToB, orders);
  if (x !== y) pushLink(cx, call, y, x, maps.bToA, orders);
  dropConnection(cx, call);
  if (orders.length === 0) return;
  call.connecting = orders.map(({ order }) => order);
  cx.engine(orders);
  cx.setTimer(call, 'engine', ENGINE_WAIT_MS);
}

/** Waits for a connection no longer: what the engine still says to its orders is for nobody. */
function dropConnection(cx: Context, call: Call): void {
  if (call.connecting === null) return;
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
  const orders: EngineOrder[] = [];
  for (const leg of legsOf(call)) {
    const { endpoint } = leg.anchor;
    if (endpoint === null) continue;
    const order = cx.newOrder({ kind: 'change', call, leg });
    orders.push({ kind: 'closeLink', order, from: endpoint });
  }
  cx.engine(orders);
}

function mapsBetween(x: Leg, y: Leg): PayloadMaps | null {
  if (x.anchor.ours === null || x.anchor.theirs === null) return null;
  if (y.anchor.ours === null || y.anchor.theirs === null) return null;
  return payloadMaps(
    { ours: x.anchor.ours.audio, theirs: x.anchor.theirs },
    { ours: y.anchor.ours.audio, theirs: y.anchor.theirs },
  );
}

function pushUpdate(
  cx: Context,
  call: Call,
  leg: Leg,
  clockRates: Pairs,
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

function pushLink(
  cx: Context,
  call: Call,
  from: Leg,
  to: Leg,
  payloadMap: Pairs,
  orders: EngineOrder[],
): void {
  if (from.anchor.endpoint === null || to.anchor.endpoint === null) return;
  orders.push({
    kind: 'openLink',
    order: cx.newOrder({ kind: 'change', call, leg: from }),
    from: from.anchor.endpoint,
    to: to.anchor.endpoint,
    payloadMap,
    mode: 'forward',
    conversions: [],
  });
}
