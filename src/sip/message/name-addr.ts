// Reads name-addr values (From, To, Contact, Route, …) of canonical text in linear time. RFC 3261 §20.10, §25.1; RFC 8217.
import { err, ok } from '../../base/index.ts';
import type { CodedError, Result } from '../../base/index.ts';
import type { NameAddr, Params } from '../types.ts';
import {
  COMMA,
  GREATER,
  LESS,
  QUOTE,
  SEMICOLON,
  SPACE,
  TOKEN,
  URI,
  codesOf,
  isAt,
  skipClass,
  skipQuoted,
  skipSpaces,
} from './characters.ts';
import type { Codes } from './characters.ts';
import {
  scanParameters,
  scannedParameter,
  scannedParameters,
  schemeColon,
  unquoted,
} from './parameters.ts';

const QUESTION = 0x3f;
const ASTERISK = 0x2a;

/** Spans of the last address scanned: display (-1 without one), URI. */
const span = { displayStart: -1, displayEnd: -1, uriStart: 0, uriEnd: 0 };

/**
 * Scans one address with its parameters and remembers its spans until the next call.
 * @returns the position behind it (the end, or at a character that belongs to no address), or -1 when malformed.
 */
function scanAddress(codes: Codes, at: number, end: number): number {
  const start = skipSpaces(codes, at, end);
  span.displayStart = -1;
  span.displayEnd = -1;
  if (start >= end) return -1;
  if (codes[start] === LESS) return scanBracketed(codes, start, end);
  if (codes[start] === QUOTE) {
    const after = skipQuoted(codes, start, end);
    const open = after < 0 ? end : skipSpaces(codes, after, end);
    if (open >= end || codes[open] !== LESS) return -1;
    span.displayStart = start;
    span.displayEnd = after;
    return scanBracketed(codes, open, end);
  }
  // The unquoted form of a display name: *(token LWS).
  let open = start;
  while (open < end && (codes[open] === SPACE || isAt(codes, open, TOKEN))) open += 1;
  if (open < end && codes[open] === LESS) {
    span.displayStart = start;
    span.displayEnd = codes[open - 1] === SPACE ? open - 1 : open;
    return scanBracketed(codes, open, end);
  }
  return scanBare(codes, start, end);
}

function scanBracketed(codes: Codes, open: number, end: number): number {
  const close = skipClass(codes, open + 1, end, URI);
  if (close >= end || codes[close] !== GREATER) return -1;
  if (schemeColon(codes, open + 1, close) < 0) return -1;
  span.uriStart = open + 1;
  span.uriEnd = close;
  return scanParameters(codes, close + 1, end);
}

/**
 * An addr-spec without brackets: its semicolons begin header parameters, and a comma or question mark would be
 * ambiguous, so the RFC demands brackets for those (RFC 3261 §20.10).
 */
function scanBare(codes: Codes, start: number, end: number): number {
  let i = start;
  while (i < end && isAt(codes, i, URI)) {
    const code = codes[i];
    if (code === SEMICOLON || code === COMMA) break;
    if (code === QUESTION) return -1;
    i += 1;
  }
  if (schemeColon(codes, start, i) < 0) return -1;
  span.uriStart = start;
  span.uriEnd = i;
  return scanParameters(codes, i, end);
}

/** Whether a span holds exactly one address. When it does, `scannedTag` of the same text may follow. */
export function isAddress(codes: Codes, start: number, end: number): boolean {
  return scanAddress(codes, start, end) === end;
}

/** The tag of the address scanned last; null when absent. A flag without value counts as absent. */
export function scannedTag(codes: Codes, text: string): string | null {
  return scannedParameter(codes, text, 'tag') ?? null;
}

/** Whether a span holds a comma-separated list of addresses without empty elements, or `*` alone (Contact). */
export function isAddressList(codes: Codes, start: number, end: number): boolean {
  if (end - start === 1 && codes[start] === ASTERISK) return true;
  let at = start;
  for (;;) {
    at = scanAddress(codes, at, end);
    if (at === end) return true;
    if (at < 0 || codes[at] !== COMMA) return false;
    at += 1;
  }
}

/** One address out of `text`. Its parameters are read when first asked for: of most only the tag is of interest. */
class ReadAddress implements NameAddr {
  readonly display: string | null;
  readonly uri: string;
  readonly tag: string | null;
  readonly #text: string;
  readonly #start: number;
  #params: Params | null = null;

  /** Takes what scanAddress has just found in `codes`, which hold `text`, from `start` on. */
  constructor(codes: Codes, text: string, start: number) {
    this.display =
      span.displayStart < 0 ? null : unquoted(text.slice(span.displayStart, span.displayEnd));
    this.uri = text.slice(span.uriStart, span.uriEnd);
    this.tag = scannedTag(codes, text);
    this.#text = text;
    this.#start = start;
  }

  get params(): Params {
    this.#params ??= readParams(this.#text, this.#start);
    return this.#params;
  }
}

function readParams(text: string, start: number): Params {
  const codes = codesOf(text);
  if (codes === null || scanAddress(codes, start, text.length) < 0) return NONE;
  return scannedParameters(text);
}

const NONE: Params = new Map();

/**
 * Reads one name-addr or addr-spec with its header parameters.
 * @param text as a header of a parsed message gives it. Errors: MESSAGE_MALFORMED.
 */
export function parseNameAddr(text: string): Result<NameAddr, CodedError> {
  const codes = codesOf(text);
  if (codes !== null && isAddress(codes, 0, text.length))
    return ok(new ReadAddress(codes, text, 0));
  return err({
    code: 'MESSAGE_MALFORMED',
    message: 'An address is neither a name-addr nor an addr-spec',
  });
}

/** Reads a list that the guard has accepted; `*` gives one address with the URI `*`. */
export function readAddressList(value: string): NameAddr[] {
  if (value === '*') return [{ display: null, uri: '*', params: NONE, tag: null }];
  const codes = codesOf(value);
  const addresses: NameAddr[] = [];
  let start = 0;
  while (codes !== null && start < value.length) {
    const end = scanAddress(codes, start, value.length);
    if (end < 0) break;
    addresses.push(new ReadAddress(codes, value, start));
    start = end + 1;
  }
  return addresses;
}
