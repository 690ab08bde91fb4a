// The guard and its index: what is read from a good message, and how the canonical text comes about.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MessageIndex } from '../../../../src/sip/message/index.ts';
import { indexMessage, keepAnswerHead, StreamFramer } from '../../../../src/sip/message/index.ts';

const lines = (extra: readonly string[] = [], body = ''): Buffer =>
  Buffer.from(
    [
      'INVITE sip:bob@example.com SIP/2.0',
      'Via: SIP/2.0/UDP pc33.Example.com:5070;branch=z9hG4bK776;rport, SIP/2.0/TCP [2001:DB8::1];branch=z9hG4bKx',
      'From: "Alice" <sip:alice@example.com>;tag=19a',
      'To: <sip:bob@example.com>',
      'Call-ID: a84b4c76e66710@pc33',
      'CSeq: 314159 INVITE',
      ...extra,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
    'latin1',
  );

function accepted(bytes: Buffer): MessageIndex {
  const result = indexMessage(bytes, 'udp');
  if (result.verdict !== 'ok') throw new Error(result.error.message);
  return result.index;
}

test('reads what transactions match on', () => {
  const index = accepted(lines(['Max-Forwards: 0069'], 'v=0'));
  assert.equal(index.startLine, { kind: 'request', method: 'INVITE', uri: 'sip:bob@example.com' });
  assert.equal(index.topVia, {
    text: 'SIP/2.0/UDP pc33.Example.com:5070;branch=z9hG4bK776;rport',
    transport: 'UDP',
    host: 'pc33.example.com',
    port: 5070,
    branch: 'z9hG4bK776',
    sentBy: 'pc33.example.com:5070',
    wantsRport: true,
    isVersion2: true,
  });
  assert.equal(
    [
      index.callId,
      index.cseq,
      index.fromTag,
      index.toTag,
      index.maxForwards,
      index.contentLength,
      index.body.toString(),
    ],
    ['a84b4c76e66710@pc33', { number: 314159, method: 'INVITE' }, '19a', null, 69, 3, 'v=0'],
  );
});

test('refuses with 505 what comes from a Via of another version, whatever the start line says', () => {
  const text = lines().toString('latin1').replace('Via: SIP/2.0/UDP', 'Via: SIP/3.0/UDP');
  const result = indexMessage(Buffer.from(text, 'latin1'), 'udp');
  assert.is(result.verdict, 'reject');
  assert.is(result.verdict === 'reject' && result.error.code, 'VERSION_UNSUPPORTED');
});

test('refuses with 513 a head of a stream that would not end', () => {
  const framer = new StreamFramer({ messageBytesMax: 65_536 });
  const text = lines([`X: ${'x'.repeat(70_000)}`]).toString('latin1');
  const [broken] = framer.push(Buffer.from(text.replace(/\r\n\r\n$/, ''), 'latin1'));
  assert.ok(broken?.kind === 'broken' && broken.head !== null);
  const result = indexMessage(broken.head, 'tcp');
  assert.is(result.verdict, 'reject');
  assert.is(result.verdict === 'reject' && result.error.code, 'MESSAGE_TOO_LARGE');
});

test('refuses a quoted tag, which could not be written back as it is, but lets other parameters be quoted', () => {
  const text = lines().toString('latin1');
  for (const [from, name] of [
    ['tag=19a', 'From'],
    ['To: <sip:bob@example.com>', 'To'],
  ] as const) {
    const tag = ';x="a b";TAG="x y;z"';
    const quoted = name === 'From' ? text.replace(`;${from}`, tag) : text.replace(from, from + tag);
    const result = indexMessage(Buffer.from(quoted, 'latin1'), 'udp');
    assert.is(result.verdict, 'reject');
    if (result.verdict === 'reject')
      assert.is(result.error.message, `The tag of the ${name} header is quoted`);
  }
  const fine = text.replace('tag=19a', 'tag=19a;x="a b"');
  assert.is(accepted(Buffer.from(fine, 'latin1')).fromTag, '19a');
});

test('takes 70 for an absent Max-Forwards and the rest of a datagram for an absent Content-Length', () => {
  const bytes = Buffer.from(
    lines().toString('latin1').replace('Content-Length: 0\r\n', '') + 'body',
  );
  const index = accepted(bytes);
  assert.equal([index.maxForwards, index.contentLength, index.body.toString()], [70, null, 'body']);
});

test('unfolds, expands compact names and collapses spaces outside quotes in the canonical text', () => {
  const bytes = lines([
    's :  a  b\t c ',
    'm: "two  spaces"\r\n  <sip:a@b> ;  q=1',
    'k:\r\n\t100rel',
  ]);
  const index = accepted(bytes);
  assert.is(index.header('subject'), 'a b c');
  assert.is(index.header('CONTACT'), '"two  spaces" <sip:a@b> ; q=1');
  assert.is(index.header('Supported'), '100rel');
  assert.is(indexMessage(Buffer.from(`${index.text}\r\n`, 'latin1'), 'udp').verdict, 'ok');
});

test('expands every compact name of the IANA registry', () => {
  const names = [
    'Accept-Contact',
    'Referred-By',
    'Content-Type',
    'Request-Disposition',
    'Content-Encoding',
    'Reject-Contact',
    'Supported',
    'Identity-Info',
    'Event',
    'Refer-To',
    'Subject',
    'Allow-Events',
    'Session-Expires',
    'Identity',
    'Contact',
  ];
  const letters = ['a', 'b', 'c', 'd', 'e', 'j', 'k', 'n', 'o', 'r', 's', 'u', 'x', 'y', 'm'];
  const index = accepted(lines(letters.map((letter) => `${letter}: <sip:a@b>`)));
  for (const name of names) assert.is(index.header(name), '<sip:a@b>', name);
});

test('keeps UTF-8 bytes that look like Latin-1 spaces', () => {
  const index = accepted(lines(['Subject: \u00c3\u00a0', 's:  \u00c3\u00a0 ']));
  assert.equal(index.headerLines('Subject'), ['\u00c3\u00a0', '\u00c3\u00a0']);
});

test('refuses one value past each limit and takes the limit itself', () => {
  const verdict = (bytes: Buffer): string => indexMessage(bytes, 'udp').verdict;
  const swap = (from: string, to: string): Buffer =>
    Buffer.from(lines().toString('latin1').replace(from, to), 'latin1');
  assert.is(verdict(swap('314159', '2147483647')), 'ok');
  assert.is(verdict(swap('314159', '2147483648')), 'reject');
  assert.is(verdict(lines(['Max-Forwards: 255'])), 'ok');
  assert.is(verdict(lines(['Max-Forwards: 256'])), 'reject');
  assert.is(verdict(lines(Array.from({ length: 194 }, () => 'X-A: y'))), 'ok');
  assert.is(verdict(lines(Array.from({ length: 195 }, () => 'X-A: y'))), 'reject');
  assert.is(verdict(lines([`X-A: ${'y'.repeat(8_187)}`])), 'ok');
  assert.is(verdict(lines([`X-A: ${'y'.repeat(8_188)}`])), 'reject');
  const size = 16_384 - lines([], 'b'.repeat(10_000)).length;
  assert.is(verdict(lines([], 'b'.repeat(10_000 + size))), 'ok');
  assert.is(verdict(lines([], 'b'.repeat(10_001 + size))), 'reject');
});

test('drops what an answer could not be built for', () => {
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    const bytes = Buffer.from(
      lines().toString('latin1').replace(`\r\n${name}:`, '\r\nX-Other:'),
      'latin1',
    );
    assert.is(indexMessage(bytes, 'udp').verdict, 'drop', name);
  }
});

test('never answers a broken response or ACK, whichever line names the ACK', () => {
  const text = lines(['Max-Forwards: 256']).toString('latin1');
  const variants = [
    text.replace('INVITE sip:bob@example.com SIP/2.0', 'SIP/2.0 200 OK'),
    text.replace('INVITE sip', 'ACK sip'),
    text.replace('314159 INVITE', '314159 ACK'),
  ];
  for (const variant of variants)
    assert.is(indexMessage(Buffer.from(variant, 'latin1'), 'udp').verdict, 'drop');
});

test('demands a Content-Length on streams and not on WebSockets', () => {
  const bytes = Buffer.from(
    lines().toString('latin1').replace('Content-Length: 0\r\n', ''),
    'latin1',
  );
  assert.is(indexMessage(bytes, 'tcp').verdict, 'reject');
  assert.is(indexMessage(bytes, 'ws').verdict, 'ok');
});

test('takes a status line without its last space', () => {
  const bytes = Buffer.from(
    lines().toString('latin1').replace('INVITE sip:bob@example.com SIP/2.0', 'SIP/2.0 180'),
    'latin1',
  );
  const index = accepted(bytes);
  assert.equal(index.startLine, { kind: 'response', status: 180, reason: '' });
});

test('keeps of a request what its answers copy, and nothing else', () => {
  const index = accepted(lines());
  const kept = keepAnswerHead(index);
  assert.equal(kept, {
    viaLines: index.viaLines,
    fromText: index.fromText,
    toText: index.toText,
    toTag: null,
    callId: index.callId,
    cseqText: '314159 INVITE',
  });
});

test.run();
