// Reads `;name=value` parameters of canonical text in linear time, without cutting strings that nobody asks for.
import {
  BACKSLASH, CLASS, COLON, EQUALS, QUOTE, SEMICOLON, SPACE, TOKEN, VALUE,
  isForbiddenName, skipClass, skipQuoted, skipSpaces, tokenEquals,
} from './characters.ts';

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
export function scanParameters(text: string, at: number, end: number): number {
  count = 0;
  let i = skipSpaces(text, at, end);
  while (i < end && text.charCodeAt(i) === SEMICOLON) {
    const nameStart = skipSpaces(text, i + 1, end);
    const nameEnd = skipClass(text, nameStart, end, TOKEN);
    if (nameEnd === nameStart || count === PARAMETERS_MAX || isForbiddenName(text, nameStart, nameEnd)) return -1;
    if (isRepeated(text, nameStart, nameEnd)) return -1;
    i = skipSpaces(text, nameEnd, end);
    let valueStart = -1;
    let valueEnd = -1;
    if (i < end && text.charCodeAt(i) === EQUALS) {
      valueStart = skipSpaces(text, i + 1, end);
      valueEnd = skipValue(text, valueStart, end);
      if (valueEnd <= valueStart) return -1;
      i = skipSpaces(text, valueEnd, end);
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

/** The end of a quoted-string or of a run of value characters; bytes of UTF-8 stand in quoted strings only. */
function skipValue(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === QUOTE) return skipQuoted(text, at, end);
  let i = at;
  while (i < end && ((CLASS[text.charCodeAt(i)] ?? 0) & VALUE) !== 0) i += 1;
  return i;
}

function isRepeated(text: string, start: number, end: number): boolean {
  for (let i = 0; i < count; i += 1) {
    const otherStart = spans[i * 4] ?? 0;
    const otherEnd = spans[i * 4 + 1] ?? 0;
    if (otherEnd - otherStart !== end - start) continue;
    let same = 0;
    while (same < end - start && (text.charCodeAt(start + same) | 0x20) === (text.charCodeAt(otherStart + same) | 0x20)) same += 1;
    if (same === end - start) return true;
  }
  return false;
}

/** Value of a parameter of the last scan, unquoted; null for a flag; undefined when absent. */
export function scannedParameter(text: string, lowerName: string): string | null | undefined {
  for (let i = 0; i < count; i += 1) {
    if (tokenEquals(text, spans[i * 4] ?? 0, spans[i * 4 + 1] ?? 0, lowerName)) return valueAt(text, i);
  }
  return undefined;
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
export function scannedParametersText(text: string, without: readonly string[]): string {
  let kept = '';
  for (let i = 0; i < count; i += 1) {
    const nameStart = spans[i * 4] ?? 0;
    const nameEnd = spans[i * 4 + 1] ?? 0;
    if (without.some((name) => tokenEquals(text, nameStart, nameEnd, name))) continue;
    const valueStart = spans[i * 4 + 2] ?? -1;
    kept += `;${text.slice(nameStart, nameEnd)}`;
    if (valueStart >= 0) kept += `=${text.slice(valueStart, spans[i * 4 + 3])}`;
  }
  return kept;
}

function valueAt(text: string, index: number): string | null {
  const start = spans[index * 4 + 2] ?? -1;
  const end = spans[index * 4 + 3] ?? -1;
  if (start < 0) return null;
  return text.charCodeAt(start) === QUOTE ? unquoted(text.slice(start, end)) : text.slice(start, end);
}

/** The text inside a quoted-string, quoted-pairs resolved. Text that isn't quoted comes back as it is. */
export function unquoted(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== QUOTE || text.charCodeAt(text.length - 1) !== QUOTE) return text;
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

/**
 * Splits a value at its top-level commas: those outside quoted strings and angle brackets.
 * @returns trimmed elements, without empty ones.
 */
export function splitList(value: string): string[] {
  if (!value.includes(',')) return value === '' ? [] : [value];
  const elements: string[] = [];
  let start = 0;
  let bracketed = false;
  const take = (end: number): void => {
    const from = skipSpaces(value, start, end);
    let to = end;
    while (to > from && value.charCodeAt(to - 1) === SPACE) to -= 1;
    if (to > from) elements.push(value.slice(from, to));
    start = end + 1;
  };
  for (let i = 0; i < value.length; i += 1) {
    const character = value[i];
    if (character === '"' && !bracketed) {
      const after = skipQuoted(value, i, value.length);
      if (after < 0) break;
      i = after - 1;
    } else if (character === '<') bracketed = true;
    else if (character === '>') bracketed = false;
    else if (character === ',' && !bracketed) take(i);
  }
  take(value.length);
  return elements;
}

/** Whether quotes and angle brackets of a value come in pairs. */
export function isBalanced(text: string, start: number, end: number): boolean {
  let bracketed = false;
  for (let i = start; i < end; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE && !bracketed) {
      i = skipQuoted(text, i, end) - 1;
      if (i < 0) return false;
    } else if (code === 0x3c) {
      if (bracketed) return false;
      bracketed = true;
    } else if (code === 0x3e) {
      if (!bracketed) return false;
      bracketed = false;
    }
  }
  return !bracketed;
}

/** Whether `at` lies inside a quoted string of the value that starts at `start`. */
export function isInsideQuotes(text: string, start: number, at: number): boolean {
  let inside = false;
  for (let i = start; i < at; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) inside = !inside;
    else if (code === BACKSLASH && inside) i += 1;
  }
  return inside;
}

/** The position of the colon behind a scheme at `start`, or -1 (RFC 3986 §3.1). */
export function schemeColon(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start) | 0x20;
  if (first < 0x61 || first > 0x7a) return -1;
  for (let i = start + 1; i < end; i += 1) {
    const code = text.charCodeAt(i);
    if (code === COLON) return i;
    const lower = code | 0x20;
    const legal = (lower >= 0x61 && lower <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e;
    if (!legal) return -1;
  }
  return -1;
}
