// Reads Via values of canonical text in linear time, IPv6 and white space included. RFC 3261 §20.42, RFC 5118 §4.5.
import type { HostPort } from '../../base/index.ts';
import type { Via } from '../types.ts';
import {
  COLON,
  COMMA,
  HOST,
  SPACE,
  TOKEN,
  codesOf,
  readNumber,
  skipClass,
  skipSpaces,
  tokenEquals,
} from './characters.ts';
import type { Codes } from './characters.ts';
import type { TopVia } from './index-message.ts';
import {
  scanParameters,
  scannedParameter,
  scannedParameters,
  scannedParametersText,
} from './parameters.ts';

/** Spans of the last Via scanned. */
const span = {
  isVersion2: false,
  transportStart: 0,
  transportEnd: 0,
  hostStart: 0,
  hostEnd: 0,
  port: -1,
  sentByEnd: 0,
};

/** Scans `SIP/2.0/UDP host:port`; gives the position behind it, or -1. Spaces may stand round / and : (RFC 3261 §25.1). */
function scanSentBy(codes: Codes, at: number, end: number): number {
  let i = skipSpaces(codes, at, end);
  const protocolEnd = skipClass(codes, i, end, TOKEN);
  if (!tokenEquals(codes, i, protocolEnd, 'sip')) return -1;
  i = skipSlash(codes, protocolEnd, end);
  const versionEnd = i < 0 ? -1 : skipClass(codes, i, end, TOKEN);
  // Any version: a message of another one is answered with 505, and that answer copies its Via.
  if (i < 0 || versionEnd === i) return -1;
  span.isVersion2 = tokenEquals(codes, i, versionEnd, '2.0');
  i = skipSlash(codes, versionEnd, end);
  if (i < 0) return -1;
  span.transportStart = i;
  span.transportEnd = skipClass(codes, i, end, TOKEN);
  i = skipSpaces(codes, span.transportEnd, end);
  if (span.transportEnd === span.transportStart || i === span.transportEnd) return -1;
  span.hostStart = i;
  span.hostEnd = skipHost(codes, i, end);
  if (span.hostEnd < 0) return -1;
  span.port = -1;
  span.sentByEnd = span.hostEnd;
  i = skipSpaces(codes, span.hostEnd, end);
  if (i >= end || codes[i] !== COLON) return i;
  const portStart = skipSpaces(codes, i + 1, end);
  const portEnd = skipClass(codes, portStart, end, TOKEN);
  span.port = readNumber(codes, portStart, portEnd, 65535);
  if (span.port < 0) return -1;
  span.sentByEnd = portEnd;
  return portEnd;
}

function skipSlash(codes: Codes, at: number, end: number): number {
  const slash = skipSpaces(codes, at, end);
  return slash < end && codes[slash] === 0x2f ? skipSpaces(codes, slash + 1, end) : -1;
}

/** A host name, an IPv4 address or an IPv6 reference; -1 when none stands there. */
export function skipHost(codes: Codes, at: number, end: number): number {
  if (at >= end) return -1;
  if (codes[at] !== 0x5b) {
    const after = skipClass(codes, at, end, HOST);
    return after > at ? after : -1;
  }
  for (let i = at + 1; i < end; i += 1) {
    const code = codes[i] ?? 0;
    if (code === 0x5d) return i > at + 2 ? i + 1 : -1;
    const lower = code | 0x20;
    const legal =
      (code >= 0x30 && code <= 0x3a) || (lower >= 0x61 && lower <= 0x66) || code === 0x2e;
    if (!legal) return -1;
  }
  return -1;
}

/** Lower case; IPv6 without brackets. */
export function hostText(written: string): string {
  return (written.startsWith('[') ? written.slice(1, -1) : written).toLowerCase();
}

/** What a Via line came to: how many values it has, and whether all of them are well formed. */
export interface ViaLine {
  readonly count: number;
  readonly wellFormed: boolean;
}

/** Checks the Via values of one header line, at most `countMax + 1` of them. */
export function checkViaLine(codes: Codes, start: number, end: number, countMax: number): ViaLine {
  let at = start;
  for (let count = 1; ; count += 1) {
    const sentByEnd = scanSentBy(codes, at, end);
    const after = sentByEnd < 0 ? -1 : scanParameters(codes, sentByEnd, end);
    if (after === end) return { count, wellFormed: true };
    if (after < 0 || codes[after] !== COMMA) return { count, wellFormed: false };
    if (count > countMax) return { count, wellFormed: true };
    at = after + 1;
  }
}

/**
 * Reads the first Via value of a line, as matching needs it.
 * @returns null when even its sent-by can't be read. Malformed parameters read as none: the guard refuses them.
 */
export function readTopVia(codes: Codes, text: string, start: number, end: number): TopVia | null {
  const sentByEnd = scanSentBy(codes, start, end);
  if (sentByEnd < 0) return null;
  const { transportStart, transportEnd, hostStart, hostEnd, port, isVersion2 } = span;
  const after = scanParameters(codes, sentByEnd, end);
  const first = skipSpaces(codes, start, end);
  const host = text.slice(hostStart, hostEnd).toLowerCase();
  return {
    text: text.slice(first, after < 0 ? sentByEnd : codes[after - 1] === SPACE ? after - 1 : after),
    transport: text.slice(transportStart, transportEnd).toUpperCase(),
    host: hostText(host),
    port: port < 0 ? null : port,
    branch: after < 0 ? null : (scannedParameter(codes, text, 'branch') ?? null),
    sentBy: port < 0 ? host : `${host}:${port}`,
    wantsRport: after >= 0 && scannedParameter(codes, text, 'rport') !== undefined,
    isVersion2,
  };
}

/** Reads all Via values of lines that the guard has accepted. */
export function readVias(lines: readonly string[]): Via[] {
  const vias: Via[] = [];
  for (const line of lines) {
    const codes = codesOf(line);
    let at = 0;
    while (codes !== null && at < line.length) {
      const sentByEnd = scanSentBy(codes, at, line.length);
      if (sentByEnd < 0) break;
      const { transportStart, transportEnd, hostStart, hostEnd, port } = span;
      const after = scanParameters(codes, sentByEnd, line.length);
      if (after < 0) break;
      const params = scannedParameters(line);
      vias.push({
        transport: line.slice(transportStart, transportEnd).toUpperCase(),
        host: hostText(line.slice(hostStart, hostEnd)),
        port: port < 0 ? null : port,
        branch: params.get('branch') ?? null,
        params,
      });
      at = after + 1;
    }
  }
  return vias;
}

/**
 * Writes into the first value of a Via line where its request came from: `received` always when the sent-by is not
 * that address (RFC 3261 §18.2.1) or when rport was asked for, `rport` when it was asked for (RFC 3581 §4).
 * What the sender wrote itself in either parameter is replaced: only the receiver knows.
 */
export function viaLineWithSource(line: string, source: HostPort): string {
  const codes = codesOf(line);
  const sentByEnd = codes === null ? -1 : scanSentBy(codes, 0, line.length);
  if (codes === null || sentByEnd < 0) return line;
  const { hostStart, hostEnd } = span;
  const after = scanParameters(codes, sentByEnd, line.length);
  if (after < 0) return line;
  const host = hostText(line.slice(hostStart, hostEnd));
  const wantsRport = scannedParameter(codes, line, 'rport') !== undefined;
  const carriesReceived = scannedParameter(codes, line, 'received') !== undefined;
  if (!wantsRport && !carriesReceived && host === source.host.toLowerCase()) return line;
  const kept = scannedParametersText(codes, line, ['received', 'rport']);
  const rport = wantsRport ? `;rport=${source.port}` : '';
  return `${line.slice(0, sentByEnd)}${kept};received=${source.host}${rport}${line.slice(after)}`;
}
