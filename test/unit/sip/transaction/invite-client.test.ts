// RFC 3261 §17.1.1 (figure 5), RFC 6026 §7.2, RFC 3261 §9.1: every state and event, with exact
// times.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId } from '../../../../src/base/index.ts';
import { InviteClient } from '../../../../src/sip/transaction/invite-client.ts';
import { SimulatedHost, identityOn } from './simulated-host.ts';

const INVITE = Buffer.from('INVITE');
const ACK = Buffer.from('ACK');

const facts = { uri: 'sip:b@x', via: 'v', cseqNumber: '1', toText: '<sip:b@x>', lines: [] };

function started(transport: 'udp' | 'tcp'): { host: SimulatedHost; txn: InviteClient } {
  const host = new SimulatedHost();
  const txn = new InviteClient(identityOn(transport), { user: clientTxnId(1), facts, host });
  txn.start(INVITE);
  return { host, txn };
}

const storedAck = (text: string) => ({
  target: { transport: 'udp' as const, host: '192.0.2.7', port: 5060 },
  bytes: Buffer.from(text),
});

test('repeats the INVITE by timer A without a cap and gives up at timer B', () => {
  const { host, txn } = started('udp');
  host.runUntil(txn, 100_000);
  assert.equal(host.log, [
    '0 send INVITE',
    '500 send INVITE',
    '1500 send INVITE',
    '3500 send INVITE',
    '7500 send INVITE',
    '15500 send INVITE',
    '31500 send INVITE',
    '32000 ended timeout',
  ]);
  assert.is(txn.state, 'terminated');
});

test('sends the INVITE once on a reliable transport and gives up at timer B', () => {
  const { host, txn } = started('tcp');
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['0 send INVITE', '32000 ended timeout']);
});

test('stops repeating and never times out by itself after a provisional', () => {
  const { host, txn } = started('udp');
  host.runUntil(txn, 600);
  assert.is(txn.receive(100, null), 'deliver');
  assert.is(txn.state, 'proceeding');
  host.take();
  host.runUntil(txn, 1_000_000);
  assert.equal(host.take(), []);
  assert.ok(host.isIdle);
});

test('hands up every provisional, 100 and the repeated ones too', () => {
  const { txn } = started('udp');
  assert.is(txn.receive(180, 'a'), 'deliver');
  assert.is(txn.receive(180, 'a'), 'deliver');
  assert.is(txn.receive(183, 'b'), 'deliver');
  assert.is(txn.receive(100, null), 'deliver');
});

for (const before of ['calling', 'proceeding'] as const) {
  test(`acknowledges a failure in ${before}, again for each repeat, and ends by timer D`, () => {
    const { host, txn } = started('udp');
    if (before === 'proceeding') txn.receive(180, 'a');
    assert.is(txn.state, before);
    host.take();
    host.nowMs = 1_000;
    assert.ok(txn.wants(486, 'a'));
    assert.is(txn.receive(486, 'a'), 'acknowledge');
    txn.acknowledgeFailure(ACK);
    assert.is(txn.state, 'completed');
    assert.is(txn.facts, null);
    host.runUntil(txn, 1_500);
    assert.not.ok(txn.wants(486, 'a'));
    assert.is(txn.receive(486, 'a'), 'absorb');
    assert.is(txn.receive(180, 'a'), 'absorb');
    assert.is(txn.receive(200, 'a'), 'absorb');
    host.runUntil(txn, 100_000);
    assert.equal(host.take(), ['1000 send ACK', '1500 send ACK', '33000 ended done']);
  });

  test(`ends at once after a failure in ${before} on a reliable transport (D is zero)`, () => {
    const { host, txn } = started('tcp');
    if (before === 'proceeding') txn.receive(180, 'a');
    host.take();
    assert.is(txn.receive(603, 'a'), 'acknowledge');
    txn.acknowledgeFailure(ACK);
    assert.equal(host.take(), ['0 send ACK', '0 ended done']);
    assert.ok(host.isIdle);
  });

  test(`stays in accepted for timer M after a 2xx in ${before}`, () => {
    for (const transport of ['udp', 'tcp'] as const) {
      const { host, txn } = started(transport);
      if (before === 'proceeding') txn.receive(180, 'a');
      host.take();
      assert.is(txn.receive(200, 'a'), 'deliver');
      assert.is(txn.state, 'accepted');
      host.runUntil(txn, 31_999);
      assert.equal(host.take(), []);
      host.runUntil(txn, 32_000);
      assert.equal(host.take(), ['32000 ended done']);
    }
  });
}

test('answers a repeated 2xx with the stored ACK of its fork, and is silent before there is one', () => {
  const { host, txn } = started('udp');
  txn.receive(200, 'a');
  host.take();
  assert.is(txn.receive(200, 'a'), 'absorb');
  assert.equal(host.take(), []);
  txn.acknowledgeSuccess('a', storedAck('ACK-a'), null);
  assert.equal(host.take(), ['0 send ACK-a to 192.0.2.7']);
  assert.is(txn.receive(200, 'a'), 'absorb');
  assert.equal(host.take(), ['0 send ACK-a to 192.0.2.7']);
});

test('hands up the 2xx of another fork once, and acknowledges each fork by its own ACK', () => {
  const { host, txn } = started('udp');
  txn.receive(200, 'a');
  txn.acknowledgeSuccess('a', storedAck('ACK-a'), null);
  assert.ok(txn.wants(200, 'b'));
  assert.is(txn.receive(200, 'b'), 'deliver');
  assert.not.ok(txn.wants(200, 'b'));
  txn.acknowledgeSuccess('b', storedAck('ACK-b'), null);
  host.take();
  txn.receive(200, 'a');
  txn.receive(200, 'b');
  assert.equal(host.take(), ['0 send ACK-a to 192.0.2.7', '0 send ACK-b to 192.0.2.7']);
});

test('absorbs provisionals and failures in accepted (RFC 6026)', () => {
  const { host, txn } = started('udp');
  txn.receive(200, 'a');
  host.take();
  for (const status of [100, 180, 300, 486, 603]) {
    assert.not.ok(txn.wants(status, 'z'));
    assert.is(txn.receive(status, 'z'), 'absorb');
  }
  assert.is(txn.state, 'accepted');
  assert.equal(host.take(), []);
});

test('follows sixteen forks and absorbs the seventeenth', () => {
  const { txn } = started('udp');
  for (let fork = 0; fork < 16; fork += 1) assert.is(txn.receive(200, `t${fork}`), 'deliver');
  assert.not.ok(txn.wants(200, 't16'));
  assert.is(txn.receive(200, 't16'), 'absorb');
});

test('treats missing To tags as one fork', () => {
  const { txn } = started('udp');
  assert.is(txn.receive(200, null), 'deliver');
  assert.is(txn.receive(200, null), 'absorb');
});

test('ends when the transport fails before an answer, and not after one', () => {
  const early = started('udp');
  early.txn.handleSendFailed();
  assert.equal(early.host.log, ['0 send INVITE', '0 ended transport']);
  assert.ok(early.host.isIdle);
  for (const status of [180, 200, 486]) {
    const { host, txn } = started('udp');
    if (txn.receive(status, 'a') === 'acknowledge') txn.acknowledgeFailure(ACK);
    host.take();
    txn.handleSendFailed();
    assert.equal(host.take(), []);
  }
});

test('holds a CANCEL back until a provisional, then releases it once', () => {
  const { txn } = started('udp');
  txn.cancel([['Reason', 'SIP;cause=200']]);
  assert.is(txn.takeCancel(), null);
  txn.receive(100, null);
  assert.equal(txn.takeCancel(), [['Reason', 'SIP;cause=200']]);
  assert.is(txn.takeCancel(), null);
  txn.cancel([]);
  assert.is(txn.takeCancel(), null);
});

test('drops a CANCEL when the final response comes first', () => {
  for (const status of [200, 486]) {
    const { txn } = started('udp');
    txn.cancel([]);
    if (txn.receive(status, 'a') === 'acknowledge') txn.acknowledgeFailure(ACK);
    assert.is(txn.takeCancel(), null);
    txn.cancel([]);
    assert.is(txn.takeCancel(), null);
  }
});

test('gives a cancelled INVITE 64*T1 to end, then calls it a timeout (§9.1)', () => {
  const { host, txn } = started('udp');
  txn.receive(180, 'a');
  host.runUntil(txn, 10_000);
  txn.cancel([]);
  txn.takeCancel();
  host.take();
  host.runUntil(txn, 100_000);
  assert.equal(host.take(), ['42000 ended timeout']);
});

test('a 2xx that crossed the CANCEL is handed up and keeps the transaction for timer M', () => {
  const { host, txn } = started('udp');
  txn.receive(180, 'a');
  txn.cancel([]);
  txn.takeCancel();
  host.nowMs = 5_000;
  assert.is(txn.receive(200, 'a'), 'deliver');
  host.take();
  host.runUntil(txn, 100_000);
  assert.equal(host.take(), ['37000 ended done']);
});

test('a 487 after the CANCEL ends the INVITE as any failure does', () => {
  const { host, txn } = started('udp');
  txn.receive(180, 'a');
  txn.cancel([]);
  txn.takeCancel();
  host.take();
  assert.is(txn.receive(487, 'a'), 'acknowledge');
  txn.acknowledgeFailure(ACK);
  host.runUntil(txn, 100_000);
  assert.equal(host.take(), ['0 send ACK', '32000 ended done']);
});

test('a terminated transaction absorbs everything', () => {
  const { host, txn } = started('udp');
  host.runUntil(txn, 40_000);
  host.take();
  for (const status of [180, 200, 486]) assert.is(txn.receive(status, 'a'), 'absorb');
  txn.cancel([]);
  assert.is(txn.takeCancel(), null);
  assert.equal(host.take(), []);
});

test.run();
