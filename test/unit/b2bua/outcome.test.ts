// What a status means for the record and for the caller, and which peer's SDP is believed.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  outcomeOf,
  outcomeOfStatus,
  reasonValue,
  statusForCaller,
} from '../../../src/b2bua/index.ts';
import { sourceRuleFor } from '../../../src/b2bua/source-rule.ts';

for (const [status, cause, q850] of [
  [404, 'PEER_REFUSED', 1],
  [408, 'GATEWAY_TIMEOUT', 102],
  [480, 'NO_ANSWER', 18],
  [484, 'PEER_REFUSED', 28],
  [486, 'CALLEE_BUSY', 17],
  [487, 'NO_ANSWER', 16],
  [488, 'CODEC_NOT_SHARED', 88],
  [499, 'PEER_REFUSED', 127],
  [503, 'PEER_REFUSED', 41],
  [599, 'PEER_REFUSED', 41],
  [600, 'CALLEE_BUSY', 17],
  [603, 'CALLEE_DECLINED', 21],
] as const) {
  test(`${status} is recorded as ${cause} with Q.850 cause ${q850}`, () => {
    assert.equal(outcomeOfStatus(status), { cause, status, q850 });
  });
}

for (const [status, told] of [
  [302, 480],
  [401, 503],
  [404, 404],
  [407, 503],
  [486, 486],
  [603, 603],
] as const) {
  test(`the caller is told ${told} for a gateway’s ${status}`, () => {
    assert.is(statusForCaller(status), told);
  });
}

test('a Reason names cause and code, and is left out where there is no Q.850 cause', () => {
  assert.is(reasonValue(outcomeOf('CALLEE_BUSY')), 'Q.850;cause=17;text="CALLEE_BUSY"');
  assert.is(reasonValue({ cause: 'CALLEE_BUSY', status: 486, q850: null }), null);
});

for (const [setting, sdp, signalling, rule] of [
  ['auto', '192.0.2.1', '192.0.2.1', 'strict'],
  ['auto', '203.0.113.5', '198.51.100.1', 'strict'],
  ['auto', '10.0.0.5', '8.8.8.8', 'latch'],
  ['auto', '10.0.0.5', '10.0.0.9', 'strict'],
  ['auto', '8.8.4.4', '8.8.8.8', 'strict'],
  ['auto', '10.0.0.5', 'gw.example.com', 'strict'],
  ['auto', 'fd00::5', '2a00:1450::1', 'latch'],
  ['latch', '8.8.8.8', '8.8.8.8', 'latch'],
  ['strict', '10.0.0.5', '8.8.8.8', 'strict'],
] as const) {
  test(`A30 with ${setting}, SDP ${sdp} signalled from ${signalling} is taken by the ${rule} rule`, () => {
    assert.is(sourceRuleFor(setting, sdp, signalling), rule);
  });
}

test.run();
