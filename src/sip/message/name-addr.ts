// Reads name-addr values (From, To, Contact, Route, …) of canonical text in linear time. RFC 3261 §20.10, §25.1; RFC 8217.
import { err, ok } from '../../base/index.ts';
import type { CodedError, Result } from '../../base/index.ts';
import type { NameAddr } from '../types.ts';
import { COMMA, GREATER, LESS, QUOTE, SEMICOLON, SPACE, TOKEN, URI, isAt, skipClass, skipQuoted, skipSpaces } from './characters.ts';
import { isInsideQuotes, scanParameters, scannedParameter, scannedParameters, schemeColon, unquoted } from './parameters.ts';

/** Spans of the last address scanned: display (-1 without one), URI. */
const span = { displayStart: -1, displayEnd: -1, uriStart: 0, uriEnd: 0 };

/**
 * Scans one address with its parameters and remembers its spans until the next call.
 * @returns the position behind it (the end, or at a character that belongs to no address), or -1 when malformed.
 */
function scanAddress(text: string, at: number, end: number): number {
  const start = skipSpaces(text, at, end);
  const first = text.charCodeAt(start);
  span.displayStart = -1;
  span.displayEnd = -1;
  if (first === QUOTE) {
    const after = skipQuoted(text, start, end);
    if (after < 0) return -1;
    const open = skipSpaces(text, after, end);
    if (text.charCodeAt(open) !== LESS || open >= end) return -1;
    span.displayStart = start;
    span.displayEnd = after;
    return scanBracketed(text, open, end);
  }
  if (first === LESS) return scanBracketed(text, start, end);
  const open = skipTokens(text, start, end);
  if (open < end && text.charCodeAt(open) === LESS) {
    span.displayStart = start;
    span.displayEnd = text.charCodeAt(open - 1) === SPACE ? open - 1 : open;
    return scanBracketed(text, open, end);
  }
  return scanBare(text, start, end);
}

/** Skips `*(token LWS)`, the unquoted form of a display name. */
function skipTokens(text: string, at: number, end: number): number {
  let i = at;
  while (i < end && (text.charCodeAt(i) === SPACE || isAt(text, i, TOKEN))) i += 1;
  return i;
}

function scanBracketed(text: string, open: number, end: number): number {
  const close = skipClass(text, open + 1, end, URI);
  if (close >= end || text.charCodeAt(close) !== GREATER) return -1;
  if (schemeColon(text, open + 1, close) < 0) return -1;
  span.uriStart = open + 1;
  span.uriEnd = close;
  return scanParameters(text, close + 1, end);
}

/**
 * An addr-spec without brackets: its semicolons begin header parameters, and a comma or question mark would be
 * ambiguous, so the RFC demands brackets for those (RFC 3261 §20.10).
 */
function scanBare(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && isAt(text, i, URI)) {
    const code = text.charCodeAt(i);
    if (code === SEMICOLON || code === COMMA) break;
    if (code === 0x3f) return -1;
    i += 1;
  }
  if (schemeColon(text, start, i) < 0) return -1;
  span.uriStart = start;
  span.uriEnd = i;
  return scanParameters(text, i, end);
}

/** Whether a span holds exactly one address. When it does, `taggedAs` of the same text may follow. */
export function isAddress(text: string, start: number, end: number): boolean {
  return scanAddress(text, start, end) === end;
}

/** The tag of the address scanned last; null when absent. A flag without value counts as absent. */
export function scannedTag(text: string): string | null {
  return scannedParameter(text, 'tag') ?? null;
}

/** Whether a span holds a comma-separated list of addresses without empty elements, or `*` alone (Contact). */
export function isAddressList(text: string, start: number, end: number): boolean {
  if (end - start === 1 && text.charCodeAt(start) === 0x2a) return true;
  let at = start;
  for (;;) {
    at = scanAddress(text, at, end);
    if (at === end) return true;
    if (at < 0 || text.charCodeAt(at) !== COMMA) return false;
    at += 1;
  }
}

function scannedAddress(text: string): NameAddr {
  const params = scannedParameters(text);
  return {
    display: span.displayStart < 0 ? null : unquoted(text.slice(span.displayStart, span.displayEnd)),
    uri: text.slice(span.uriStart, span.uriEnd),
    params,
    tag: params.get('tag') ?? null,
  };
}

/** Reads one name-addr or addr-spec with its header parameters. Errors: MESSAGE_MALFORMED. */
export function parseNameAddr(text: string): Result<NameAddr, CodedError> {
  if (isAddress(text, 0, text.length)) return ok(scannedAddress(text));
  return err({ code: 'MESSAGE_MALFORMED', message: 'An address is neither a name-addr nor an addr-spec (RFC 3261 §25.1)' });
}

/** Reads a list that the guard has accepted; `*` gives one address with the URI `*`. */
export function readAddressList(value: string): NameAddr[] {
  if (value === '*') return [{ display: null, uri: '*', params: new Map(), tag: null }];
  const addresses: NameAddr[] = [];
  let at = 0;
  while (at < value.length) {
    const after = scanAddress(value, at, value.length);
    if (after < 0) break;
    addresses.push(scannedAddress(value));
    if (after < value.length && value.charCodeAt(after) !== COMMA) break;
    at = after + 1;
  }
  return addresses;
}

const FORBIDDEN_PARAMETER = /; ?(?:__proto__|prototype|constructor) ?(?:[;=,\r]|$)/iy;

/**
 * Whether the semicolon at `at` begins a parameter with a forbidden name, outside quotes. For headers whose
 * parameters the guard doesn't read one by one.
 */
export function startsForbiddenParameter(text: string, valueStart: number, at: number): boolean {
  FORBIDDEN_PARAMETER.lastIndex = at;
  return FORBIDDEN_PARAMETER.test(text) && !isInsideQuotes(text, valueStart, at);
}
