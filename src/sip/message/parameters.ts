// Reads `;name=value` parameters of canonical text in linear time, without cutting strings that nobody asks for.
import {
  BACKSLASH,
  COLON,
  COMMA,
  EQUALS,
  GREATER,
  LESS,
  QUOTE,
  SEMICOLON,
  SPACE,
  TOKEN,
  VALUE,
  isForbiddenName,
  skipClass,
  skipQuoted,
  skipSpaces,
  tokenEquals,
} from './characters.ts';
import type { Codes } from './characters.ts';

/** More than any standard needs; keeps the check for repeated names short. */
const PARAMETERS_MAX = 64;

/** Spans of the last value's parameters: name start, name end, value start, value end (-1, -1 for a flag). */
const spans = new Int32Array(PARAMETERS_MAX * 4);
let count = 0;

/**
 * Scans parameters from `at` (spaces, semicolon, …) and remembers them until the next call.
 * Refuses empty and forbidden names, empty values, and repeated names (RFC 3261 §7.3.1).
 * @returns the position behind the last parameter and its spaces, or -1 when one is malformed.
 */
export function scanParameters(codes: Codes, at: number, end: number): number {
  count = 0;
  let i = skipSpaces(codes, at, end);
  while (i < end && codes[i] === SEMICOLON) {
    const nameStart = skipSpaces(codes, i + 1, end);
    const nameEnd = skipClass(codes, nameStart, end, TOKEN);
    if (
      nameEnd === nameStart ||
      count === PARAMETERS_MAX ||
      isForbiddenName(codes, nameStart, nameEnd)
    )
      return -1;
    if (isRepeated(codes, nameStart, nameEnd)) return -1;
    i = skipSpaces(codes, nameEnd, end);
    let valueStart = -1;
    let valueEnd = -1;
    if (i < end && codes[i] === EQUALS) {
      valueStart = skipSpaces(codes, i + 1, end);
      valueEnd =
        codes[valueStart] === QUOTE
          ? skipQuoted(codes, valueStart, end)
          : skipClass(codes, valueStart, end, VALUE);
      if (valueEnd <= valueStart) return -1;
      i = skipSpaces(codes, valueEnd, end);
    }
    const base = count * 4;
    spans[base] = nameStart;
    spans[base + 1] = nameEnd;
    spans[base + 2] = valueStart;
    spans[base + 3] = valueEnd;
    count += 1;
  }
  return i;
}

function isRepeated(codes: Codes, start: number, end: number): boolean {
  for (let i = 0; i < count; i += 1) {
    const otherStart = spans[i * 4] ?? 0;
    const otherEnd = spans[i * 4 + 1] ?? 0;
    if (otherEnd - otherStart !== end - start) continue;
    let same = 0;
    while (
      same < end - start &&
      ((codes[start + same] ?? 0) | 0x20) === ((codes[otherStart + same] ?? 0) | 0x20)
    )
      same += 1;
    if (same === end - start) return true;
  }
  return false;
}

/** Value of a parameter of the last scan, unquoted, cut from `text`; null for a flag; undefined when absent. */
export function scannedParameter(
  codes: Codes,
  text: string,
  lowerName: string,
): string | null | undefined {
  for (let i = 0; i < count; i += 1) {
    if (tokenEquals(codes, spans[i * 4] ?? 0, spans[i * 4 + 1] ?? 0, lowerName))
      return valueAt(text, i);
  }
  return undefined;
}

/** Whether a parameter of the last scan has a quoted string where its value stands. */
export function isScannedQuoted(codes: Codes, lowerName: string): boolean {
  for (let i = 0; i < count; i += 1) {
    const valueStart = spans[i * 4 + 2] ?? -1;
    if (tokenEquals(codes, spans[i * 4] ?? 0, spans[i * 4 + 1] ?? 0, lowerName))
      return valueStart >= 0 && codes[valueStart] === QUOTE;
  }
  return false;
}

const NONE: ReadonlyMap<string, string | null> = new Map();

/** All parameters of the last scan: lower-case names, values unquoted, null for flags. */
export function scannedParameters(text: string): ReadonlyMap<string, string | null> {
  if (count === 0) return NONE;
  const params = new Map<string, string | null>();
  for (let i = 0; i < count; i += 1) {
    params.set(text.slice(spans[i * 4], spans[i * 4 + 1]).toLowerCase(), valueAt(text, i));
  }
  return params;
}

/** The last scan's parameters as written, without those named. */
export function scannedParametersText(
  codes: Codes,
  text: string,
  without: readonly string[],
): string {
  let kept = '';
  for (let i = 0; i < count; i += 1) {
    const nameStart = spans[i * 4] ?? 0;
    const nameEnd = spans[i * 4 + 1] ?? 0;
    if (without.some((name) => tokenEquals(codes, nameStart, nameEnd, name))) continue;
    const valueStart = spans[i * 4 + 2] ?? -1;
    kept += `;${text.slice(nameStart, nameEnd)}`;
    if (valueStart >= 0) kept += `=${text.slice(valueStart, spans[i * 4 + 3])}`;
  }
  return kept;
}

function valueAt(text: string, index: number): string | null {
  const start = spans[index * 4 + 2] ?? -1;
  return start < 0 ? null : unquoted(text.slice(start, spans[index * 4 + 3]));
}

/** The text inside a quoted-string, quoted-pairs resolved. Text that isn't quoted comes back as it is. */
export function unquoted(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== QUOTE || text.charCodeAt(text.length - 1) !== QUOTE)
    return text;
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

/**
 * Splits a value at its top-level commas: those outside quoted strings and angle brackets.
 * @returns trimmed elements, without empty ones.
 */
export function splitList(value: string): string[] {
  if (!value.includes(',')) return value === '' ? [] : [value];
  const codes = Buffer.from(value, 'latin1');
  const elements: string[] = [];
  let start = 0;
  let isBracketed = false;
  const take = (end: number): void => {
    const from = skipSpaces(codes, start, end);
    let to = end;
    while (to > from && codes[to - 1] === SPACE) to -= 1;
    if (to > from) elements.push(value.slice(from, to));
    start = end + 1;
  };
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i];
    if (code === QUOTE && !isBracketed) {
      const after = skipQuoted(codes, i, codes.length);
      if (after < 0) break;
      i = after - 1;
    } else if (code === LESS) isBracketed = true;
    else if (code === GREATER) isBracketed = false;
    else if (code === COMMA && !isBracketed) take(i);
  }
  take(codes.length);
  return elements;
}

/** Whether quotes and angle brackets of a value come in pairs. */
export function isBalanced(codes: Codes, start: number, end: number): boolean {
  let isBracketed = false;
  for (let i = start; i < end; i += 1) {
    const code = codes[i];
    if (code === QUOTE && !isBracketed) {
      const after = skipQuoted(codes, i, end);
      if (after < 0) return false;
      i = after - 1;
    } else if (code === LESS) {
      if (isBracketed) return false;
      isBracketed = true;
    } else if (code === GREATER) {
      if (!isBracketed) return false;
      isBracketed = false;
    }
  }
  return !isBracketed;
}

/** Whether `at` lies inside a quoted string of the value that starts at `start`. */
export function isInsideQuotes(codes: Codes, start: number, at: number): boolean {
  let isInside = false;
  for (let i = start; i < at; i += 1) {
    const code = codes[i];
    if (code === QUOTE) isInside = !isInside;
    else if (code === BACKSLASH && isInside) i += 1;
  }
  return isInside;
}

/** The position of the colon behind a scheme at `start`, or -1 (RFC 3986 §3.1). */
export function schemeColon(codes: Codes, start: number, end: number): number {
  const first = (codes[start] ?? 0) | 0x20;
  if (first < 0x61 || first > 0x7a) return -1;
  for (let i = start + 1; i < end; i += 1) {
    const code = codes[i] ?? 0;
    if (code === COLON) return i;
    const lower = code | 0x20;
    const isLegal =
      (lower >= 0x61 && lower <= 0x7a) ||
      (code >= 0x30 && code <= 0x39) ||
      code === 0x2b ||
      code === 0x2d ||
      code === 0x2e;
    if (!isLegal) return -1;
  }
  return -1;
}
