// Who we are towards a peer: the listening point in Contact and Via, and the media address of a leg.
import type { LocalPoint, SendTarget } from '../base/index.ts';
import { hostPortText } from '../base/index.ts';
import { localPointFor } from '../sip/index.ts';
import type { Leg } from './call.ts';
import type { Context } from './context.ts';

/** `<sip:host:port;transport=tcp>`: what a peer must use to reach this leg's dialog. */
export function contactOf(leg: Leg): string {
  const { advertise, transport } = leg.point;
  return `<sip:${hostPortText(advertise)};transport=${transport}>`;
}

/** Our listening point towards a peer; the first one when we don't listen on its transport (sending will then fail as such). */
export function pointFor(cx: Context, target: SendTarget): LocalPoint {
  const { locals } = cx.settings;
  const point = localPointFor(locals, target) ?? locals[0];
  if (point === undefined) throw new Error('no SIP listening point is configured');
  return point;
}

/** Spreads calls over the media addresses of the peer's family, so that several addresses' ports add up. */
export function addressIndexFor(cx: Context, peerHost: string, callNumber: number): number {
  const v6 = peerHost.includes(':');
  const { mediaAddresses } = cx.settings;
  const fitting: number[] = [];
  for (const [index, address] of mediaAddresses.entries()) {
    if (address.advertise.includes(':') === v6) fitting.push(index);
  }
  return fitting[callNumber % fitting.length] ?? callNumber % mediaAddresses.length;
}
