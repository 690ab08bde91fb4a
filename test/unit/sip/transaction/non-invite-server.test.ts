// RFC 3261 §17.2.2 (figure 8) and RFC 4320: every state and event, with exact times.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  NonInviteServer,
  tryingAfterMs,
} from '../../../../src/sip/transaction/non-invite-server.ts';
import { RFC_TIMINGS } from '../../../../src/sip/transaction/transaction.ts';
import { SimulatedHost, identityOn } from './simulated-host.ts';

function started(transport: 'udp' | 'tcp'): { host: SimulatedHost; txn: NonInviteServer } {
  const host = new SimulatedHost();
  const txn = new NonInviteServer(identityOn(transport), host);
  txn.start();
  return { host, txn };
}

const OK = Buffer.from('200');
const TRYING = Buffer.from('100');

test('asks for a 100 when the client repeats every T2, and gives an unanswered request up at 64*T1', () => {
  assert.is(tryingAfterMs(RFC_TIMINGS), 3_500);
  const { host, txn } = started('udp');
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['3500 100 is due', '32000 ended done']);
});

test('absorbs a repeated request while trying, and repeats the 100 while proceeding', () => {
  const { host, txn } = started('udp');
  txn.handleRepeat();
  assert.equal(host.take(), []);
  host.runUntil(txn, 4_000);
  txn.respondTrying(TRYING);
  txn.handleRepeat();
  assert.equal(host.take(), ['3500 100 is due', '4000 send 100', '4000 send 100']);
  assert.is(txn.state, 'proceeding');
});

test('allows no provisional but 100, and that from the user on reliable transports only', () => {
  const udp = started('udp').txn;
  const tcp = started('tcp').txn;
  assert.equal(
    [100, 180, 200, 404].map((status) => udp.allows(status)),
    [false, false, true, true],
  );
  assert.equal(
    [100, 180, 200, 404].map((status) => tcp.allows(status)),
    [true, false, true, true],
  );
});

test('repeats the final response to repeats of the request until timer J', () => {
  const { host, txn } = started('udp');
  txn.respondFinal(200, OK);
  host.runUntil(txn, 31_000);
  txn.handleRepeat();
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['0 send 200', '31000 send 200', '32000 ended done']);
});

test('ends at once after the final response on a reliable transport (J is zero)', () => {
  const { host, txn } = started('tcp');
  txn.respondFinal(200, OK);
  assert.equal(host.log, ['0 send 200', '0 ended done']);
  assert.ok(host.isIdle);
});

test('the first final response stands', () => {
  const { host, txn } = started('udp');
  txn.respondFinal(200, OK);
  host.take();
  assert.not.ok(txn.allows(404));
  txn.respondFinal(404, Buffer.from('404'));
  txn.respondTrying(TRYING);
  assert.equal(host.take(), []);
});

test('keeps a 408 from the wire and absorbs repeats of the request (RFC 4320)', () => {
  const { host, txn } = started('udp');
  txn.respondFinal(408, Buffer.from('408'));
  txn.handleRepeat();
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['32000 ended done']);
});

test.run();
