// Reads the start line exactly: single spaces, an unescaped method token, a URI without white space. RFC 3261 §7.1, §7.2.
import type { ErrorCode } from '../../base/index.ts';
import { CONTROL, DIGIT, SPACE, TOKEN, URI, isAt, readNumber, skipClass } from './characters.ts';
import type { StartLine } from './index-message.ts';

export interface StartLineResult {
  /** What could be read; a request whose line is broken has its method, as far as it is a token, and an empty URI. */
  readonly line: StartLine;
  readonly code: ErrorCode | null;
  readonly message: string;
}

const GOOD = { code: null, message: '' } as const;

/** Reads the line from 0 to `end`, without its CRLF. A line that starts with `SIP/` is a response's. */
export function readStartLine(text: string, end: number): StartLineResult {
  return isVersionAt(text, 0) ? readStatusLine(text, end) : readRequestLine(text, end);
}

/** `SIP/` in any case (§7.1), followed by a digit. */
function isVersionAt(text: string, at: number): boolean {
  return (
    (text.charCodeAt(at) | 0x20) === 0x73 &&
    (text.charCodeAt(at + 1) | 0x20) === 0x69 &&
    (text.charCodeAt(at + 2) | 0x20) === 0x70 &&
    text.charCodeAt(at + 3) === 0x2f &&
    isAt(text, at + 4, DIGIT)
  );
}

/** `2.0` exactly. */
function isTwoZero(text: string, at: number): boolean {
  return text.charCodeAt(at) === 0x32 && text.charCodeAt(at + 1) === 0x2e && text.charCodeAt(at + 2) === 0x30;
}

function readRequestLine(text: string, end: number): StartLineResult {
  const methodEnd = skipClass(text, 0, end, TOKEN);
  const method = text.slice(0, methodEnd);
  const broken = (code: ErrorCode, message: string): StartLineResult => ({
    line: { kind: 'request', method, uri: '' },
    code,
    message,
  });
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SPACE) {
    return broken('MESSAGE_MALFORMED', 'The start line has no method token');
  }
  const uriEnd = skipClass(text, methodEnd + 1, end, URI);
  if (uriEnd === methodEnd + 1 || text.charCodeAt(uriEnd) !== SPACE || uriEnd >= end) {
    return broken('MESSAGE_MALFORMED', 'The start line is not method, URI and version parted by single spaces');
  }
  if (!isVersionAt(text, uriEnd + 1)) return broken('MESSAGE_MALFORMED', 'The start line has no SIP version');
  if (end !== uriEnd + 8 || !isTwoZero(text, uriEnd + 5)) {
    const isVersion = /^\d+\.\d+$/.test(text.slice(uriEnd + 5, end));
    return isVersion
      ? broken('VERSION_UNSUPPORTED', 'Only SIP/2.0 is spoken')
      : broken('MESSAGE_MALFORMED', 'The start line does not end with the version');
  }
  return { line: { kind: 'request', method, uri: text.slice(methodEnd + 1, uriEnd) }, ...GOOD };
}

function readStatusLine(text: string, end: number): StartLineResult {
  const statusEnd = 11;
  const status = readNumber(text, 8, Math.min(statusEnd, end), 699);
  // The space behind the status is demanded by §25.1, but peers with an empty reason leave it out.
  const isParted = end === statusEnd || text.charCodeAt(statusEnd) === SPACE;
  const reason = text.slice(statusEnd + 1, end).replaceAll('\t', ' ');
  const line: StartLine = { kind: 'response', status: Math.max(status, 0), reason };
  if (!isTwoZero(text, 4) || text.charCodeAt(7) !== SPACE) {
    return { line, code: 'VERSION_UNSUPPORTED', message: 'Only SIP/2.0 is spoken' };
  }
  if (end < statusEnd || status < 100 || !isParted || hasControl(reason)) {
    return { line, code: 'MESSAGE_MALFORMED', message: 'The status line is malformed' };
  }
  return { line, ...GOOD };
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (isAt(text, i, CONTROL) || text.charCodeAt(i) === 0x0d || text.charCodeAt(i) === 0x0a) return true;
  }
  return false;
}
