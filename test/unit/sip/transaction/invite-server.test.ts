// RFC 3261 §17.2.1 (figure 7), §13.3.1.4, RFC 6026 §7.1: every state and event, with exact times.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InviteServer } from '../../../../src/sip/transaction/invite-server.ts';
import { SimulatedHost, identityOn } from './simulated-host.ts';

function started(transport: 'udp' | 'tcp'): { host: SimulatedHost; txn: InviteServer } {
  const host = new SimulatedHost();
  const txn = new InviteServer(identityOn(transport), host);
  txn.start();
  return { host, txn };
}

const bytesOf = (status: number): Buffer => Buffer.from(String(status));

test('asks for a 100 after 200 ms without a response, and only then', () => {
  const { host, txn } = started('udp');
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['200 100 is due']);
});

test('asks for no 100 when the user answered in time', () => {
  for (const status of [100, 180, 200, 486]) {
    const { host, txn } = started('tcp');
    host.runUntil(txn, 150);
    txn.respond(status, bytesOf(status));
    host.runUntil(txn, 300);
    assert.equal(host.take(), [`150 send ${status}`]);
  }
});

test('a repeated INVITE is met by the last provisional, or by silence before there is one', () => {
  const { host, txn } = started('udp');
  txn.handleRepeat();
  assert.equal(host.take(), []);
  txn.respond(180, bytesOf(180));
  txn.respond(183, bytesOf(183));
  txn.handleRepeat();
  assert.equal(host.take(), ['0 send 180', '0 send 183', '0 send 183']);
});

test('repeats a failure by timer G capped at T2 until timer H', () => {
  const { host, txn } = started('udp');
  txn.respond(486, bytesOf(486));
  host.runUntil(txn, 100_000);
  const times = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
  assert.equal(host.log, [...times.map((ms) => `${ms} send 486`), '32000 ended done']);
});

test('sends a failure once on a reliable transport and waits for its ACK until timer H', () => {
  const { host, txn } = started('tcp');
  txn.respond(486, bytesOf(486));
  host.runUntil(txn, 100_000);
  assert.equal(host.log, ['0 send 486', '32000 ended done']);
});

test('the ACK of a failure confirms it; timer I absorbs what is left', () => {
  const { host, txn } = started('udp');
  txn.respond(486, bytesOf(486));
  host.runUntil(txn, 600);
  assert.ok(txn.handleFailureAck());
  assert.is(txn.state, 'confirmed');
  host.take();
  assert.ok(txn.handleFailureAck());
  txn.handleRepeat();
  host.runUntil(txn, 100_000);
  assert.equal(host.take(), ['5600 ended done']);
});

test('the ACK of a failure ends the transaction on a reliable transport (I is zero)', () => {
  const { host, txn } = started('tcp');
  txn.respond(486, bytesOf(486));
  assert.ok(txn.handleFailureAck());
  assert.equal(host.take(), ['0 send 486', '0 ended done']);
  assert.ok(host.isIdle);
});

test('a repeated INVITE in completed is met by the failure', () => {
  const { host, txn } = started('udp');
  txn.respond(486, bytesOf(486));
  host.take();
  txn.handleRepeat();
  assert.equal(host.take(), ['0 send 486']);
});

for (const transport of ['udp', 'tcp'] as const) {
  test(`repeats a 2xx over ${transport} at T1 to T2 until 64*T1, then misses the ACK`, () => {
    const { host, txn } = started(transport);
    txn.respond(200, bytesOf(200));
    host.runUntil(txn, 100_000);
    const times = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
    assert.equal(host.log, [...times.map((ms) => `${ms} send 200`), '32000 ended ackMissing']);
  });

  test(`the ACK of a 2xx over ${transport} stops the repeats; timer L ends the transaction`, () => {
    const { host, txn } = started(transport);
    txn.respond(200, bytesOf(200));
    host.runUntil(txn, 600);
    host.take();
    assert.ok(txn.awaitsAck);
    txn.handleSuccessAck();
    assert.not.ok(txn.awaitsAck);
    txn.handleSuccessAck();
    txn.handleRepeat();
    host.runUntil(txn, 100_000);
    assert.equal(host.take(), ['32000 ended done']);
  });
}

test('absorbs a repeated INVITE in accepted (RFC 6026)', () => {
  const { host, txn } = started('udp');
  txn.respond(200, bytesOf(200));
  host.take();
  txn.handleRepeat();
  assert.equal(host.take(), []);
});

test('the first final response stands: later ones and provisionals are dropped', () => {
  for (const first of [200, 486]) {
    const { host, txn } = started('udp');
    txn.respond(first, bytesOf(first));
    host.take();
    for (const status of [180, 200, 487, 603]) txn.respond(status, bytesOf(status));
    assert.equal(host.take(), []);
    assert.is(txn.state, first === 200 ? 'accepted' : 'completed');
  }
});

test('awaits a failure ACK in completed and confirmed only', () => {
  const { txn } = started('udp');
  assert.not.ok(txn.handleFailureAck());
  txn.respond(200, bytesOf(200));
  assert.not.ok(txn.handleFailureAck());
  assert.is(txn.state, 'accepted');
});

test('reports a CANCEL once, and not after a final response', () => {
  const pending = started('udp').txn;
  assert.ok(pending.handleCancel());
  assert.not.ok(pending.handleCancel());
  for (const status of [200, 486]) {
    const { txn } = started('udp');
    txn.respond(status, bytesOf(status));
    assert.not.ok(txn.handleCancel());
  }
});

test.run();
