// Who we are towards a peer: the listening point in Contact and Via, and the media address of a leg.
import type { LocalPoint, SendTarget } from '../base/index.ts';
import { hostPortText } from '../base/index.ts';
import type { Dialog, NameAddr } from '../sip/index.ts';
import { localPointFor, parseNameAddr, sendTargetOfText } from '../sip/index.ts';
import type { Leg } from './call.ts';
import type { Context } from './context.ts';
import { isBehindNat } from './source-rule.ts';

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

/**
 * Whether a request could be sent by this Contact and route set: a SIP URI (RFC 3261 §8.1.1.8), and a next hop on a transport
 * that we listen on, since our Contact and Via need an address there.
 */
export function canReach(cx: Context, contact: NameAddr, routes: readonly string[]): boolean {
  const remote = sendTargetOfText(contact.uri);
  const [first] = routes;
  const route = first === undefined ? null : parseNameAddr(first);
  const next = route === null ? remote : route.ok ? sendTargetOfText(route.value.uri) : route;
  return remote.ok && next.ok && localPointFor(cx.settings.locals, next.value) !== null;
}

/** What a message says about where the dialog's requests go. */
export interface Whereabouts {
  readonly contact: NameAddr | null;
  /** The route set, next hop first. */
  readonly routes: readonly string[];
  /** Where the peer was met: the source of its request, or the gateway that was asked. */
  readonly met: SendTarget;
}

/**
 * Where a dialog's requests must go although its Contact says otherwise; null: where that leads. A peer whose Contact leads
 * nowhere, or into its private network while we met it at a public address, is reached where it was met.
 */
export function pinFor(cx: Context, { contact, routes, met }: Whereabouts): SendTarget | null {
  if (contact === null) return null;
  if (!canReach(cx, contact, routes)) return met;
  const remote = sendTargetOfText(contact.uri);
  const hidden = routes.length === 0 && remote.ok && isBehindNat(remote.value.host, met.host);
  return hidden ? met : null;
}

/**
 * Takes the Contact of a re-INVITE or of its 2xx for the dialog's new remote target.
 * @returns false when no request of ours could get there: the old one stays.
 */
export function followContact(cx: Context, dialog: Dialog, contact: NameAddr | null): boolean {
  const { pinnedTarget, routeSet } = dialog;
  const follows = contact === null || pinnedTarget !== null || canReach(cx, contact, routeSet);
  if (follows) dialog.refreshTarget(contact);
  return follows;
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
