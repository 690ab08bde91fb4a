// The text form of rtpengine's control protocol.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Bencoded } from '../../../bench/peers/bencode.ts';
import { decodeBencode, encodeBencode } from '../../../bench/peers/bencode.ts';

const CASES: readonly (readonly [value: Bencoded, text: string])[] = [
  ['', '0:'],
  ['ping', '4:ping'],
  ['ü', '2:ü'],
  [0, 'i0e'],
  [-12, 'i-12e'],
  [[], 'le'],
  [['origin', 7], 'l6:origini7ee'],
  [{ command: 'offer', 'call-id': 'x' }, 'd7:call-id1:x7:command5:offere'],
  [{ a: { b: [1, 'e'] } }, 'd1:ad1:bli1e1:eeee'],
];

for (const [value, text] of CASES) {
  test(`writes and reads ${text}`, () => {
    assert.is(encodeBencode(value), text);
    assert.equal(decodeBencode(Buffer.from(text)), value);
  });
}

for (const text of [
  '',
  'i1',
  'i01e',
  'i-0e',
  '5:abc',
  'l',
  'd1:ae',
  'di1e1:ae',
  '1:ab',
  'x',
  '-1:a',
]) {
  test(`refuses to read "${text}"`, () => {
    assert.throws(
      () => decodeBencode(Buffer.from(text)),
      (error: unknown) => error instanceof SyntaxError,
    );
  });
}

test('refuses to write a number that is no integer', () => {
  assert.throws(() => encodeBencode(0.5), /0.5 is no integer/);
});

test.run();
