// Decides whether a peer's SDP address can be believed, or must be learned from its packets (RFC 4961, SPEC A30).
import ipaddr from 'ipaddr.js';
import type { SourceRule } from '../engine/index.ts';

export type MediaSourceSetting = 'auto' | 'strict' | 'latch';

/**
 * @param setting the trunk's `media` setting; anything but 'auto' is obeyed.
 * @param sdpAddress the address in the peer's c= line.
 * @param signallingAddress where its SIP message came from.
 * @returns 'latch' only when the SDP names a private address and signalling came from a public one: then a NAT stands between and
 *   the SDP can't be true. Everywhere else the strict rule is safer: nothing foreign is ever relayed.
 */
export function sourceRuleFor(
  setting: MediaSourceSetting,
  sdpAddress: string,
  signallingAddress: string,
): SourceRule {
  if (setting !== 'auto') return setting;
  if (sdpAddress === signallingAddress) return 'strict';
  return isPublic(signallingAddress) && !isPublic(sdpAddress) ? 'latch' : 'strict';
}

/**
 * Whether a peer that names a private address in its Contact can only be reached where its message came from: it stands behind a
 * NAT that we don't.
 * @param contactHost address or name; a name may well lead to the peer.
 */
export function isBehindNat(contactHost: string, signallingAddress: string): boolean {
  return ipaddr.isValid(contactHost) && !isPublic(contactHost) && isPublic(signallingAddress);
}

function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}
