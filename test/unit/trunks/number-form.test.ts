// What was dialled, from every way of writing it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DIGITS_MAX, dialledText, readDialled } from '../../../src/trunks/index.ts';

const NUMBERS: readonly (readonly [text: string, dialled: string])[] = [
  ['442071234567', '442071234567'],
  ['+442071234567', '+442071234567'],
  ['tel:+1-201-555-0123', '+12015550123'],
  ['TEL:+1(201)555.0123', '+12015550123'],
  ['+44%2020%207123', '+44207123'],
  ['%2B4420', '+4420'],
  ['7042;phone-context=+1-914-555', '+19145557042'],
  ['tel:7042;ext=1;Phone-Context=%2B1914555', '+19145557042'],
  ['7042;phone-context=example.com', '7042'],
  ['+4420;phone-context=+1', '+4420'],
  ['+442071234567;npdi;rn=+4420', '+442071234567'],
  ['*31#0123', '*31#0123'],
  ['%2A98', '*98'],
  ['112', '112'],
];

for (const [text, dialled] of NUMBERS) {
  test(`reads ${text} as the number ${dialled}`, () => {
    const read = readDialled(text);
    assert.is(read.kind, 'number');
    assert.is(dialledText(read), dialled);
  });
}

const NAMES: readonly (readonly [text: string, name: string])[] = [
  ['echo', 'echo'],
  ['alice.smith', 'alice.smith'],
  ['a%6Cice', 'alice'],
  ['1000abc', '1000abc'],
  ['++44', '++44'],
  ['+', '+'],
  ['', ''],
  ['--', '--'],
  ['44+1', '44+1'],
  ['%00', '%00'],
  ['%ff%7f', '%ff%7f'],
  ['%', '%'],
  ['٤٤', '٤٤'],
];

for (const [text, name] of NAMES) {
  test(`reads ${text === '' ? 'nothing' : text} as a name`, () => {
    assert.equal(readDialled(text), { kind: 'name', name });
  });
}

test('takes a number of the longest size and no longer one', () => {
  assert.is(readDialled('1'.repeat(DIGITS_MAX)).kind, 'number');
  assert.is(readDialled('1'.repeat(DIGITS_MAX + 1)).kind, 'name');
  const local = `1234;phone-context=+${'1'.repeat(DIGITS_MAX)}`;
  assert.equal(readDialled(local), { kind: 'number', digits: '1234', global: false });
});

test('reads a text as long as a message without trouble', () => {
  assert.is(readDialled('('.repeat(60_000)).kind, 'name');
  assert.is(readDialled(`1${';phone-context='.repeat(5000)}`).kind, 'number');
});

test.run();
