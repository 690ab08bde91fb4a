// Address blocks of `allow` lists, compared.
import ipaddr from 'ipaddr.js';
import { CIDR_FORM } from './forms.ts';

/** Whether the block `inner` lies in `outer` and isn't the same; both canonical. */
export function isNested(inner: string, outer: string): boolean {
  const [innerAddress, innerBits] = ipaddr.parseCIDR(inner);
  const [outerAddress, outerBits] = ipaddr.parseCIDR(outer);
  return innerAddress.kind() === outerAddress.kind() && innerBits > outerBits && innerAddress.match(outerAddress, outerBits);
}

/** A block as written, in canonical text. */
export function canonicalBlock(text: string): string {
  const read = CIDR_FORM.read(text);
  return read.ok ? read.value : text;
}
