// Which addresses a description may send media to.
import ipaddr from 'ipaddr.js';

// Four plain decimal parts: forms with leading zeros or hex mean different hosts to different readers.
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const FIRST_MULTICAST_OCTET = 224;

/** True for an IPv4 literal of four decimal parts. */
function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** True for an IPv6 literal without brackets and zone. */
export function isIpv6(text: string): boolean {
  return (
    text.length <= 45 && text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)
  );
}

/** `0.0.0.0` or any spelling of `::`: the hold of RFC 2543 (RFC 3264 §8.4). */
function isUnspecifiedAddress(text: string): boolean {
  if (text === '0.0.0.0') return true;
  return isIpv6(text) && ipaddr.IPv6.parse(text).range() === 'unspecified';
}

/**
 * True for an IP literal that names one host. Multicast, broadcast and 0/8 would let one INVITE aim a stream at a
 * whole network; names would need DNS, and the answer could differ between our check and the engine's use.
 */
function isUnicastAddress(text: string): boolean {
  if (isIpv4(text)) {
    const first = Number.parseInt(text, 10);
    return first > 0 && first < FIRST_MULTICAST_OCTET;
  }
  if (!isIpv6(text)) return false;
  const range = ipaddr.IPv6.parse(text).range();
  return range !== 'multicast' && range !== 'unspecified';
}

/** Multicast addresses may say how far they reach and how many follow (RFC 8866 §5.7). */
const MULTICAST_SUFFIX = /^\/\d{1,3}(?:\/\d{1,5})?$/;
const NAME_LABEL = /^[a-z0-9-]{1,63}$/i;
const NAME_CHARS_MAX = 253;

/**
 * What an address in a description is worth: one host's, none (hold), well-formed but nothing we can use (multicast, broadcast, a
 * name), or no address at all.
 * @param family that it must be of; null for either.
 */
export function addressUse(
  text: string,
  family: 'IP4' | 'IP6' | null,
): 'host' | 'unspecified' | 'unusable' | 'malformed' {
  const isOurs = (literal: string): boolean =>
    (family !== 'IP6' && isIpv4(literal)) || (family !== 'IP4' && isIpv6(literal));
  if (isOurs(text)) {
    if (isUnspecifiedAddress(text)) return 'unspecified';
    return isUnicastAddress(text) ? 'host' : 'unusable';
  }
  const slash = text.indexOf('/');
  const group = slash < 0 ? '' : text.slice(0, slash);
  if (isOurs(group) && !isUnicastAddress(group) && MULTICAST_SUFFIX.test(text.slice(slash))) {
    return 'unusable';
  }
  return isName(text) ? 'unusable' : 'malformed';
}

/** A host name; what ends in a number is meant to be an address (RFC 1123 §2.1). */
function isName(text: string): boolean {
  if (text.length > NAME_CHARS_MAX) return false;
  const labels = text.split('.');
  return labels.every((label) => NAME_LABEL.test(label)) && /^[a-z]/i.test(labels.at(-1) ?? '');
}
