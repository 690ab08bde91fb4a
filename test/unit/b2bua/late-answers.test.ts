// Answers that no call waits for any more: forks, answers that cross a CANCEL, gateways given up.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver, standingCall, START_EPOCH } from '../../support/b2bua-driver.ts';
import type { SentRequest } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const answered = { body: sdpOf({ host: '192.0.2.20', port: 50_000 }) };

/** The newest ACK and BYE went to the party of this tag. */
function hungUp(driver: B2buaDriver, tag: string): void {
  const ack = driver.acks.at(-1);
  assert.is(ack?.toTag, tag);
  assert.match(headerOf(driver.lastSent('BYE').request, 'To'), new RegExp(`;tag=${tag}$`));
}

function atRest(driver: B2buaDriver, ...byes: readonly SentRequest[]): void {
  for (const bye of byes) driver.answer(bye, 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.admission.calls, 0);
}

test('a second fork’s answer is acknowledged and hung up, and the call stands', () => {
  const driver = new B2buaDriver();
  const { sent } = standingCall(driver);
  driver.answer(sent, 200, { ...answered, toTag: 'fork-tag' });
  hungUp(driver, 'fork-tag');
  assert.is(driver.b2bua.callCount, 1);
});

test('a fork that answers after the call ended is acknowledged and hung up', () => {
  const driver = new B2buaDriver();
  const { sent, alice } = standingCall(driver);
  alice.send('BYE');
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(5_000);
  driver.answer(sent, 200, { ...answered, toTag: 'fork-tag' });
  hungUp(driver, 'fork-tag');
  atRest(driver, driver.lastSent('BYE'));
});

test('an answer that crosses the caller’s CANCEL is acknowledged and hung up', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 180);
  driver.cancel(txn);
  assert.is(driver.cancels[0]?.txn, sent.txn);
  driver.answer(sent, 200, answered);
  hungUp(driver, 'bob-tag');
  assert.equal(driver.statuses(txn), [180, 487]);
  assert.is(
    headerOf(driver.lastSent('BYE').request, 'Reason'),
    'Q.850;cause=16;text="CALLER_CANCELLED"',
  );
  atRest(driver, driver.lastSent('BYE'));
});

test('an answer that crosses the CANCEL stands in the callee’s record, which waits for it', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.cancel(txn);
  assert.is(driver.records.length, 0);
  driver.pass(300);
  driver.answer(sent, 200, answered);
  const { finalStatus, answeredAt, endedAt, durationMs, routesTried, cause } =
    driver.record('outbound');
  assert.equal([finalStatus, durationMs, cause], [200, 0, 'CALLER_CANCELLED']);
  assert.equal([answeredAt, endedAt], [START_EPOCH + 300, START_EPOCH + 300]);
  assert.is(routesTried, 'out/udp:192.0.2.20:5060 cancelled+200');
  assert.equal(
    [driver.record('inbound').finalStatus, driver.record('inbound').endedAt],
    [487, START_EPOCH],
  );
});

test('the records of a cancelled call wait two seconds for its gateway and no longer', () => {
  const driver = new B2buaDriver();
  driver.cancel(driver.receive(anInvite()));
  driver.pass(1_900);
  assert.is(driver.records.length, 0);
  driver.pass(200);
  assert.is(driver.record('outbound').finalStatus, 487);
  driver.answer(driver.lastSent('INVITE'), 200, answered);
  assert.is(driver.records.length, 2);
});

test('an answer of a gateway that was given up is noted where the record names that gateway', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  const first = driver.lastSent('INVITE');
  driver.pass(4_010);
  driver.answer(first, 200, answered);
  driver.answer(driver.lastSent('INVITE'), 486);
  const { routesTried, answeredAt } = driver.record('outbound');
  assert.is(routesTried, 'out/udp:192.0.2.20:5060 timeout+200,out/udp:192.0.2.21:5060 486');
  assert.is(answeredAt, null);
});

test('two forks that both answer after a CANCEL are both hung up', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.cancel(txn);
  driver.answer(sent, 200, { ...answered, toTag: 'one' });
  hungUp(driver, 'one');
  driver.answer(sent, 200, { ...answered, toTag: 'two' });
  hungUp(driver, 'two');
  atRest(driver, ...driver.sent('BYE'));
});

test('a gateway that answers after it was given up is hung up, and the next one’s call goes on', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const first = driver.lastSent('INVITE');
  driver.pass(4_010);
  const second = driver.lastSent('INVITE');
  assert.is(second.host, '192.0.2.21');
  driver.answer(first, 200, answered);
  hungUp(driver, 'bob-tag');
  assert.is(driver.lastSent('BYE').host, '192.0.2.20');
  driver.answer(second, 200, { body: sdpOf({ host: '192.0.2.21' }), toTag: 'carol-tag' });
  assert.equal(driver.statuses(txn), [200]);
  assert.is(driver.b2bua.callCount, 1);
});

test('a late ringing of a gateway that was given up is not passed on', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const first = driver.lastSent('INVITE');
  driver.pass(4_010);
  driver.answer(first, 183, answered);
  assert.equal(driver.statuses(txn), []);
});

test('a late refusal after CANCEL leaves nothing behind', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.cancel(txn);
  driver.answer(driver.lastSent('INVITE'), 487);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('a gateway that never answers after CANCEL leaves nothing behind', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.cancel(txn);
  driver.fail(driver.lastSent('INVITE'), 'timeout');
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('a refusal sends no CANCEL after it', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 486);
  assert.is(driver.cancels.length, 0);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test.run();
