// RFC 3261 §17.1.2 (figure 6): every state and event, with exact times.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clientTxnId } from '../../../../src/base/index.ts';
import { NonInviteClient } from '../../../../src/sip/transaction/non-invite-client.ts';
import { SimulatedHost, identityOn } from './simulated-host.ts';

function started(transport: 'udp' | 'tcp'): { host: SimulatedHost; txn: NonInviteClient } {
  const host = new SimulatedHost();
  const txn = new NonInviteClient(identityOn(transport), { user: clientTxnId(1), host });
  txn.start(Buffer.from('BYE'));
  return { host, txn };
}

test('repeats the request by timer E capped at T2 and gives up at timer F', () => {
  const { host, txn } = started('udp');
  host.runUntil(txn, 100_000);
  const times = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
  assert.equal(host.log, [...times.map((ms) => `${ms} send BYE`), '32000 ended timeout']);
});

test('sends the request once on a reliable transport and gives up at timer F', () => {
  const { host, txn } = started('tcp');
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['0 send BYE', '32000 ended timeout']);
});

test('goes on repeating every T2 after a provisional, and timer F still ends it', () => {
  const { host, txn } = started('udp');
  host.runUntil(txn, 600);
  assert.not.ok(txn.receive(100));
  assert.is(txn.state, 'proceeding');
  host.runUntil(txn, 100_000);
  const times = [0, 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500];
  assert.equal(host.log, [...times.map((ms) => `${ms} send BYE`), '32000 ended timeout']);
});

for (const before of ['trying', 'proceeding'] as const) {
  test(`a final response in ${before} is the user's; timer K absorbs its repeats`, () => {
    const { host, txn } = started('udp');
    if (before === 'proceeding') txn.receive(100);
    assert.is(txn.state, before);
    host.take();
    assert.ok(txn.wants(404));
    assert.ok(txn.receive(404));
    assert.is(txn.state, 'completed');
    assert.not.ok(txn.wants(404));
    assert.not.ok(txn.receive(404));
    host.runUntil(txn, 100_000);
    assert.equal(host.take(), ['5000 ended done']);
  });

  test(`a final response in ${before} ends it at once on a reliable transport (K is zero)`, () => {
    const { host, txn } = started('tcp');
    if (before === 'proceeding') txn.receive(100);
    host.take();
    assert.ok(txn.receive(200));
    assert.equal(host.take(), ['0 ended done']);
    assert.ok(host.isIdle);
  });

  test(`a transport failure in ${before} ends it`, () => {
    const { host, txn } = started('udp');
    if (before === 'proceeding') txn.receive(100);
    host.take();
    txn.handleSendFailed();
    assert.equal(host.take(), ['0 ended transport']);
  });
}

test('hands up provisionals above 100', () => {
  const { txn } = started('udp');
  assert.ok(txn.wants(183));
  assert.ok(txn.receive(183));
  assert.not.ok(txn.wants(100));
});

test('a transport failure after the final response changes nothing', () => {
  const { host, txn } = started('udp');
  txn.receive(200);
  host.take();
  txn.handleSendFailed();
  assert.equal(host.take(), []);
  assert.is(txn.state, 'completed');
});

test.run();
