// The stream framer: the same messages however the stream is cut, and an end as soon as a length can't be trusted.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../../src/base/index.ts';
import { StreamFramer } from '../../../../src/sip/message/index.ts';
import type { FrameOutput } from '../../../../src/sip/message/index.ts';

const head = (length: string, name = 'Content-Length'): string =>
  `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n${name}: ${length}\r\n\r\n`;
const message = (body: string): string => head(String(body.length)) + body;
const framer = (messageBytesMax = 65_536): StreamFramer => new StreamFramer({ messageBytesMax });
const text = (output: FrameOutput): string =>
  output.kind === 'message' ? output.bytes.toString('latin1') : output.kind;
const push = (target: StreamFramer, data: string): string[] =>
  target.push(Buffer.from(data, 'latin1')).map(text);

test('cuts pipelined messages and keeps an unfinished one for later', () => {
  const target = framer();
  const [first, second] = [message('v=0'), message('')];
  assert.equal(push(target, first + second + first.slice(0, -2)), [first, second]);
  assert.is(target.isMidMessage, true);
  assert.equal(push(target, first.slice(-2)), [first]);
  assert.is(target.isMidMessage, false);
});

test('gives the same messages whatever the chunks, byte by byte included', () => {
  const messages = [message('abc'), message(''), message('\r\n\r\n'), message('x'.repeat(3000))];
  const stream = Buffer.from(messages.join('\r\n'), 'latin1');
  const random = seededRandom(7);
  for (let round = 0; round < 60; round += 1) {
    const target = framer();
    const got: string[] = [];
    for (let at = 0; at < stream.length;) {
      const size = round === 0 ? 1 : 1 + Math.floor(random.draw() * (round % 2 === 0 ? 9 : 900));
      got.push(...target.push(stream.subarray(at, at + size)).map(text));
      at += size;
    }
    assert.equal(got, messages);
  }
});

test('does not let later bytes change a message that was handed out', () => {
  const target = framer();
  const first = message('first');
  const outputs: FrameOutput[] = [...target.push(Buffer.from(first.slice(0, 20)))];
  outputs.push(...target.push(Buffer.from(first.slice(20) + 'OPTIONS')));
  target.push(Buffer.from('#'.repeat(500)));
  assert.equal(outputs.map(text), [first]);
});

test('answers a double CRLF between messages once a read, and ignores a single one', () => {
  const target = framer();
  assert.equal(push(target, '\r\n'), []);
  assert.equal(push(target, '\r\n'), ['keepAlive']);
  assert.equal(push(target, '\r\n\r\n\r\n\r\n'), ['keepAlive']);
  assert.equal(push(target, '\r\n' + message('')), [message('')]);
  assert.equal(push(target, '\r'), []);
  assert.equal(push(target, '\n\r\n'), ['keepAlive']);
});

for (const [name, data] of [
  ['without Content-Length', 'OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n'],
  ['with a Content-Length in words', head('abc')],
  ['with a negative Content-Length', head('-1')],
  ['with two Content-Lengths, one compact', head('0\r\nl: 0')],
  ['with a bare LF in its head', head('0\nX: y')],
  ['with a line that is no header', head('0\r\nnothing')],
  ['with a head of one letter', 'a\r\n\r\n'.repeat(10_000)],
] as const) {
  test(`breaks at a message ${name}, and gives nothing more`, () => {
    const target = framer();
    const [only, ...more] = target.push(Buffer.from(data, 'latin1'));
    assert.is(only?.kind, 'broken');
    assert.equal(more, []);
    assert.ok(
      only?.kind === 'broken' && only.head !== null && only.error.code === 'MESSAGE_MALFORMED',
    );
    assert.equal(push(target, message('')), []);
  });
}

test('reads a compact, folded and spaced Content-Length', () => {
  const first = head('\r\n 3', 'l \t') + 'abc';
  assert.equal(push(framer(), first + message('')), [first, message('')]);
});

test('breaks when head and body exceed the limit, or no empty line comes within it', () => {
  const tooLong = framer(200).push(Buffer.from(head('200')));
  assert.ok(
    tooLong[0]?.kind === 'broken' &&
      tooLong[0].error.code === 'MESSAGE_TOO_LARGE' &&
      tooLong[0].head !== null,
  );
  const target = framer(200);
  assert.equal(push(target, 'a'.repeat(150)), []);
  const endless = target.push(Buffer.alloc(100, 'a'));
  assert.ok(endless[0]?.kind === 'broken');
  assert.is(endless[0].head?.toString(), `${'a'.repeat(201)}\r\n\r\n`);
  const ended = framer(200).push(Buffer.from(`${'a'.repeat(250)}\r\n\r\n`));
  assert.ok(ended[0]?.kind === 'broken');
  assert.equal(ended[0].head, endless[0].head);
});

test('takes a message of exactly the limit', () => {
  const size = head('100').length + 100;
  assert.is(push(framer(size), head('100') + 'x'.repeat(100)).length, 1);
});

test.run();
