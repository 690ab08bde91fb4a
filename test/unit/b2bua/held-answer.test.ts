// The caller's 200 waits for the engine: nobody is told that media flows before it can.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServerTxnId } from '../../../src/base/index.ts';
import type { EngineOrder } from '../../../src/engine/index.ts';
import {
  B2buaDriver,
  calleeOf,
  callerOf,
  standingCall,
  START_EPOCH,
} from '../../support/b2bua-driver.ts';
import type { SentRequest } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const bobSays = { body: sdpOf({ host: '192.0.2.20', port: 50_000 }) };

const LOST = ['ENGINE_LOST', 'ENGINE_LOST'];

interface Held {
  readonly driver: B2buaDriver;
  readonly txn: ServerTxnId;
  readonly sent: SentRequest;
}

/** A call whose gateway has answered while the engine still owes all answers about the connection. */
function held(): Held {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.engineAnswers = false;
  driver.answer(sent, 200, bobSays);
  return { driver, txn, sent };
}

/** The engine answers the order that has waited longest; with `code` it was not carried out. */
function settleOne(driver: B2buaDriver, code: 'OK' | 'ADDRESS_INVALID' = 'OK'): void {
  const order = driver.unanswered.shift();
  if (order === undefined) throw new Error('the engine owes no answer');
  const event = driver.engine.carryOut(order);
  if (event.kind !== 'orderDone') throw new Error(`${order.kind} is not part of a connection`);
  driver.input({ kind: 'engine', event: { ...event, code } });
}

const kinds = (orders: readonly EngineOrder[]): readonly string[] => orders.map(({ kind }) => kind);

function atRest(driver: B2buaDriver): void {
  driver.settleEngine();
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.admission.calls, 0);
}

test('holds the caller’s 200 until the engine carried out the last order of the connection', () => {
  const { driver, txn } = held();
  assert.is(driver.acks.length, 1, 'the gateway’s answer is acknowledged at once');
  const orders = driver.unanswered.length;
  assert.equal(kinds(driver.unanswered), [
    'updateEndpoint',
    'updateEndpoint',
    'openLink',
    'openLink',
  ]);
  for (let left = orders; left > 0; left -= 1) {
    assert.equal(driver.statuses(txn), [], `${left} orders are left`);
    settleOne(driver);
  }
  assert.equal(driver.statuses(txn), [200]);
  assert.match(
    driver.lastTold(txn).body?.toString() ?? '',
    /\r\nm=audio 2\d{4} RTP\/AVP 0 101\r\n/,
  );
});

test('both legs count as answered from the moment the caller was told', () => {
  const invite = anInvite();
  const driver = new B2buaDriver();
  const txn = driver.receive(invite);
  driver.engineAnswers = false;
  driver.answer(driver.lastSent('INVITE'), 200, bobSays);
  driver.pass(300);
  driver.settleEngine();
  callerOf(driver, invite, txn).send('BYE');
  const answers = driver.records.map(({ answeredAt }) => answeredAt);
  assert.equal(answers, [START_EPOCH + 300, START_EPOCH + 300]);
});

test('an answer about early media’s connection does not let the 200 of a newer one go', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.engineAnswers = false;
  driver.answer(sent, 183, bobSays);
  const early = driver.unanswered.length;
  assert.ok(early > 0);
  driver.answer(sent, 200, { body: sdpOf({ host: '192.0.2.20', port: 50_002, version: 2 }) });
  for (let i = 0; i < early; i += 1) settleOne(driver);
  assert.equal(driver.statuses(txn), [183]);
  driver.settleEngine();
  assert.equal(driver.statuses(txn), [183, 200]);
});

test('the echo holds its 200 too', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  const txn = driver.receive(anInvite().dialling('08001'));
  const [opening] = driver.unanswered.splice(0);
  if (opening === undefined) throw new Error('no endpoint was ordered');
  driver.input({ kind: 'engine', event: driver.engine.carryOut(opening) });
  assert.equal(kinds(driver.unanswered), ['updateEndpoint', 'openLink']);
  assert.equal(driver.statuses(txn), []);
  driver.settleEngine();
  assert.equal(driver.statuses(txn), [200]);
});

test('CANCEL while the 200 is held gives 487, and BYE to the gateway that has answered', () => {
  const { driver, txn, sent } = held();
  driver.cancel(txn);
  assert.equal(driver.statuses(txn), [487]);
  const { request } = driver.lastSent('BYE');
  assert.is(headerOf(request, 'Call-ID'), headerOf(sent.request, 'Call-ID'));
  assert.is(headerOf(request, 'Reason'), 'Q.850;cause=16;text="CALLER_CANCELLED"');
  assert.is(driver.cancels.length, 0, 'an INVITE that was answered is not cancelled');
  atRest(driver);
  assert.equal(driver.statuses(txn), [487], 'what the engine says later brings no 200');
  const { cause, finalStatus, answeredAt } = driver.record('inbound');
  assert.equal([cause, finalStatus, answeredAt], ['CALLER_CANCELLED', 487, null]);
});

for (const place of [0, 1, 2, 3]) {
  test(`an order refused with ADDRESS_INVALID at place ${place} gives the caller 488 and the gateway BYE`, () => {
    const { driver, txn } = held();
    for (let i = 0; i < place; i += 1) settleOne(driver);
    settleOne(driver, 'ADDRESS_INVALID');
    assert.equal(driver.statuses(txn), [488]);
    assert.is(
      headerOf(driver.lastSent('BYE').request, 'Reason'),
      'Q.850;cause=3;text="MEDIA_UNREACHABLE"',
    );
    atRest(driver);
    assert.equal(driver.statuses(txn), [488]);
    const { cause, finalStatus, q850, endedBy } = driver.record('inbound');
    assert.equal([cause, finalStatus, q850, endedBy], ['MEDIA_UNREACHABLE', 488, 3, 'platform']);
    assert.is(driver.record('outbound').cause, 'MEDIA_UNREACHABLE');
  });
}

test('a callee that hangs up while the 200 is held leaves the caller with 487, never with a 200', () => {
  const { driver, txn, sent } = held();
  assert.equal(driver.statuses(calleeOf(driver, sent).send('BYE')), [200]);
  assert.equal(driver.statuses(txn), [487]);
  driver.settleEngine();
  driver.pass(32_100);
  assert.equal(driver.statuses(txn), [487]);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('a gateway that was acknowledged is recorded as answered, though the caller never heard of it', () => {
  const { driver, txn } = held();
  driver.cancel(txn);
  driver.settleEngine();
  assert.equal(driver.statuses(txn), [487]);
  assert.is(driver.record('inbound').finalStatus, 487);
  const { finalStatus, answeredAt } = driver.record('outbound');
  assert.equal([finalStatus, answeredAt], [200, START_EPOCH]);
});

test('an engine that opens nothing within 2 s leaves the caller with 503 and a record', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  const txn = driver.receive(anInvite());
  driver.pass(1_900);
  assert.equal(driver.statuses(txn), []);
  driver.pass(200);
  const { status, headers } = driver.lastTold(txn);
  assert.equal([status, headerOf({ headers }, 'Retry-After')], [503, '2']);
  driver.pass(2_000);
  assert.is(driver.record('inbound').cause, 'ENGINE_LOST');
  assert.is(driver.admission.calls, 0);
});

test('an engine that never connects the legs leaves the caller with 503 and the gateway with BYE', () => {
  const { driver, txn } = held();
  driver.pass(2_100);
  assert.equal(driver.statuses(txn), [503]);
  const reason = headerOf(driver.lastSent('BYE').request, 'Reason');
  assert.is(reason, 'Q.850;cause=41;text="ENGINE_LOST"');
  atRest(driver);
  assert.equal([driver.record('inbound').cause, driver.record('outbound').cause], LOST);
});

test('an engine that never connects early media ends the attempt', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.engineAnswers = false;
  driver.answer(driver.lastSent('INVITE'), 183, bobSays);
  driver.pass(2_100);
  assert.equal(driver.statuses(txn), [183, 503]);
  assert.is(driver.cancels.length, 1);
});

test('an engine that falls silent in a change of the call ends it on both sides', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  driver.engineAnswers = false;
  alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  const body = sdpOf({ host: '192.0.2.20', direction: 'recvonly', version: 2 });
  driver.answer(driver.lastSent('INVITE'), 200, { body });
  driver.pass(2_100);
  const hosts = driver.sent('BYE').map(({ host }) => host);
  assert.equal(hosts, ['192.0.2.10', '192.0.2.20']);
  driver.settleEngine();
  assert.equal([driver.record('inbound').cause, driver.record('outbound').cause], LOST);
});

test('a media process that ends while the 200 is held leaves the caller with 503', () => {
  const { driver, txn } = held();
  driver.input({ kind: 'engine', event: { kind: 'engineLost' } });
  assert.equal(driver.statuses(txn), [503]);
  assert.is(driver.sent('BYE').length, 1);
});

test.run();
