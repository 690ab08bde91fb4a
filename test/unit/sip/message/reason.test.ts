// Reason values: what is read of one, and that no text of a peer's takes longer than its length allows.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readReason } from '../../../../src/sip/message/index.ts';

for (const [text, protocol, cause, isStrict] of [
  ['Q.850;cause=16', 'Q.850', '16', true],
  ['q.850 ; Cause = 16 ; text="a;cause=99"', 'Q.850', '16', true],
  ['SIP;text="\\";cause=1";cause=200', 'SIP', '200', true],
  ['preemption', 'PREEMPTION', null, true],
  ['preemption;a;b="";cause=x1', 'PREEMPTION', null, true],
  ['Q.850;cause=16;text=Normal clearing', 'Q.850', '16', false],
  ['Q.850;;cause=16', 'Q.850', '16', false],
  ['Q.850;cause="16"', 'Q.850', null, true],
  ['Q.850;a="b"c";cause=1"', 'Q.850', null, false],
  ['Q.850;a="b" "c";cause=1', 'Q.850', '1', false],
  ['Q.850;cause=17;cause=18', 'Q.850', '17', true],
] as const) {
  test(`reads ${text}`, () => {
    assert.equal(readReason(text), { protocol, cause, isStrict });
  });
}

for (const text of ['', ';cause=16', '"Q.850";cause=16', 'Q 850;cause=1', 'Q.850;text="a', '"']) {
  test(`takes ${text === '' ? 'an empty text' : text} for no Reason`, () => {
    assert.is(readReason(text), null);
  });
}

for (const [what, text] of [
  ['spaces and semicolons', `Q.850${' ;'.repeat(30_000)} cause=x`],
  ['parameters', `SIP${' ;a'.repeat(20_000)}`],
  ['quotes', `SIP;text=${'"\\"'.repeat(20_000)}`],
  ['spaces', `Q.850;cause=16${' '.repeat(60_000)}x`],
] as const) {
  test(`reads 60,000 characters of ${what} in less than a tenth of a second`, () => {
    const start = process.cpuUsage();
    readReason(text);
    const { user, system } = process.cpuUsage(start);
    assert.ok(user + system < 100_000, `${user + system} us`);
  });
}

test.run();
