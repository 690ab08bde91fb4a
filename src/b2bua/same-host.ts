// When two texts name one host: an IPv6 address has many spellings, in a peer's Contact, in the configuration, from the kernel.
import ipaddr from 'ipaddr.js';

/**
 * Whether two hosts are one: the same text, or addresses of one value. Zones are left out: they say by which of our own links
 * an address is reached, and no peer knows their names (RFC 4007 §6).
 * @param one   an address without brackets, or a name. So is `other`.
 */
export function isSameHost(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [valueOf(one), valueOf(other)];
  return first !== null && first === second;
}

/** An address as one text; null for a name. IPv4 mapped into IPv6 is IPv4. */
function valueOf(host: string): string | null {
  const [address = ''] = host.split('%', 1);
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  return isAddress ? ipaddr.process(address).toString() : null;
}
