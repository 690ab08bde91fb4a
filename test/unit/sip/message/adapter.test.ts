// The adapter: the `sip` package on the main path, what is laid over its reading, and what goes out.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MessageIndex } from '../../../../src/sip/message/index.ts';
import {
  indexMessage,
  parseCount,
  parseMessage,
  parseNameAddr,
  parseUri,
  quotedText,
  safeText,
  splitList,
  writeRequest,
  writeResponse,
} from '../../../../src/sip/message/index.ts';
import type { OutgoingRequest, SipMessage } from '../../../../src/sip/types.ts';

const source = { host: '198.51.100.7', port: 5062 };

function requestText(
  extra: readonly string[] = [],
  via = 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport',
): string {
  return [
    'INVITE sip:+4420@[2001:db8::5]:5070;transport=tcp SIP/2.0',
    `Via: ${via}`,
    'From: "A. \\"B\\"" <sip:a@b.example>;x=[2001:db8::1];tag=t1',
    'To: Bob <sip:bob@c.example;user=phone>',
    'Call-ID: c1@h',
    'CSeq: 0007 INVITE',
    ...extra,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

function indexed(text: string): MessageIndex {
  const result = indexMessage(Buffer.from(text, 'latin1'), 'udp');
  if (result.verdict !== 'ok') throw new Error(result.error.message);
  return result.index;
}

function parsed(text: string): SipMessage {
  const result = parseMessage(indexed(text));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

test('only the adapter imports the sip package', () => {
  const root = fileURLToPath(new URL('../../../../src/', import.meta.url));
  const importers = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .filter((file) =>
      /(?:from|import|require)\s*\(?\s*['"]sip(?:\/[^'"]*)?['"]/.test(
        readFileSync(join(root, file), 'utf8'),
      ),
    );
  assert.equal(importers, ['sip/message/adapter.ts']);
});

test('each parsed message is read by the sip package once', () => {
  const before = parseCount();
  parsed(requestText());
  assert.is(parseCount(), before + 1);
});

test('lays IPv6 hosts, parameters and tags over what the package reads', () => {
  const message = parsed(
    requestText(
      [],
      'SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK1,SIP/2.0/TCP h2;received=2001:db8::2',
    ),
  );
  assert.equal(
    [message.from.display, message.from.uri, message.from.tag],
    ['A. "B"', 'sip:a@b.example', 't1'],
  );
  assert.equal(
    [message.to.display, message.to.uri, message.to.tag],
    ['Bob', 'sip:bob@c.example;user=phone', null],
  );
  assert.equal(
    message.vias.map((via) => [via.transport, via.host, via.port, via.branch]),
    [
      ['UDP', '2001:db8::9', 5060, 'z9hG4bK1'],
      ['TCP', 'h2', null, null],
    ],
  );
  if (message.kind !== 'request') throw new Error('not a request');
  assert.equal(
    [message.uri.user, message.uri.host, message.uri.port, message.uri.params.get('transport')],
    ['+4420', '2001:db8::5', 5070, 'tcp'],
  );
  assert.is(message.cseq.number, 7);
});

test('does not unescape a method, and reads no header from an escaped name', () => {
  const text = requestText(['Contact: <sip:a@b>', 'C%6Fntact: <sip:evil@b>'])
    .replace('INVITE sip', 'INV%49TE sip')
    .replace('0007 INVITE', '0007 INV%49TE');
  const message = parsed(text);
  assert.is(message.kind === 'request' ? message.method : '', 'INV%49TE');
  assert.equal(
    message.contacts.map((contact) => contact.uri),
    ['sip:a@b'],
  );
});

test('splits lists at top-level commas, and only headers that are lists', () => {
  const message = parsed(
    requestText([
      'Contact: "a, b" <sip:a@b;x=1>;q=1, sip:c@d;q=2',
      'Route: <sip:r1;lr>,<sip:r2;lr>',
      'Route: <sip:r3;lr>',
      'Subject: a, b',
      'Allow: INVITE, ACK',
    ]),
  );
  assert.equal(
    message.contacts.map((contact) => [contact.display, contact.uri, contact.params.get('q')]),
    [
      ['a, b', 'sip:a@b;x=1', '1'],
      [null, 'sip:c@d', '2'],
    ],
  );
  assert.equal(message.routes, ['<sip:r1;lr>', '<sip:r2;lr>', '<sip:r3;lr>']);
  assert.equal(message.headerValues('subject'), ['a, b']);
  assert.equal(message.headerValues('Allow'), ['INVITE', 'ACK']);
  assert.equal(splitList('"x,y", <sip:a,b>,, c '), ['"x,y"', '<sip:a,b>', 'c']);
});

for (const [text, expected] of [
  [
    'sip:alice:pw@Example.COM:5061;Transport=TCP;lr?subject=x',
    ['sip', 'alice', 'pw', 'example.com', 5061, 'TCP'],
  ],
  ['SIP:alice@example.com', ['sip', 'alice', null, 'example.com', null, undefined]],
  ['sips:[2001:DB8::1]', ['sips', null, null, '2001:db8::1', null, undefined]],
  ['tel:+44-20-7183;phone-context=x', ['tel', '+44-20-7183', null, '', null, undefined]],
  ['urn:service:sos', ['urn', null, null, '', null, undefined]],
  [
    'sip:user;par=u%40example.net@example.com',
    ['sip', 'user;par=u%40example.net', null, 'example.com', null, undefined],
  ],
] as const) {
  test(`reads the URI ${text}`, () => {
    const result = parseUri(text);
    assert.ok(result.ok);
    if (!result.ok) return;
    const uri = result.value;
    assert.equal(
      [uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.params.get('transport')],
      expected,
    );
    assert.is(uri.text, text);
  });
}

for (const text of [
  '',
  'sip:',
  'sip:a@',
  'sip:@b',
  'sip:a@b@c',
  'sip:a@b:99999',
  'sip:a@[::1',
  'sip:a b@c',
  'sip:<a@b>',
  'noscheme',
  'sip:a@b;__proto__=1',
  'sip:\u010d@b',
  'tel:',
]) {
  test(`refuses the URI ${JSON.stringify(text)}`, () => {
    assert.is(parseUri(text).ok, false);
  });
}

test('reads name-addr and addr-spec, and refuses what is neither', () => {
  const read = parseNameAddr('sip:a@b;tag=1');
  assert.ok(read.ok && read.value.uri === 'sip:a@b' && read.value.tag === '1');
  for (const text of [
    '',
    '<sip:a@b',
    '"a <sip:a@b>',
    'sip:a@b?x=y',
    '<a@b>',
    'a, b <sip:a@b>',
    '<sip:a@b>;;x',
    '<sip:a@b> x',
  ]) {
    assert.is(parseNameAddr(text).ok, false, text);
  }
});

test('copies Via, From, To, Call-ID and CSeq as they came, fills received and rport, adds the tag, ends with the length', () => {
  const index = indexed(requestText(['Via: SIP/2.0/TCP far.example;branch=z9hG4bK2']));
  const bytes = writeResponse(
    index,
    {
      status: 200,
      reason: null,
      toTag: 'ours',
      headers: [
        ['rseq', '1'],
        ['Warning', 'a'],
        ['WARNING', 'b'],
      ],
      body: Buffer.from('v=0'),
    },
    source,
  );
  assert.is(
    bytes.toString('latin1'),
    [
      'SIP/2.0 200 OK',
      'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=198.51.100.7;rport=5062',
      'Via: SIP/2.0/TCP far.example;branch=z9hG4bK2',
      'To: Bob <sip:bob@c.example;user=phone>;tag=ours',
      'From: "A. \\"B\\"" <sip:a@b.example>;x=[2001:db8::1];tag=t1',
      'Call-ID: c1@h',
      'CSeq: 0007 INVITE',
      'RSeq: 1',
      'Warning: a',
      'Warning: b',
      'Content-Length: 3',
      '',
      'v=0',
    ].join('\r\n'),
  );
});

test('replaces received and rport that the sender made up, and leaves a true sent-by alone', () => {
  const answer = { status: 100, reason: null, toTag: null, headers: [], body: null };
  const top = (via: string, from = source): string | undefined =>
    /Via: (.*)\r/.exec(
      writeResponse(indexed(requestText([], via)), answer, from).toString('latin1'),
    )?.[1];
  assert.is(
    top('SIP/2.0/UDP h;received=6.6.6.6;branch=z9hG4bK1;rport=1'),
    'SIP/2.0/UDP h;branch=z9hG4bK1;received=198.51.100.7;rport=5062',
  );
  assert.is(
    top('SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1'),
    'SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1',
  );
  assert.is(
    top('SIP/2.0/UDP h;x=";received=1";branch=z9hG4bK1, SIP/2.0/UDP h2'),
    'SIP/2.0/UDP h;x=";received=1";branch=z9hG4bK1;received=198.51.100.7, SIP/2.0/UDP h2',
  );
});

test('a written request reads back as it was given', () => {
  const request: OutgoingRequest = {
    method: 'INVITE',
    uri: 'sip:bob@[2001:db8::5]',
    headers: [
      ['max-forwards', '69'],
      ['From', '<sip:a@b>;tag=1'],
      ['To', '<sip:c@d>'],
      ['Call-ID', 'x'],
      ['CSeq', '1 INVITE'],
      ['Content-Length', '99'],
      ['X-Display', 'Jos\u010d'],
    ],
    body: Buffer.from('v=0\r\n'),
  };
  const index = indexed(writeRequest(request, 'SIP/2.0/UDP h;branch=z9hG4bKq').toString('latin1'));
  assert.equal(
    index.allHeaders().map(([name]) => name),
    ['Via', 'Max-Forwards', 'From', 'To', 'Call-ID', 'CSeq', 'X-Display', 'Content-Length'],
  );
  assert.equal([index.contentLength, index.maxForwards, index.body.toString()], [5, 69, 'v=0\r\n']);
  assert.is(Buffer.from(index.header('X-Display') ?? '', 'latin1').toString('utf8'), 'Jos\u010d');
});

test('refuses to write what could break a line', () => {
  const request =
    (name: string, value: string, uri = 'sip:a@b', method = 'INFO'): (() => Buffer) =>
    () =>
      writeRequest({ method, uri, headers: [[name, value]], body: null }, 'SIP/2.0/UDP h');
  for (const value of ['a\r\nX: y', 'a\nb', 'a\rb', 'a\0b'])
    assert.throws(request('X', value), /CR, LF or NUL/);
  assert.throws(request('X Y', 'a'), /not a token/);
  assert.throws(request('X', 'a', 'sip:a@b\r\nX: y'), /not a URI/);
  assert.throws(request('X', 'a', 'sip:a@b', 'IN FO'), /not a token/);
  const index = indexed(requestText());
  const answer =
    (toTag: string, reason: string): (() => Buffer) =>
    () =>
      writeResponse(index, { status: 200, reason, toTag, headers: [], body: null }, source);
  assert.throws(answer('a\r\nb', 'OK'), /not a token/);
  assert.throws(answer('a', 'OK\r\n'), /CR, LF or NUL/);
});

test('makes outside text safe to write', () => {
  assert.is(safeText(' a\r\nX: y\0 '), 'a X: y');
  assert.is(quotedText('a"b\\\n'), '"a\\"b\\\\"');
});

test.run();
