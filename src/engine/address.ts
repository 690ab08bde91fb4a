// IP addresses between text and the bytes of a record.
import ipaddr from 'ipaddr.js';
import type { HostPort } from '../base/index.ts';
import { ADDRESS, ADDRESS_FAMILY_UNREADABLE } from './contract.gen.ts';

/** An address as bytes: IPv4 in the first four of 16. */
export interface AddressBytes {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

/**
 * Reads an IP literal; IPv6 without brackets and without a zone.
 * @returns null for a host name, a shortened IPv4 form ('127.1') or anything else.
 */
export function parseAddress(text: string): AddressBytes | null {
  const bytes = new Uint8Array(16);
  if (readIpv4(text, bytes)) return { family: 4, bytes };
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) {
    bytes.set(ipaddr.IPv6.parse(text).toByteArray());
    return { family: 6, bytes };
  }
  return null;
}

const DOT = 0x2e;
const DIGIT_ZERO = 0x30;

/**
 * Reads four decimal parts of 0 to 255 without leading zeros, which some readers take for octal.
 * @param into its first four bytes are the address when the answer is true.
 */
function readIpv4(text: string, into: Uint8Array): boolean {
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i += 1) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (digits === 0 || part > 3) return false;
      into[part] = value;
      part += 1;
      digits = 0;
      value = 0;
      continue;
    }
    const digit = code - DIGIT_ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return false;
    value = value * 10 + digit;
    digits += 1;
    if (value > 255) return false;
  }
  return part === 4;
}

/**
 * Writes an address into a record; null becomes "not known".
 * What can't be read is written as such, so that the engine answers ADDRESS_INVALID to this one order.
 */
export function writeAddress(view: DataView, at: number, point: HostPort | null): void {
  if (point === null) return;
  const parsed = parseAddress(point.host);
  const portValid = Number.isInteger(point.port) && point.port > 0 && point.port <= 0xffff;
  if (parsed === null || !portValid) {
    view.setUint8(at + ADDRESS.family, ADDRESS_FAMILY_UNREADABLE);
    return;
  }
  view.setUint8(at + ADDRESS.family, parsed.family);
  view.setUint16(at + ADDRESS.port, point.port, true);
  for (let index = 0; index < parsed.bytes.length; index += 1)
    view.setUint8(at + ADDRESS.bytes + index, parsed.bytes[index] ?? 0);
}

/** Reads an address from a record; IPv6 in the form of RFC 5952. */
export function readAddress(view: DataView, at: number): HostPort {
  const family = view.getUint8(at + ADDRESS.family);
  const bytes: number[] = [];
  for (let index = 0; index < (family === 4 ? 4 : 16); index += 1)
    bytes.push(view.getUint8(at + ADDRESS.bytes + index));
  return {
    host: ipaddr.fromByteArray(bytes).toString(),
    port: view.getUint16(at + ADDRESS.port, true),
  };
}
