// Address blocks of `allow` lists, compared.
import ipaddr from 'ipaddr.js';
import { CIDR_FORM } from './forms.ts';

/** A block as written, in canonical text. */
export function canonicalBlock(text: string): string {
  const read = CIDR_FORM.read(text);
  return read.ok ? read.value : text;
}

/** Blocks by canonical text, asked for the one around another. Costs a look-up for each prefix length in use. */
export class BlockMap<T> {
  readonly #values = new Map<string, T>();
  /** Prefix lengths in use, by family. */
  readonly #lengths = { ipv4: new Set<number>(), ipv6: new Set<number>() };

  get(block: string): T | null {
    return this.#values.get(block) ?? null;
  }

  set(block: string, value: T): void {
    const [address, bits] = ipaddr.parseCIDR(block);
    this.#lengths[address.kind()].add(bits);
    this.#values.set(block, value);
  }

  /** Every block that holds `inner` and is larger, the smallest first. */
  around(inner: string): readonly { readonly block: string; readonly value: T }[] {
    const [address, innerBits] = ipaddr.parseCIDR(inner);
    const kind = address.kind();
    const text = address.toString();
    const family = kind === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
    const shorter = [...this.#lengths[kind]].filter((bits) => bits < innerBits);
    const found: { readonly block: string; readonly value: T }[] = [];
    for (const bits of shorter.sort((a, b) => b - a)) {
      const block = `${family.networkAddressFromCIDR(`${text}/${bits}`).toString()}/${bits}`;
      const value = this.#values.get(block);
      if (value !== undefined) found.push({ block, value });
    }
    return found;
  }
}
