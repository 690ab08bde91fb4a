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
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    bytes.set(ipaddr.IPv4.parse(text).toByteArray());
    return { family: 4, bytes };
  }
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) {
    bytes.set(ipaddr.IPv6.parse(text).toByteArray());
    return { family: 6, bytes };
  }
  return null;
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
  parsed.bytes.forEach((byte, index) => view.setUint8(at + ADDRESS.bytes + index, byte));
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
