// The one file that knows the `sip` package: canonical text in, our types out, and back. The package reads the start
// line, From, To, Call-ID and CSeq and writes every message. What it gets wrong is laid over from our own readers:
// the method (it unescapes), Via lists and IPv6 hosts, tel:, urn: and capital SIP: URIs, address parameters, repeated
// headers, header-name spelling, the body and its length. It is shown only the headers whose reading is taken from
// it: some of its expressions are quadratic on others (Authorization, Contact), and the rest would be thrown away.
import { makeResponse, parse, parseUri as parsePlainUri, stringify } from 'sip';
import type { PackageAddress } from 'sip';
import { calculateDigest, kd } from 'sip/digest.js';
import { err, ok } from '../../base/index.ts';
import type { CodedError, HostPort, Result } from '../../base/index.ts';
import type {
  HeaderLines,
  NameAddr,
  OutgoingRequest,
  OutgoingResponse,
  SipMessage,
  SipUri,
} from '../types.ts';
import { knownHeader } from './header-names.ts';
import { safeText, writableToken, writableUri, writableValue } from './header-text.ts';
import type { AnswerHead, MessageIndex } from './index-message.ts';
import { parseNameAddr } from './name-addr.ts';
import { ParsedRequest, ParsedResponse } from './parsed-message.ts';
import { reasonPhrase } from './reason-phrases.ts';
import { isSipScheme, readUri } from './uri.ts';
import { viaLineWithSource } from './via.ts';

let parses = 0;

/** How many messages the package has parsed since the process started: a test sees that the main path uses it. */
export function parseCount(): number {
  return parses;
}

/**
 * Reads an indexed message whole. Guard and package must agree on what they both read, or the message is refused: a
 * message with two readings is how requests are smuggled.
 * @param index of verdict `ok` only.
 * @returns MESSAGE_MALFORMED when the two disagree or the Request-URI isn't one. Never throws.
 */
export function parseMessage(index: MessageIndex): Result<SipMessage, CodedError> {
  parses += 1;
  const message = parse(shownText(index));
  if (message === undefined) return malformed('The message has no readable start line');
  const from = agreedAddress(index.fromText, message.headers['from']);
  const to = agreedAddress(index.toText, message.headers['to']);
  if (from === null || to === null) return malformed('From or To has two readings');
  if (message.headers['call-id'] !== index.callId) return malformed('The Call-ID has two readings');
  if (sequenceNumber(message.headers['cseq']) !== index.cseq.number)
    return malformed('The CSeq has two readings');
  const line = index.startLine;
  if (line.kind === 'response') {
    if (message.status !== line.status) return malformed('The status line has two readings');
    return ok(new ParsedResponse(index, { from, to, status: line.status, reason: line.reason }));
  }
  if (message.uri !== line.uri) return malformed('The Request-URI has two readings');
  const uri = parseUri(line.uri);
  if (!uri.ok) return uri;
  return ok(new ParsedRequest(index, { from, to, method: line.method, uri: uri.value }));
}

function malformed(message: string): Result<never, CodedError> {
  return err({ code: 'MESSAGE_MALFORMED', message });
}

/** The text the package is given. The version is written anew: its case was checked by the guard. */
function shownText(index: MessageIndex): string {
  const line = index.startLine;
  const start =
    line.kind === 'request'
      ? `${line.method} ${line.uri} SIP/2.0`
      : `SIP/2.0 ${line.status} ${line.reason}`;
  return `${start}\r\nFrom: ${index.fromText}\r\nTo: ${index.toText}\r\nCall-ID: ${index.callId}\r\nCSeq: ${index.cseqText}\r\n\r\n`;
}

/** Our reading of an address when the package's URI is the same; its parameters lose IPv6 and what follows them. */
function agreedAddress(text: string, theirs: unknown): NameAddr | null {
  const ours = parseNameAddr(text);
  return ours.ok && isPackageAddress(theirs) && theirs.uri === ours.value.uri ? ours.value : null;
}

function isPackageAddress(value: unknown): value is PackageAddress {
  return (
    typeof value === 'object' && value !== null && 'uri' in value && typeof value.uri === 'string'
  );
}

function sequenceNumber(value: unknown): number | null {
  return typeof value === 'object' &&
    value !== null &&
    'seq' in value &&
    typeof value.seq === 'number'
    ? value.seq
    : null;
}

/**
 * Reads a URI of any scheme. For schemes other than sip, sips and tel only `scheme` and `text` are filled.
 * Errors: MESSAGE_MALFORMED, its message naming the part. Never throws; O(text).
 */
export function parseUri(text: string): Result<SipUri, CodedError> {
  const read = readUri(text);
  if (typeof read === 'string') return malformed(read);
  // The package knows lower-case sip: and sips: with a name or an IPv4 address; there the two must agree.
  if (isSipScheme(read.scheme) && text.startsWith(`${read.scheme}:`) && !read.host.includes(':')) {
    const theirs = parsePlainUri(text);
    if (
      theirs !== undefined &&
      (theirs.host.toLowerCase() !== read.host || (theirs.user ?? null) !== read.user)
    ) {
      return malformed('The URI has two readings');
    }
  }
  return ok(read);
}

/**
 * Writes a request: our Via first, the headers given in their order (repeats of one name together), Content-Length
 * last. Via and Content-Length among the headers are left out: they are the writer's.
 * @param via the value of our Via header, without its name.
 * @throws when a name, value or URI could break a line or the start line: a broken promise of our own code.
 */
export function writeRequest(request: OutgoingRequest, via: string): Buffer {
  const headers = new HeaderRecord();
  headers['Via'] = writableValue(via);
  addHeaders(headers, request.headers, REQUEST_OWN);
  const text = stringify({
    method: writableToken(request.method),
    uri: writableUri(request.uri),
    headers,
    content: contentText(request.body),
  });
  return Buffer.from(text, 'latin1');
}

/**
 * Writes the response to a request: Via, From, To, Call-ID and CSeq copied as the request had them, the To tag added,
 * Content-Length last.
 * @param to the request's index, or what keepAnswerHead kept of it.
 * @param source where the request came from: fills received and rport of the top Via (RFC 3261 §18.2.1, RFC 3581 §4).
 * @throws when a name or value could break a line: a broken promise of our own code.
 */
export function writeResponse(
  to: AnswerHead,
  response: OutgoingResponse,
  source: HostPort,
): Buffer {
  const extra = new HeaderRecord();
  addHeaders(extra, response.headers, RESPONSE_OWN);
  const tag =
    to.toTag === null && response.toTag !== null ? `;tag=${writableToken(response.toTag)}` : '';
  const space = to.cseqText.indexOf(' ');
  const message = makeResponse(
    {
      headers: {
        via: viaText(to.viaLines, source),
        from: to.fromText,
        to: `${to.toText}${tag}`,
        'call-id': to.callId,
        cseq: { seq: to.cseqText.slice(0, space), method: to.cseqText.slice(space + 1) },
      },
    },
    response.status,
    response.reason === null ? reasonPhrase(response.status) : writableValue(response.reason),
    { headers: extra, content: contentText(response.body) },
  );
  return Buffer.from(stringify(message), 'latin1');
}

/** The package writes one line a name, so further lines of a name are part of its value; all are checked before. */
function viaText(lines: readonly string[], source: HostPort): string {
  const [first = '', ...others] = lines;
  let text = viaLineWithSource(first, { host: safeText(source.host), port: source.port });
  for (const line of others) text += `\r\nVia: ${line}`;
  return text;
}

/**
 * Header values by name, inheriting nothing, so that no header name can reach a prototype. Unlike Object.create(null) it
 * begins with a shape of its own, which the engine reads and walks several times faster than a dictionary.
 */
class HeaderRecord {
  [name: string]: string;
}
Reflect.deleteProperty(HeaderRecord.prototype, 'constructor');
Object.setPrototypeOf(HeaderRecord.prototype, null);

const REQUEST_OWN: readonly string[] = ['Via', 'Content-Length'];
const RESPONSE_OWN: readonly string[] = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Content-Length'];

function addHeaders(headers: HeaderRecord, lines: HeaderLines, own: readonly string[]): void {
  for (const [name, value] of lines) {
    const spelt = knownHeader(name)?.name ?? writableToken(name);
    if (own.includes(spelt)) continue;
    const written = headers[spelt];
    const text = writableValue(value);
    headers[spelt] = written === undefined ? text : `${written}\r\n${spelt}: ${text}`;
  }
}

/** The package counts characters: latin1 makes them bytes. */
function contentText(body: Buffer | null): string {
  return body === null ? '' : body.toString('latin1');
}

/** MD5 of parts joined with colons, lower-case hex (RFC 7616 KD and H of digest). */
export function md5OfParts(parts: readonly string[]): string {
  return kd(...parts);
}

/** The MD5 response of digest for qop=auth, or of RFC 2069 without qop. */
export function md5Response(facts: {
  readonly ha1: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly auth: { readonly nc: string; readonly cnonce: string } | null;
}): string {
  const { ha1, method, uri, nonce, auth } = facts;
  const base = { ha1, method, uri, nonce };
  return calculateDigest(
    auth === null ? base : { ...base, nc: auth.nc, cnonce: auth.cnonce, qop: 'auth' },
  );
}
