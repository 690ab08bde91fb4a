// "Did you mean".
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nearestKey } from '../../../src/config/nearest-key.ts';

const KNOWN = ['calls', 'cps', 'drain_s', 'max_duration_s', 'failover_codes'];

for (const [typed, near] of [
  ['call', 'calls'],
  ['csp', 'cps'],
  ['maxDurationS', 'max_duration_s'],
  ['max-duraton-s', 'max_duration_s'],
  ['failovercode', 'failover_codes'],
  ['x', null],
  ['zzzzzz', null],
  ['', null],
] as const) {
  test(`takes ${typed === '' ? 'nothing' : typed} for ${near ?? 'no known key'}`, () => {
    assert.is(nearestKey(typed, KNOWN), near);
  });
}

test('takes no time for a key as long as a file', () => {
  assert.is(nearestKey('a'.repeat(1_000_000), KNOWN), null);
});

test.run();
