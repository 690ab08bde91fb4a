// The security boundary of signalling: every rule a message must keep before anything else reads it. Bytes in, an
// index or a verdict out, in one pass over a head that is canonical as it came and linear time over any other.
// Departures from RFC 3261, each for safety: control characters are refused even as quoted-pairs (§25.1 allows them),
// names that reach an object's prototype are refused, and so is a branch of the magic cookie alone (RFC 4475 §3.2.2).
import { neverReached } from '../../base/index.ts';
import type { CodedError, ErrorCode, TransportKind } from '../../base/index.ts';
import { canonicalHead } from './canonical.ts';
import { SPACE, TOKEN, WORD, readNumber, skipClass } from './characters.ts';
import type { Codes } from './characters.ts';
import { SPAN_SIZE, scanHead } from './head-scan.ts';
import type { HeadScan } from './head-scan.ts';
import { KIND, headerById } from './header-names.ts';
import type { KnownHeader } from './header-names.ts';
import { IndexedMessage } from './index-message.ts';
import type { MessageIndex } from './index-message.ts';
import { isAddress, isAddressList, scannedTag } from './name-addr.ts';
import { isBalanced, isScannedQuoted } from './parameters.ts';
import { readStartLine } from './start-line.ts';
import type { StartLineResult } from './start-line.ts';
import { checkRequestUri } from './uri.ts';
import { checkViaLine, readTopVia } from './via.ts';

export type GuardResult =
  | { readonly verdict: 'ok'; readonly index: MessageIndex }
  /** A request that breaks a rule but can be answered: `error.code` gives the status, `index` the headers to copy. */
  | { readonly verdict: 'reject'; readonly error: CodedError; readonly index: MessageIndex }
  /** Not to be answered: a response, an ACK, or a request without the headers that an answer copies. */
  | { readonly verdict: 'drop'; readonly error: CodedError };

/** Largest datagram read as a message, in bytes. */
const DATAGRAM_BYTES_MAX = 16_384;
/** Largest message on a stream or WebSocket, in bytes; also the most that is looked at to answer a datagram. */
const MESSAGE_BYTES_MAX = 65_536;
const VIAS_MAX = 70;
/** RFC 3261 §8.1.1.5. */
const CSEQ_MAX = 2 ** 31 - 1;
const MAX_FORWARDS_MAX = 255;
/** RFC 3261 §16.6 step 3. */
const MAX_FORWARDS_DEFAULT = 70;
const MAGIC_COOKIE = 'z9hG4bK';
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

const REQUIRED: readonly (readonly [kind: number, name: string])[] = [
  [KIND.via, 'Via'],
  [KIND.from, 'From'],
  [KIND.to, 'To'],
  [KIND.callId, 'Call-ID'],
  [KIND.cseq, 'CSeq'],
];

/** Facts gathered while the rules are checked, and the first rule broken. */
interface Findings {
  code: ErrorCode | null;
  message: string;
  fromTag: string | null;
  toTag: string | null;
  cseqNumber: number;
  cseqMethod: string;
  maxForwards: number;
  contentLength: number | null;
}

/**
 * Checks one whole message and indexes it.
 * @param bytes one datagram, or one message as cut by StreamFramer: at most 16 kB and 64 kB.
 * @returns `reject` carries MESSAGE_MALFORMED, MESSAGE_TOO_LARGE or VERSION_UNSUPPORTED; its message names the rule
 *   and its limit but never quotes the peer, so it may serve as a reason phrase. Never throws; O(bytes).
 */
export function indexMessage(bytes: Buffer, transport: TransportKind): GuardResult {
  // Up to twice the limit it is read for the sake of the 513: the framer gives what it held when a head would not end.
  if (bytes.length > 2 * MESSAGE_BYTES_MAX)
    return drop('MESSAGE_TOO_LARGE', `More than ${2 * MESSAGE_BYTES_MAX} bytes`);
  let start = 0;
  while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2;
  if (start === bytes.length) return drop('MESSAGE_MALFORMED', 'Line ends only (a keep-alive)');
  const headEnd = bytes.indexOf(HEAD_END, start);
  if (headEnd < 0) return drop('MESSAGE_MALFORMED', 'No empty line ends the headers');
  let text = bytes.toString('latin1', start, headEnd + 2);
  let codes: Codes = start === 0 ? bytes : bytes.subarray(start);
  let scan = scanHead(codes, text.length, false);
  let rewriteProblem: string | null = null;
  if (!scan.isCanonical) {
    const canonical = canonicalHead(text);
    text = canonical.text;
    rewriteProblem = canonical.problem;
    codes = Buffer.from(text, 'latin1');
    scan = scanHead(codes, text.length, true);
  }
  for (let i = 0; i < REQUIRED.length; i += 1) {
    const [kind, name] = REQUIRED[i] ?? [0, ''];
    if ((scan.firstOf[kind] ?? -1) < 0) return drop('MESSAGE_MALFORMED', `No ${name} header`);
  }
  return judge(
    { codes, text, scan, rewriteProblem },
    bytes.subarray(headEnd + 4),
    bytes.length,
    transport,
  );
}

function drop(code: ErrorCode, message: string): GuardResult {
  return { verdict: 'drop', error: { code, message } };
}

/** A head ready to be judged: bytes and text of equal positions, and what the scan saw. */
interface ScannedHead {
  readonly codes: Codes;
  readonly text: string;
  readonly scan: HeadScan;
  readonly rewriteProblem: string | null;
}

function judge(
  head: ScannedHead,
  rest: Buffer,
  messageBytes: number,
  transport: TransportKind,
): GuardResult {
  const { codes, text, scan } = head;
  const viaAt = scan.firstOf[KIND.via] ?? 0;
  const topVia = readTopVia(codes, text, scan.spans[viaAt + 2] ?? 0, scan.spans[viaAt + 3] ?? 0);
  if (topVia === null) return drop('MESSAGE_MALFORMED', 'The top Via cannot be read');
  const found: Findings = {
    code: null,
    message: '',
    fromTag: null,
    toTag: null,
    cseqNumber: 0,
    cseqMethod: '',
    maxForwards: MAX_FORWARDS_DEFAULT,
    contentLength: null,
  };
  if (transport === 'udp' && messageBytes > DATAGRAM_BYTES_MAX) {
    refuse(found, `The datagram has more than ${DATAGRAM_BYTES_MAX} bytes`, 'MESSAGE_TOO_LARGE');
  }
  if (messageBytes > MESSAGE_BYTES_MAX)
    refuse(found, `The message has more than ${MESSAGE_BYTES_MAX} bytes`, 'MESSAGE_TOO_LARGE');
  const start = readStartLine(codes, text, scan.headersStart - 2);
  if (start.code !== null) refuse(found, start.message, start.code);
  if (!topVia.isVersion2) refuse(found, 'The top Via is not of SIP/2.0', 'VERSION_UNSUPPORTED');
  if (head.rewriteProblem !== null) refuse(found, head.rewriteProblem);
  if (scan.problem !== null) refuse(found, scan.problem);
  if (scan.repeated !== null) refuse(found, `More than one ${scan.repeated.name} header`);
  checkHeaders(found, head);
  if (topVia.branch === MAGIC_COOKIE) refuse(found, 'The branch is the magic cookie alone');
  checkRequest(found, start);
  const body = cutBody(found, rest, transport);
  const index = new IndexedMessage({
    transport,
    text,
    spans: scan.spans,
    firstOf: scan.firstOf,
    startLine: start.line,
    topVia,
    cseq: { number: found.cseqNumber, method: found.cseqMethod },
    fromTag: found.fromTag,
    toTag: found.toTag,
    maxForwards: found.maxForwards,
    contentLength: found.contentLength,
    body,
  });
  if (found.code === null) return { verdict: 'ok', index };
  // A response is never answered (RFC 3261 §8.1.3.1 and below), nor is an ACK (§17.1.1.3), whichever line names it.
  const isAck = index.method === 'ACK' || found.cseqMethod === 'ACK';
  if (!index.isRequest || isAck) return drop(found.code, found.message);
  return { verdict: 'reject', error: { code: found.code, message: found.message }, index };
}

/** Keeps the first rule broken: it is what the answer names. */
function refuse(found: Findings, message: string, code: ErrorCode = 'MESSAGE_MALFORMED'): void {
  if (found.code !== null) return;
  found.code = code;
  found.message = message;
}

function checkHeaders(found: Findings, head: ScannedHead): void {
  const { codes, scan } = head;
  let viaCount = 0;
  for (let spanAt = 0; spanAt < scan.spans.length; spanAt += SPAN_SIZE) {
    const id = scan.spans[spanAt + 4] ?? 0;
    const header = id === 0 ? undefined : headerById(id);
    if (header === undefined) continue;
    const start = scan.spans[spanAt + 2] ?? 0;
    const end = scan.spans[spanAt + 3] ?? 0;
    if (header.kind === KIND.via) {
      if (viaCount > VIAS_MAX) continue;
      const line = checkViaLine(codes, start, end, VIAS_MAX - viaCount);
      viaCount += line.count;
      if (viaCount > VIAS_MAX) refuse(found, `More than ${VIAS_MAX} Via values`);
      else if (!line.wellFormed) refuse(found, 'A Via header is malformed');
    } else if (header.form !== 'text') {
      checkAddresses(found, head, start, end, header);
    } else {
      checkScalar(found, head, start, end, header);
    }
  }
}

function checkAddresses(
  found: Findings,
  head: ScannedHead,
  start: number,
  end: number,
  header: KnownHeader,
): void {
  switch (header.form) {
    case 'address':
      if (!isAddress(head.codes, start, end))
        refuse(found, `The ${header.name} header is malformed`);
      // RFC 3261 §25.1 has a token there. We write tags as we read them, and what quotes hold could be anything.
      else if (isScannedQuoted(head.codes, 'tag'))
        refuse(found, `The tag of the ${header.name} header is quoted`);
      // Only of the first: a repeated From or To is refused, and its answer must copy what was matched.
      else if (header.kind === KIND.from) found.fromTag ??= scannedTag(head.codes, head.text);
      else if (header.kind === KIND.to) found.toTag ??= scannedTag(head.codes, head.text);
      return;
    case 'addressList':
      if (!isAddressList(head.codes, start, end))
        refuse(found, `A ${header.name} header is malformed`);
      return;
    case 'balanced':
      if (!isBalanced(head.codes, start, end))
        refuse(found, `Quotes or brackets of a ${header.name} header are not closed`);
      return;
    case 'text':
      return;
    default:
      neverReached(header.form);
  }
}

function checkScalar(
  found: Findings,
  head: ScannedHead,
  start: number,
  end: number,
  header: KnownHeader,
): void {
  switch (header.kind) {
    case KIND.callId:
      if (start === end || skipClass(head.codes, start, end, WORD) !== end)
        refuse(found, 'The Call-ID is malformed');
      return;
    case KIND.cseq:
      checkCseq(found, head, start, end);
      return;
    case KIND.maxForwards: {
      const value = readNumber(head.codes, start, end, MAX_FORWARDS_MAX);
      if (value < 0) refuse(found, `Max-Forwards is not a number from 0 to ${MAX_FORWARDS_MAX}`);
      else found.maxForwards = value;
      return;
    }
    case KIND.contentLength: {
      const value = readNumber(head.codes, start, end, Number.MAX_SAFE_INTEGER);
      if (value < 0) refuse(found, 'Content-Length is not a number');
      else found.contentLength ??= value;
      return;
    }
    default:
  }
}

function checkCseq(found: Findings, head: ScannedHead, start: number, end: number): void {
  let i = start;
  while (i < end && head.codes[i] !== SPACE) i += 1;
  const number = readNumber(head.codes, start, i, CSEQ_MAX);
  const methodEnd = skipClass(head.codes, i + 1, end, TOKEN);
  if (number < 0) refuse(found, `The CSeq number is not from 0 to ${CSEQ_MAX}`);
  else if (i + 1 >= end || methodEnd !== end) refuse(found, 'The CSeq has no method token');
  if (found.cseqMethod !== '') return;
  found.cseqNumber = Math.max(number, 0);
  found.cseqMethod = head.text.slice(i + 1, methodEnd);
}

function checkRequest(found: Findings, start: StartLineResult): void {
  const line = start.line;
  if (line.kind !== 'request' || found.code !== null) return;
  if (line.method !== found.cseqMethod)
    refuse(found, 'The CSeq method is not that of the start line');
  const uriProblem = checkRequestUri(line.uri);
  if (uriProblem !== null) refuse(found, uriProblem);
}

/**
 * The body by Content-Length (RFC 3261 §18.3): a datagram's may be absent and cuts what follows; a stream's must be
 * there and is what the framer cut by, so any difference means that the two disagree.
 */
function cutBody(found: Findings, rest: Buffer, transport: TransportKind): Buffer {
  const isStream = transport === 'tcp' || transport === 'tls';
  const length = found.contentLength;
  if (length === null) {
    if (isStream) refuse(found, 'No Content-Length on a stream');
    return rest;
  }
  if (length > rest.length) refuse(found, 'Content-Length is larger than the body');
  else if (isStream && length < rest.length)
    refuse(found, 'Content-Length is smaller than the body');
  return length < rest.length ? rest.subarray(0, length) : rest;
}
