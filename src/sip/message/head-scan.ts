// The one pass over a head: where each header's name and value stand, what kind it is, and what breaks the form.
import { COLON, CONTROL, CR, LF, LOOK, SEMICOLON, SPACE, TAB, CLASS, TOKEN, isForbiddenName } from './characters.ts';
import { guardedHeader, KIND, KIND_COUNT } from './header-names.ts';
import type { KnownHeader } from './header-names.ts';
import { startsForbiddenParameter } from './name-addr.ts';

/** Numbers per header in HeadScan.spans. */
export const SPAN_SIZE = 5;

/** Most headers a message may have; the head's other limits are checked by the guard. */
export const HEADERS_MAX = 200;

/** Longest header line, name and value after unfolding, in bytes. */
export const LINE_BYTES_MAX = 8_192;

export interface HeadScan {
  /** False when the head must be brought into canonical form first; everything else is then incomplete. */
  readonly isCanonical: boolean;
  /** Per header: name start, name end, value start, value end, kind. */
  readonly spans: readonly number[];
  /** Position in `spans` of the first header of each kind; -1 without one. */
  readonly firstOf: readonly number[];
  /** Where the first header line starts. */
  readonly headersStart: number;
  /** The guarded headers met, by place in `spans`: those whose form the guard checks. */
  readonly guarded: readonly (readonly [spanAt: number, header: KnownHeader])[];
  /** The first break met; null when none. */
  readonly problem: string | null;
  /** A second one of a header that may appear once. */
  readonly repeated: KnownHeader | null;
}

interface MutableScan {
  isCanonical: boolean;
  spans: number[];
  firstOf: number[];
  headersStart: number;
  guarded: (readonly [number, KnownHeader])[];
  problem: string | null;
  repeated: KnownHeader | null;
}

/**
 * Scans a head.
 * @param text holds the head from 0 to `end`, each line ended by CRLF; what follows `end` is not read.
 * @param isRewritten true when `text` comes from canonicalHead: double spaces then stand in quoted strings only.
 */
export function scanHead(text: string, end: number, isRewritten: boolean): HeadScan {
  const scan: MutableScan = {
    isCanonical: true,
    spans: [],
    firstOf: new Array<number>(KIND_COUNT).fill(-1),
    headersStart: 0,
    guarded: [],
    problem: null,
    repeated: null,
  };
  // The start line's own characters are checked by whoever reads it.
  let at = text.indexOf('\r\n') + 2;
  scan.headersStart = at;
  if (!isRewritten && isBlank(text.charCodeAt(at))) scan.isCanonical = false;
  while (scan.isCanonical && at < end) at = scanLine(scan, text, at, end, isRewritten);
  return scan;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Scans one header line; gives the position of the next. Clears isCanonical when the head needs rewriting. */
function scanLine(scan: MutableScan, text: string, at: number, end: number, isRewritten: boolean): number {
  let nameEnd = at;
  while (((CLASS[text.charCodeAt(nameEnd)] ?? 0) & TOKEN) !== 0) nameEnd += 1;
  // A one-letter name may be a compact form; white space before the colon and lines without a colon are the
  // rewriter's too, which drops the latter with a problem.
  if (text.charCodeAt(nameEnd) !== COLON || nameEnd === at || (!isRewritten && nameEnd === at + 1)) {
    scan.isCanonical = false;
    return end;
  }
  const valueStart = text.charCodeAt(nameEnd + 1) === SPACE ? nameEnd + 2 : nameEnd + 1;
  const next = scanValue(scan, text, valueStart, end, isRewritten);
  // A line that starts with white space continues this one.
  if (next < 0 || (next < end && isBlank(text.charCodeAt(next)))) {
    scan.isCanonical = false;
    return end;
  }
  addHeader(scan, text, at, nameEnd, valueStart, next - 2);
  return next;
}

/** Position behind the value's CRLF, or -1 when the line needs rewriting. Looks at semicolons in passing. */
function scanValue(scan: MutableScan, text: string, start: number, end: number, isRewritten: boolean): number {
  // An empty value is written as "Name: " by the rewriter; any other value starts and ends without a space.
  if (!isRewritten && text.charCodeAt(start) === SPACE) return -1;
  for (let i = start; i < end; i += 1) {
    const code = text.charCodeAt(i);
    const bits = CLASS[code] ?? 0;
    if ((bits & LOOK) === 0) continue;
    if (code === SPACE) {
      const next = text.charCodeAt(i + 1);
      if (!isRewritten && (next === SPACE || next === CR)) return -1;
    } else if (code === SEMICOLON) {
      if (mayForbid(text, i) && startsForbiddenParameter(text, start, i)) {
        scan.problem ??= 'A parameter has a forbidden name';
      }
    } else if (code === CR) {
      return text.charCodeAt(i + 1) === LF && i + 1 < end ? i + 2 : -1;
    } else if (code === TAB || code === LF || (bits & CONTROL) !== 0) {
      return -1;
    }
  }
  return -1;
}

/** A cheap look at the letter behind a semicolon: c, p or _ as the forbidden names start. */
function mayForbid(text: string, semicolon: number): boolean {
  const first = text.charCodeAt(semicolon + 1);
  const code = (first === SPACE ? text.charCodeAt(semicolon + 2) : first) | 0x20;
  return code === 0x63 || code === 0x70 || code === 0x7f;
}

function addHeader(scan: MutableScan, text: string, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
  const spanAt = scan.spans.length;
  if (spanAt >= HEADERS_MAX * SPAN_SIZE) {
    scan.problem ??= `More than ${HEADERS_MAX} headers`;
    return;
  }
  if (valueEnd - nameStart > LINE_BYTES_MAX) scan.problem ??= `A header line is longer than ${LINE_BYTES_MAX} bytes`;
  if (isForbiddenName(text, nameStart, nameEnd)) {
    scan.problem ??= 'A header has a forbidden name';
    return;
  }
  const header = guardedHeader(text, nameStart, nameEnd);
  const kind = header === undefined ? KIND.other : header.kind;
  scan.spans.push(nameStart, nameEnd, valueStart, valueEnd, kind);
  if (header === undefined) return;
  if (header.single && scan.guarded.some(([, other]) => other === header)) scan.repeated ??= header;
  if (kind !== KIND.other && (scan.firstOf[kind] ?? -1) < 0) scan.firstOf[kind] = spanAt;
  scan.guarded.push([spanAt, header]);
}
