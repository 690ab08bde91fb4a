// Reads the start line exactly: single spaces, an unescaped method token, a URI without white space. RFC 3261 §7.1, §7.2.
import type { ErrorCode } from '../../base/index.ts';
import {
  CONTROL,
  CR,
  DIGIT,
  LF,
  SPACE,
  TOKEN,
  URI,
  isAt,
  readNumber,
  skipClass,
} from './characters.ts';
import type { Codes } from './characters.ts';
import type { StartLine } from './index-message.ts';

export interface StartLineResult {
  /** What could be read; a request whose line is broken has its method, as far as it is a token, and an empty URI. */
  readonly line: StartLine;
  readonly code: ErrorCode | null;
  readonly message: string;
}

function broken(method: string, code: ErrorCode, message: string): StartLineResult {
  return { line: { kind: 'request', method, uri: '' }, code, message };
}

/** Reads the line from 0 to `end`, without its CRLF. A line that starts with `SIP/` is a response's. */
export function readStartLine(codes: Codes, text: string, end: number): StartLineResult {
  return isVersionAt(codes, 0)
    ? readStatusLine(codes, text, end)
    : readRequestLine(codes, text, end);
}

/** `SIP/` in any case (§7.1), followed by a digit. */
function isVersionAt(codes: Codes, at: number): boolean {
  return (
    ((codes[at] ?? 0) | 0x20) === 0x73 &&
    ((codes[at + 1] ?? 0) | 0x20) === 0x69 &&
    ((codes[at + 2] ?? 0) | 0x20) === 0x70 &&
    codes[at + 3] === 0x2f &&
    isAt(codes, at + 4, DIGIT)
  );
}

/** `2.0` exactly. */
function isTwoZero(codes: Codes, at: number): boolean {
  return codes[at] === 0x32 && codes[at + 1] === 0x2e && codes[at + 2] === 0x30;
}

function readRequestLine(codes: Codes, text: string, end: number): StartLineResult {
  const methodEnd = skipClass(codes, 0, end, TOKEN);
  const method = text.slice(0, methodEnd);
  if (methodEnd === 0 || codes[methodEnd] !== SPACE) {
    return broken(method, 'MESSAGE_MALFORMED', 'The start line has no method token');
  }
  const uriEnd = skipClass(codes, methodEnd + 1, end, URI);
  if (uriEnd === methodEnd + 1 || codes[uriEnd] !== SPACE || uriEnd >= end) {
    return broken(
      method,
      'MESSAGE_MALFORMED',
      'The start line is not method, URI and version parted by single spaces',
    );
  }
  if (!isVersionAt(codes, uriEnd + 1))
    return broken(method, 'MESSAGE_MALFORMED', 'The start line has no SIP version');
  if (end !== uriEnd + 8 || !isTwoZero(codes, uriEnd + 5)) {
    const isVersion = /^\d+\.\d+$/.test(text.slice(uriEnd + 5, end));
    return isVersion
      ? broken(method, 'VERSION_UNSUPPORTED', 'Only SIP/2.0 is spoken')
      : broken(method, 'MESSAGE_MALFORMED', 'The start line does not end with the version');
  }
  return {
    line: { kind: 'request', method, uri: text.slice(methodEnd + 1, uriEnd) },
    code: null,
    message: '',
  };
}

function readStatusLine(codes: Codes, text: string, end: number): StartLineResult {
  const statusEnd = 11;
  const status = readNumber(codes, 8, Math.min(statusEnd, end), 699);
  // The space behind the status is demanded by §25.1, but peers with an empty reason leave it out.
  const isParted = end === statusEnd || codes[statusEnd] === SPACE;
  const reason = text.slice(statusEnd + 1, end).replaceAll('\t', ' ');
  const line: StartLine = { kind: 'response', status: Math.max(status, 0), reason };
  if (!isTwoZero(codes, 4) || codes[7] !== SPACE) {
    return { line, code: 'VERSION_UNSUPPORTED', message: 'Only SIP/2.0 is spoken' };
  }
  if (end < statusEnd || status < 100 || !isParted || hasControl(codes, statusEnd, end)) {
    return { line, code: 'MESSAGE_MALFORMED', message: 'The status line is malformed' };
  }
  return { line, code: null, message: '' };
}

function hasControl(codes: Codes, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) {
    if (isAt(codes, i, CONTROL) || codes[i] === CR || codes[i] === LF) return true;
  }
  return false;
}
