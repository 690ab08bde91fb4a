// Whose connection it is, for limits per source.

const GROUPS = 8;
const NETWORK_GROUPS = 4;
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What one party is counted under: an IPv4 address, or the /64 of an IPv6 one, since whoever has one address of a /64 has all
 * of them (RFC 6177 §2).
 * @param host as the kernel writes a peer's address; a zone behind `%` is left out.
 */
export function sourceKey(host: string): string {
  const [address = ''] = host.split('%', 1);
  // Only an address of version 6 holds colons.
  if (!address.includes(':')) return address;
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.toLowerCase().split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  // A dotted end fills two groups.
  const rightGroups = right.length + (right.at(-1)?.includes('.') === true ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, GROUPS - left.length - rightGroups) }, () => '0');
  const groups = tail === undefined ? left : [...left, ...zeros, ...right];
  return `${groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
