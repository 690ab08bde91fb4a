// Reads URIs of any scheme in linear time: the forms the `sip` package can't (IPv6, tel, urn, capitals), and the check
// that the guard makes of a Request-URI. RFC 3261 §19.1, RFC 3966, RFC 5118 §4.
import type { SipUri } from '../types.ts';
import {
  COLON,
  FORBIDDEN_NAMES,
  TOKEN,
  URI,
  codesOf,
  readNumber,
  skipClass,
} from './characters.ts';
import type { Codes } from './characters.ts';
import { schemeColon } from './parameters.ts';
import { hostText, skipHost } from './via.ts';

/** Whether a scheme names a URI with the user@host form. */
export function isSipScheme(scheme: string): boolean {
  return scheme === 'sip' || scheme === 'sips';
}

/**
 * What is wrong with a Request-URI; null when nothing. URIs of other schemes than sip, sips and tel only need a scheme
 * and something behind it. Headers (`?Route=…`) have no place in a Request-URI (RFC 3261 §19.1.1, table 1).
 */
export function checkRequestUri(text: string): string | null {
  const read = readUri(text);
  if (typeof read === 'string') return read;
  return isSipScheme(read.scheme) && text.includes('?', text.indexOf('@') + 1)
    ? 'The Request-URI carries headers'
    : null;
}

/**
 * Reads a URI.
 * @returns the URI, or the sentence that says what is wrong.
 */
export function readUri(text: string): SipUri | string {
  const codes = codesOf(text);
  return codes === null ? BAD_CHARACTER : readUriCodes(codes, text);
}

const BAD_CHARACTER = 'The URI has a character that no URI may have';

function readUriCodes(codes: Codes, text: string): SipUri | string {
  if (skipClass(codes, 0, text.length, URI) !== text.length) return BAD_CHARACTER;
  const colon = schemeColon(codes, 0, text.length);
  if (colon < 0 || colon + 1 >= text.length) return 'The URI has no scheme';
  const scheme = text.slice(0, colon).toLowerCase();
  if (isSipScheme(scheme)) return readSipUri(codes, text, scheme, colon + 1);
  if (scheme === 'tel') return readTelUri(text, colon + 1);
  return { scheme, user: null, password: null, host: '', port: null, params: new Map(), text };
}

/** `sip:user:password@host:port;params?headers` (RFC 3261 §19.1.1). */
function readSipUri(codes: Codes, text: string, scheme: string, start: number): SipUri | string {
  const userEnd = text.indexOf('@', start);
  let user: string | null = null;
  let password: string | null = null;
  let at = start;
  if (userEnd >= 0) {
    // An @ elsewhere must be escaped; with two, readers disagree on which host is meant.
    if (userEnd === start || text.indexOf('@', userEnd + 1) >= 0)
      return 'The URI’s user part is malformed';
    const colon = text.indexOf(':', start);
    const hasPassword = colon >= 0 && colon < userEnd;
    if (hasPassword && colon === start) return 'The URI’s user part is malformed';
    user = text.slice(start, hasPassword ? colon : userEnd);
    password = hasPassword ? text.slice(colon + 1, userEnd) : null;
    at = userEnd + 1;
  }
  const hostEnd = skipHost(codes, at, text.length);
  if (hostEnd < 0) return 'The URI’s host is malformed';
  const host = hostText(text.slice(at, hostEnd));
  let port: number | null = null;
  at = hostEnd;
  if (codes[at] === COLON) {
    const portEnd = skipClass(codes, at + 1, text.length, TOKEN);
    port = readNumber(codes, at + 1, portEnd, 65_535);
    if (port < 0) return 'The URI’s port is not from 0 to 65535';
    at = portEnd;
  }
  const params = readUriParams(text, at);
  return typeof params === 'string' ? params : { scheme, user, password, host, port, params, text };
}

/** The number stands in `user`, parameters as in sip: (RFC 3966 §3). */
function readTelUri(text: string, start: number): SipUri | string {
  const semicolon = text.indexOf(';', start);
  const end = semicolon < 0 ? text.length : semicolon;
  if (end === start) return 'The tel URI has no number';
  const params = readUriParams(text, end);
  if (typeof params === 'string') return params;
  return {
    scheme: 'tel',
    user: text.slice(start, end),
    password: null,
    host: '',
    port: null,
    params,
    text,
  };
}

const NONE: ReadonlyMap<string, string | null> = new Map();

/** Parameters from `at` up to `?`, where the URI's headers begin. Of a repeated name the first counts. */
function readUriParams(text: string, at: number): ReadonlyMap<string, string | null> | string {
  if (at === text.length) return NONE;
  const question = text.indexOf('?', at);
  const end = question < 0 ? text.length : question;
  if (at === end) return NONE;
  if (text[at] !== ';') return 'The URI’s host or port is malformed';
  const params = new Map<string, string | null>();
  for (const parameter of text.slice(at + 1, end).split(';')) {
    const equals = parameter.indexOf('=');
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    if (name === '' || FORBIDDEN_NAMES.has(name.toLowerCase()))
      return 'A parameter of the URI has no or a forbidden name';
    const key = name.toLowerCase();
    if (!params.has(key)) params.set(key, equals < 0 ? null : parameter.slice(equals + 1));
  }
  return params;
}
