// Text made safe for a header: no control characters, no spaces at its ends, in time linear in its length.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quotedText, safeText } from '../../../../src/sip/message/index.ts';

for (const [text, safe] of [
  ['', ''],
  [' ', ''],
  ['  a  b  ', 'a  b'],
  ['\r\na\x00\x7fb\t', 'a b'],
  ['\xa0a\xa0', '\xa0a\xa0'],
] as const) {
  test(`makes ${JSON.stringify(text)} safe as ${JSON.stringify(safe)}`, () => {
    assert.is(safeText(text), safe);
  });
}

test('quotes what a quoted string can’t hold as it is', () => {
  assert.is(quotedText(' a "b" \\ '), '"a \\"b\\" \\\\"');
});

test('trims 60,000 characters with a long run of spaces inside in less than a tenth of a second', () => {
  const start = process.cpuUsage();
  assert.is(safeText(`a${' '.repeat(60_000)}b`).length, 60_002);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 100_000, `${user + system} us`);
});

test.run();
