// The one pass over a head: where each header's name and value stand, which header it is, and what breaks the form.
import {
  CLASS,
  COLON,
  CR,
  LF,
  LOOK,
  SEMICOLON,
  SPACE,
  TAB,
  TOKEN,
  isForbiddenName,
  skipClass,
} from './characters.ts';
import type { Codes } from './characters.ts';
import { ID_MAX, KIND_COUNT, guardedId, headerById } from './header-names.ts';
import type { KnownHeader } from './header-names.ts';
import { isInsideQuotes } from './parameters.ts';

/** Numbers per header in HeadScan.spans. */
export const SPAN_SIZE = 5;

/** Most headers a message may have; the head's other limits are checked by the guard. */
const HEADERS_MAX = 200;

/** Longest header line, name and value after unfolding, in bytes. */
const LINE_BYTES_MAX = 8_192;

export interface HeadScan {
  /** False when the head must be brought into canonical form first; everything else is then incomplete. */
  readonly isCanonical: boolean;
  /** Per header: name start, name end, value start, value end, id of a guarded header or 0. */
  readonly spans: readonly number[];
  /** Position in `spans` of the first header of each kind; -1 without one. */
  readonly firstOf: readonly number[];
  /** Where the first header line starts. */
  readonly headersStart: number;
  /** The first break met; null when none. */
  readonly problem: string | null;
  /** A second one of a header that may appear once. */
  readonly repeated: KnownHeader | null;
}

// The state of the scan under way. One head is scanned at a time, and the result is copied out at its end, so that
// a scan allocates nothing per header.
const spans = new Array<number>(HEADERS_MAX * SPAN_SIZE).fill(0);
const firstOf = new Array<number>(KIND_COUNT).fill(-1);
/** Which scan last met the header of an id: saves clearing. */
const metInScan = new Float64Array(ID_MAX + 1);
/** Forbidden names met inside quotes: looking back for the quote costs a line each time, so few are looked at. */
const SUSPECTS_MAX = 8;
let suspects = 0;
let scanNumber = 0;
let spansLength = 0;
let isCanonical = true;
let problem: string | null = null;
let repeated: KnownHeader | null = null;

/**
 * Scans a head.
 * @param codes holds the head from 0 to `end`, each line ended by CRLF; what follows `end` is not read.
 * @param isRewritten true when it comes from canonicalHead: double spaces then stand in quoted strings only.
 */
export function scanHead(codes: Codes, end: number, isRewritten: boolean): HeadScan {
  scanNumber += 1;
  spansLength = 0;
  isCanonical = true;
  problem = null;
  repeated = null;
  suspects = 0;
  firstOf.fill(-1);
  // The start line's own characters are checked by whoever reads it.
  const headersStart = startLineEnd(codes, end) + 2;
  if (!isRewritten && isBlank(codes[headersStart])) isCanonical = false;
  let at = headersStart;
  while (isCanonical && at < end) at = scanLine(codes, at, end, isRewritten);
  return {
    isCanonical,
    spans: spans.slice(0, spansLength),
    firstOf: firstOf.slice(),
    headersStart,
    problem,
    repeated,
  };
}

function startLineEnd(codes: Codes, end: number): number {
  for (let i = 0; i < end; i += 1) {
    if (codes[i] === CR && codes[i + 1] === LF) return i;
  }
  return end;
}

function isBlank(code: number | undefined): boolean {
  return code === SPACE || code === TAB;
}

/** Scans one header line; gives the position of the next. Clears isCanonical when the head needs rewriting. */
function scanLine(codes: Codes, at: number, end: number, isRewritten: boolean): number {
  const table = CLASS;
  let nameEnd = at;
  while (((table[codes[nameEnd] ?? 0] ?? 0) & TOKEN) !== 0) nameEnd += 1;
  // A one-letter name may be a compact form; white space before the colon and lines without a colon are the
  // rewriter's too, which drops the latter with a problem.
  if (codes[nameEnd] !== COLON || nameEnd === at || (!isRewritten && nameEnd === at + 1)) {
    isCanonical = false;
    return end;
  }
  const valueStart = codes[nameEnd + 1] === SPACE ? nameEnd + 2 : nameEnd + 1;
  const next = scanValue(codes, valueStart, end, isRewritten);
  // A line that starts with white space continues this one.
  if (next < 0 || (next < end && isBlank(codes[next]))) {
    isCanonical = false;
    return end;
  }
  addHeader(codes, at, nameEnd, valueStart, next - 2);
  return next;
}

/** Position behind the value's CRLF, or -1 when the line needs rewriting. Looks at semicolons in passing. */
function scanValue(codes: Codes, start: number, end: number, isRewritten: boolean): number {
  // An empty value is written as "Name: " by the rewriter; any other value starts and ends without a space.
  if (!isRewritten && codes[start] === SPACE) return -1;
  // The table in a local: reading an import anew for each byte doubles the time of this loop, the hottest there is.
  const table = CLASS;
  for (let i = start; i < end; i += 1) {
    while (i < end && ((table[codes[i] ?? 0] ?? 0) & LOOK) === 0) i += 1;
    const code = codes[i] ?? 0;
    if (code === SPACE) {
      const next = codes[i + 1];
      if (!isRewritten && (next === SPACE || next === CR)) return -1;
    } else if (code === SEMICOLON) {
      if (startsForbiddenParameter(codes, start, i, end))
        problem ??= 'A parameter has a forbidden name';
    } else {
      // A tab, a stray LF or a control: for the rewriter, unless it is the line's CRLF.
      return code === CR && codes[i + 1] === LF && i + 1 < end ? i + 2 : -1;
    }
  }
  return -1;
}

/**
 * Whether the semicolon at `at` begins a parameter with a forbidden name, outside quotes. A generic check for headers
 * whose parameters the guard doesn't read one by one; nearly always ended by the first comparison.
 */
function startsForbiddenParameter(
  codes: Codes,
  valueStart: number,
  at: number,
  end: number,
): boolean {
  const nameStart = codes[at + 1] === SPACE ? at + 2 : at + 1;
  const first = (codes[nameStart] ?? 0) | 0x20;
  // c, p and _ (under the case bit), as the forbidden names begin.
  if (first !== 0x63 && first !== 0x70 && first !== 0x7f) return false;
  const nameEnd = skipClass(codes, nameStart, end, TOKEN);
  if (!isForbiddenName(codes, nameStart, nameEnd)) return false;
  suspects += 1;
  return suspects > SUSPECTS_MAX || !isInsideQuotes(codes, valueStart, at);
}

function addHeader(
  codes: Codes,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
): void {
  const spanAt = spansLength;
  if (spanAt === spans.length) {
    problem ??= `More than ${HEADERS_MAX} headers`;
    return;
  }
  if (valueEnd - nameStart > LINE_BYTES_MAX)
    problem ??= `A header line is longer than ${LINE_BYTES_MAX} bytes`;
  if (isForbiddenName(codes, nameStart, nameEnd)) {
    problem ??= 'A header has a forbidden name';
    return;
  }
  const id = guardedId(codes, nameStart, nameEnd);
  spans[spanAt] = nameStart;
  spans[spanAt + 1] = nameEnd;
  spans[spanAt + 2] = valueStart;
  spans[spanAt + 3] = valueEnd;
  spans[spanAt + 4] = id;
  spansLength += SPAN_SIZE;
  if (id === 0) return;
  const header = headerById(id);
  if (header === undefined) return;
  if (metInScan[id] === scanNumber) {
    if (header.single) repeated ??= header;
    return;
  }
  metInScan[id] = scanNumber;
  firstOf[header.kind] = spanAt;
}
