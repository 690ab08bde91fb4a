// Which addresses a description may send media to.
import ipaddr from 'ipaddr.js';

// Four plain decimal parts: forms with leading zeros or hex mean different hosts to different readers.
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const FIRST_MULTICAST_OCTET = 224;

/** True for an IPv4 literal of four decimal parts. */
export function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** True for an IPv6 literal without brackets and zone. */
export function isIpv6(text: string): boolean {
  return (
    text.length <= 45 && text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)
  );
}

/** `0.0.0.0` or any spelling of `::`: the hold of RFC 2543 (RFC 3264 §8.4). */
export function isUnspecifiedAddress(text: string): boolean {
  if (text === '0.0.0.0') return true;
  return isIpv6(text) && ipaddr.IPv6.parse(text).range() === 'unspecified';
}

/**
 * True for an IP literal that names one host. Multicast, broadcast and 0/8 would let one INVITE aim a stream at a
 * whole network; names would need DNS, and the answer could differ between our check and the engine's use.
 */
export function isUnicastAddress(text: string): boolean {
  if (isIpv4(text)) {
    const first = Number.parseInt(text, 10);
    return first > 0 && first < FIRST_MULTICAST_OCTET;
  }
  if (!isIpv6(text)) return false;
  const range = ipaddr.IPv6.parse(text).range();
  return range !== 'multicast' && range !== 'unspecified';
}
