// Calls ended by the platform: drain, operator, limits, silence, the media engine; and everything given back.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endpointHandle } from '../../../src/base/index.ts';
import { B2buaDriver, calleeOf, callerOf, standingCall } from '../../support/b2bua-driver.ts';
import { anInvite, aRequest, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

function atRest(driver: B2buaDriver): void {
  for (const bye of driver.sent('BYE')) driver.answer(bye, 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.admission.calls, 0);
}

function byeToBoth(driver: B2buaDriver): void {
  assert.equal(
    driver.sent('BYE').map(({ host }) => host),
    ['192.0.2.10', '192.0.2.20'],
  );
}

test('E21 while draining a new INVITE is told 503 with Retry-After', () => {
  const driver = new B2buaDriver();
  driver.input({ kind: 'drain', on: true });
  const answer = driver.lastTold(driver.receive(anInvite()));
  assert.equal([answer.status, headerOf(answer, 'Retry-After')], [503, '30']);
  assert.equal(driver.rejected, ['NODE_DRAINING']);
  assert.ok(driver.b2bua.draining);
});

test('E21 OPTIONS is told 200 before and 503 with Retry-After while draining', () => {
  const driver = new B2buaDriver();
  assert.equal(driver.statuses(driver.receive(aRequest('OPTIONS'))), [200]);
  driver.input({ kind: 'drain', on: true });
  const answer = driver.lastTold(driver.receive(aRequest('OPTIONS')));
  assert.equal([answer.status, headerOf(answer, 'Retry-After')], [503, '30']);
});

test('E21 requests of standing calls are served while draining', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  driver.input({ kind: 'drain', on: true });
  assert.equal(driver.statuses(alice.send('OPTIONS')), [200]);
  const hold = alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  driver.answer(driver.lastSent('INVITE'), 200, {
    body: sdpOf({ host: '192.0.2.20', direction: 'recvonly' }),
  });
  assert.equal(driver.statuses(hold), [200]);
  alice.acknowledge(hold);
  assert.equal(driver.statuses(alice.send('BYE')), [200]);
  atRest(driver);
});

test('E21 a call that rings while the drain begins may still be answered', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.input({ kind: 'drain', on: true });
  driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ host: '192.0.2.20' }) });
  assert.equal(driver.statuses(txn), [200]);
});

test('E21 the drain limit says BYE to standing calls and refuses ringing ones', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const ringing = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 180);
  driver.input({ kind: 'hangupAll', cause: 'NODE_STOPPED' });
  byeToBoth(driver);
  assert.equal(driver.statuses(ringing), [180, 503]);
  driver.answer(driver.lastSent('INVITE'), 487);
  assert.is(driver.b2bua.callCount, 0);
  assert.equal(new Set(driver.records.map(({ cause }) => cause)), new Set(['NODE_STOPPED']));
});

test('E21 a drain that is called off takes calls again', () => {
  const driver = new B2buaDriver();
  driver.input({ kind: 'drain', on: true });
  driver.input({ kind: 'drain', on: false });
  assert.equal(driver.statuses(driver.receive(anInvite())), []);
});

test('an operator ends a standing call on both sides', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const [live] = driver.b2bua.liveCalls();
  if (live === undefined) throw new Error('no call');
  driver.input({ kind: 'hangup', callId: live.callId, cause: 'ENDED_BY_OPERATOR' });
  byeToBoth(driver);
  const { cause, endedBy, finalStatus } = driver.record('inbound');
  assert.equal([cause, endedBy, finalStatus], ['ENDED_BY_OPERATOR', 'platform', 200]);
  assert.is(driver.b2bua.liveCall(live.callId), null);
  atRest(driver);
});

test('an operator ends a ringing call: 487 to the caller, CANCEL to the gateway', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 180);
  const [live] = driver.b2bua.liveCalls();
  if (live === undefined) throw new Error('no call');
  driver.input({ kind: 'hangup', callId: live.callId, cause: 'ENDED_BY_OPERATOR' });
  assert.equal(driver.statuses(txn), [180, 487]);
  assert.is(driver.cancels.length, 1);
  driver.answer(driver.lastSent('INVITE'), 487);
  atRest(driver);
});

test('ends a call at the lesser max_duration_s of its two trunks', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  driver.pass(3_599_900);
  assert.is(driver.b2bua.callCount, 1);
  driver.pass(200);
  byeToBoth(driver);
  const { cause, durationMs, endedBy } = driver.record('outbound');
  assert.equal([cause, endedBy], ['MAX_DURATION', 'platform']);
  assert.ok(durationMs >= 3_600_000 && durationMs <= 3_600_010, String(durationMs));
});

test('silence on a leg ends the call with its own cause and Reason', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const [, b] = driver.endpoints;
  if (b === undefined) throw new Error('no endpoint');
  driver.input({ kind: 'engine', event: { kind: 'mediaTimeout', endpoint: b, silentMs: 60_000 } });
  byeToBoth(driver);
  assert.is(
    headerOf(driver.lastSent('BYE').request, 'Reason'),
    'Q.850;cause=31;text="MEDIA_TIMEOUT"',
  );
  assert.is(driver.record('inbound').cause, 'MEDIA_TIMEOUT');
  atRest(driver);
});

test('silence before the answer ends nothing, and the answer starts the clock of both legs anew', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const bobSays = sdpOf({ host: '192.0.2.20', port: 50_000 });
  driver.answer(driver.lastSent('INVITE'), 183, { body: bobSays });
  const silence = (): void => {
    for (const endpoint of driver.endpoints)
      driver.input({ kind: 'engine', event: { kind: 'mediaTimeout', endpoint, silentMs: 60_000 } });
  };
  silence();
  assert.equal(driver.statuses(txn), [183]);
  assert.is(driver.cancels.length, 0);
  const orders = driver.engine.orders.length;
  driver.answer(driver.lastSent('INVITE'), 200);
  assert.equal(driver.statuses(txn), [183, 200]);
  const armed = driver.engine.orders
    .slice(orders)
    .flatMap((order) => (order.kind === 'updateEndpoint' ? [order.inactivityMs] : []));
  assert.equal(armed, [60_000, 60_000]);
  silence();
  assert.is(driver.record('inbound').cause, 'MEDIA_TIMEOUT');
});

test('silence on an endpoint of no call changes nothing', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const event = { kind: 'mediaTimeout', endpoint: endpointHandle(999), silentMs: 1 } as const;
  driver.input({ kind: 'engine', event });
  assert.is(driver.b2bua.callCount, 1);
});

test('a full engine refuses the call with 503 and closes what it had opened', () => {
  const driver = new B2buaDriver();
  driver.engine.capacity = 1;
  const txn = driver.receive(anInvite());
  const answer = driver.lastTold(txn);
  assert.equal([answer.status, headerOf(answer, 'Retry-After')], [503, '2']);
  assert.is(driver.sent('INVITE').length, 0);
  assert.is(driver.record('inbound').cause, 'ENGINE_FULL');
  atRest(driver);
});

test('an engine that is lost ends every call, and new ones wait for the next engine', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const ringing = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 180);
  driver.input({ kind: 'engine', event: { kind: 'engineLost' } });
  byeToBoth(driver);
  assert.equal(driver.statuses(ringing), [180, 503]);
  driver.answer(driver.lastSent('INVITE'), 487);
  assert.equal(driver.statuses(driver.receive(anInvite())), [503]);
  assert.equal(new Set(driver.records.map(({ cause }) => cause)), new Set(['ENGINE_LOST']));
  assert.equal(
    driver.records.map(({ media }) => media),
    [null, null, null, null],
  );
  driver.engine.endpoints.clear();
  atRest(driver);
});

test('an engine lost while it opens endpoints refuses the caller', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  const txn = driver.receive(anInvite());
  driver.input({ kind: 'engine', event: { kind: 'engineLost' } });
  assert.equal(driver.statuses(txn), [503]);
  driver.unanswered.length = 0;
  atRest(driver);
});

test('an engine that opens endpoints only after the call was given up is told to close them', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  const txn = driver.receive(anInvite());
  driver.cancel(txn);
  driver.pass(2_100);
  assert.is(driver.records.length, 1);
  driver.settleEngine();
  assert.is(driver.engine.endpoints.size, 0);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('an endpoint that opened before the call was given up is closed, though the engine owes the other', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  const txn = driver.receive(anInvite());
  driver.cancel(txn);
  const [first] = driver.unanswered.splice(0, 1);
  if (first === undefined) throw new Error('no endpoint was asked for');
  driver.input({ kind: 'engine', event: driver.engine.carryOut(first) });
  driver.pass(2_100);
  assert.is(driver.records.length, 1);
  driver.settleEngine();
  assert.is(driver.engine.endpoints.size, 0);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('what a stop waits for are ACKs that BYEs wait for and answers, and no forks', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  assert.is(driver.b2bua.awaited, 1);
  driver.answer(sent, 200, { body: sdpOf({ host: sent.host }) });
  assert.is(driver.b2bua.awaited, 0, 'a fork may answer, but nobody owes it');
  driver.input({ kind: 'hangupAll', cause: 'NODE_STOPPED' });
  assert.equal([driver.b2bua.callCount, driver.b2bua.awaited], [0, 2]);
  driver.answer(driver.lastSent('BYE'), 200);
  assert.is(driver.b2bua.awaited, 1);
  callerOf(driver, invite, txn).acknowledge(txn);
  assert.is(driver.b2bua.awaited, 1, 'now it is the BYE’s answer');
  driver.answer(driver.lastSent('BYE'), 200);
  assert.is(driver.b2bua.awaited, 0);
  atRest(driver);
});

for (const [code, cause] of [
  ['ADDRESS_INVALID', 'MEDIA_UNREACHABLE'],
  ['SOCKET_FAILED', 'ENGINE_FULL'],
  ['HANDLE_STALE', 'ENGINE_LOST'],
] as const) {
  test(`an order refused by ${code} when both sides are answered ends the call as ${cause}`, () => {
    const driver = new B2buaDriver();
    const { alice } = standingCall(driver);
    driver.engineAnswers = false;
    const asked = alice.send('INVITE');
    const body = sdpOf({ host: '192.0.2.20', direction: 'sendonly' });
    driver.answer(driver.lastSent('INVITE'), 200, { body });
    alice.acknowledge(asked, sdpOf({ direction: 'recvonly', version: 2 }));
    const [order] = driver.unanswered;
    if (order?.kind !== 'updateEndpoint') throw new Error('an update was expected');
    const { endpoint } = order;
    driver.input({
      kind: 'engine',
      event: { kind: 'orderDone', order: order.order, code, endpoint },
    });
    byeToBoth(driver);
    driver.settleEngine();
    assert.is(driver.record('inbound').cause, cause);
    atRest(driver);
  });
}

test('endpoints that are gone in a change of the call end it on both sides', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  driver.engine.endpoints.clear();
  const body = sdpOf({ host: '192.0.2.20', direction: 'recvonly' });
  driver.answer(driver.lastSent('INVITE'), 200, { body });
  byeToBoth(driver);
  assert.is(driver.record('inbound').cause, 'ENGINE_LOST');
});

test('ending a call twice sends one BYE to each side', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  driver.engineAnswers = false;
  driver.input({ kind: 'hangupAll', cause: 'NODE_STOPPED' });
  driver.input({ kind: 'hangupAll', cause: 'ENDED_BY_OPERATOR' });
  byeToBoth(driver);
  driver.settleEngine();
  assert.is(driver.record('inbound').cause, 'NODE_STOPPED');
});

test('a BYE that can’t be sent to the name in a gateway’s Contact goes to where that gateway was asked', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const contact = '<sip:bob@no-such-name.example>';
  driver.answer(driver.lastSent('INVITE'), 200, { contact, body: sdpOf({ host: '192.0.2.20' }) });
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  alice.send('BYE');
  const first = driver.lastSent('BYE');
  assert.is(first.host, 'no-such-name.example');
  driver.fail(first, 'transport');
  const again = driver.lastSent('BYE');
  assert.equal([again.host, again.request.uri], ['192.0.2.20', 'sip:bob@no-such-name.example']);
  assert.is(headerOf(again.request, 'Reason'), headerOf(first.request, 'Reason'));
  driver.fail(again, 'transport');
  assert.is(driver.sent('BYE').length, 2, 'there is no third place');
  assert.equal(driver.rejected, ['GATEWAY_UNREACHABLE']);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('a BYE instead of the ACK ends the repetition of its INVITE’s 200', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: sdpOf({ host: sent.host, port: 50_000 }) });
  assert.equal(driver.statuses(callerOf(driver, invite, txn).send('BYE')), [200]);
  assert.equal(driver.taken, [txn]);
  atRest(driver);
});

test('a BYE that waits for the caller’s ACK is not brought on by one from elsewhere', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: sdpOf({ host: sent.host, port: 50_000 }) });
  const alice = callerOf(driver, invite, txn);
  calleeOf(driver, sent).send('BYE');
  alice.acknowledgeFrom('198.51.100.1', txn);
  assert.equal([driver.sent('BYE').length, driver.taken, driver.b2bua.callCount], [0, [], 0]);
  alice.acknowledge(txn);
  assert.equal(
    driver.sent('BYE').map(({ host }) => host),
    ['192.0.2.10'],
  );
  assert.equal(driver.taken, [txn]);
  atRest(driver);
});

test.run();
