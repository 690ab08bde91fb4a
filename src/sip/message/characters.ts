// Character classes of RFC 3261 §25.1 as one table, and the few comparisons that readers of canonical text share.

/** Bits per character code 0 to 255. */
export const TOKEN = 1;
/** Digits. */
export const DIGIT = 2;
/** May stand unquoted in a parameter's value: token, host and what real equipment adds to them. */
export const VALUE = 4;
/** May stand in a URI (reserved, unreserved, escapes and IPv6 brackets). */
export const URI = 8;
/** Controls other than CR, LF and tab: never legal outside a quoted-pair, and refused even there. */
export const CONTROL = 16;
/** Needs a look while a header value is scanned: space, tab, CR, LF, semicolon and the controls. */
export const LOOK = 32;
/** May stand in a Call-ID (`word`, and the @ between two). */
export const WORD = 64;
/** Letters, digits, dot, hyphen, underscore: a host name or IPv4 address as written. */
export const HOST = 128;

const TOKEN_MARKS = "-.!%*_+`'~";
const URI_MARKS = "-_.!~*'();/?:@&=+$,%[]#|^{}`\\";

function classTable(): Uint8Array {
  const table = new Uint8Array(256);
  const add = (text: string, bits: number): void => {
    for (let i = 0; i < text.length; i += 1)
      table[text.charCodeAt(i)] = (table[text.charCodeAt(i)] ?? 0) | bits;
  };
  const digits = '0123456789';
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const alphanumeric = digits + letters + letters.toUpperCase();
  add(alphanumeric, TOKEN | VALUE | URI | WORD | HOST);
  add(digits, DIGIT);
  add(TOKEN_MARKS, TOKEN | VALUE | WORD);
  add('[]:/@$&?()|{}^#=', VALUE);
  add(URI_MARKS, URI);
  add('()<>:\\"/[]?{}@', WORD);
  add('-._', HOST);
  add(' \t\r\n;', LOOK);
  for (let code = 0; code < 256; code += 1) {
    const control = code < 0x20 || code === 0x7f;
    if (control && code !== 0x09 && code !== 0x0a && code !== 0x0d) table[code] = CONTROL | LOOK;
  }
  return table;
}

/**
 * Text under scan, one character code a byte. Scanning goes over bytes because an element of a typed array costs a
 * third of String.charCodeAt; a string of the same text, where positions are equal, serves for cutting.
 */
export type Codes = Readonly<Uint8Array>;

/** The class bits of each character code. */
export const CLASS: Readonly<Uint8Array> = classTable();

export const SPACE = 0x20;
export const TAB = 0x09;
export const CR = 0x0d;
export const LF = 0x0a;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const COMMA = 0x2c;
export const EQUALS = 0x3d;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const LESS = 0x3c;
export const GREATER = 0x3e;

/** Whether the code at `at` has one of the class bits; false past the end. */
export function isAt(codes: Codes, at: number, bits: number): boolean {
  return ((CLASS[codes[at] ?? 0] ?? 0) & bits) !== 0;
}

/** First position from `at` on whose character lacks all class bits; at most `end`. */
export function skipClass(codes: Codes, at: number, end: number, bits: number): number {
  const table = CLASS;
  let i = at;
  while (i < end && ((table[codes[i] ?? 0] ?? 0) & bits) !== 0) i += 1;
  return i;
}

/** First position from `at` on that isn't a space; at most `end`. */
export function skipSpaces(codes: Codes, at: number, end: number): number {
  let i = at;
  while (i < end && codes[i] === SPACE) i += 1;
  return i;
}

/**
 * Whether the token at `start` equals a name, any case. Only for spans checked to be tokens: among those the case
 * bit makes no two different characters equal, among others it would.
 */
export function tokenEquals(codes: Codes, start: number, end: number, lowerName: string): boolean {
  const length = lowerName.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i += 1) {
    if (((codes[start + i] ?? 0) | 0x20) !== (lowerName.charCodeAt(i) | 0x20)) return false;
  }
  return true;
}

/**
 * Position after a quoted-string that starts at `at`; -1 when it isn't closed before `end`.
 * RFC 3261 §25.1 quoted-string with quoted-pairs.
 */
export function skipQuoted(codes: Codes, at: number, end: number): number {
  for (let i = at + 1; i < end; i += 1) {
    const code = codes[i];
    if (code === BACKSLASH) i += 1;
    else if (code === QUOTE) return i + 1;
  }
  return -1;
}

/** A decimal number written with digits only; -1 when it isn't one or exceeds `max`. Leading zeros are legal. */
export function readNumber(codes: Codes, start: number, end: number, max: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i += 1) {
    const digit = (codes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > max) return -1;
  }
  return value;
}

/** Whether text is a run of one or more characters of a class. */
export function isAllOf(text: string, bits: number): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff || ((CLASS[code] ?? 0) & bits) === 0) return false;
  }
  return text !== '';
}

/** Where codesOf puts its text. Values are short and read one at a time, so one place serves all and nothing is allocated. */
let scratch = new Uint8Array(8_192);

/**
 * The codes of latin1 text, from 0 to its length and a NUL behind; valid until the next call. Null when a character lies
 * beyond latin1 and so can't have come from the wire.
 */
export function codesOf(text: string): Codes | null {
  const { length } = text;
  if (length >= scratch.length) scratch = new Uint8Array(2 * length);
  const codes = scratch;
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return null;
    codes[i] = code;
  }
  codes[length] = 0;
  return codes;
}

/**
 * Names that no header and no parameter may have: as keys of a plain object they reach its prototype.
 * Not of any RFC, so nothing legitimate is lost.
 */
export const FORBIDDEN_NAMES: ReadonlySet<string> = new Set([
  '__proto__',
  'prototype',
  'constructor',
]);

/** Whether the token at a span is one of FORBIDDEN_NAMES, in any case. */
export function isForbiddenName(codes: Codes, start: number, end: number): boolean {
  const length = end - start;
  if (length === 9)
    return (
      tokenEquals(codes, start, end, 'prototype') || tokenEquals(codes, start, end, '__proto__')
    );
  return length === 11 && tokenEquals(codes, start, end, 'constructor');
}
