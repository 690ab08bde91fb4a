// Which trunk a packet's source address belongs to: longest matching CIDR, one hash look-up a prefix length in use.
import ipaddr from 'ipaddr.js';

interface Level<T> {
  readonly bits: number;
  readonly entries: Map<string, T>;
}

/**
 * CIDR blocks to values. Networks are few lengths (a carrier gives /32s and /29s), so a map a length, tried longest
 * first, beats a trie of bits in JavaScript and is as short.
 */
export class SourceTable<T> {
  readonly #v4: Level<T>[] = [];
  readonly #v6: Level<T>[] = [];
  /** Callers come from the same few addresses all day; the text's answer is kept, bounded. */
  readonly #recent = new Map<string, T | null>();

  /**
   * Adds a block.
   * @param cidr as ipaddr.js reads it; host bits are ignored. IPv4-mapped IPv6 blocks count as IPv4.
   * @returns the value already there for the very same block, which stays; null when it was added.
   */
  add(cidr: string, value: T): T | null {
    const [address, bits] = ipaddr.parseCIDR(cidr);
    const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
    const bytes = (mapped ? address.toIPv4Address() : address).toByteArray();
    const length = mapped ? bits - 96 : bits;
    const levels = bytes.length === 4 ? this.#v4 : this.#v6;
    let level = levels.find((candidate) => candidate.bits === length);
    if (level === undefined) {
      level = { bits: length, entries: new Map() };
      levels.push(level);
      levels.sort((a, b) => b.bits - a.bits);
    }
    const key = networkKey(bytes, length);
    const present = level.entries.get(key);
    if (present !== undefined) return present;
    level.entries.set(key, value);
    this.#recent.clear();
    return null;
  }

  /** @param address IPv4 or IPv6 text, a mapped or scoped one too. @returns null when no block holds it, or it is no address. */
  find(address: string): T | null {
    const recent = this.#recent.get(address);
    if (recent !== undefined) return recent;
    const found = this.#search(address);
    if (this.#recent.size >= RECENT_MAX) this.#recent.clear();
    this.#recent.set(address, found);
    return found;
  }

  #search(address: string): T | null {
    // Sockets give four decimal parts; the other spellings the library knows (10.1, 0x0a.1) are never a source.
    if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return null;
    const bytes = ipaddr.process(address).toByteArray();
    for (const { bits, entries } of bytes.length === 4 ? this.#v4 : this.#v6) {
      const value = entries.get(networkKey(bytes, bits));
      if (value !== undefined) return value;
    }
    return null;
  }
}

/** A scan from many sources empties the memory of addresses now and then, and costs nothing else. */
const RECENT_MAX = 4096;

/** The network part of the address as one short string, a character a byte. */
function networkKey(bytes: readonly number[], bits: number): string {
  let key = '';
  for (let i = 0; i * 8 < bits; i += 1) {
    const kept = Math.min(8, bits - i * 8);
    key += String.fromCharCode((bytes[i] ?? 0) & ((0xff << (8 - kept)) & 0xff));
  }
  return key;
}
