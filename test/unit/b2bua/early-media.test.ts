// Early media that doesn't stay: the engine refuses it, or the fork that sent it isn't the one that answers.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServerTxnId } from '../../../src/base/index.ts';
import type { EngineCode } from '../../../src/engine/index.ts';
import type { SentRequest } from '../../support/b2bua-driver.ts';
import { B2buaDriver } from '../../support/b2bua-driver.ts';
import { anInvite, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const at = (port: number): string => sdpOf({ host: '192.0.2.20', port });

interface Early {
  readonly driver: B2buaDriver;
  readonly txn: ServerTxnId;
  readonly sent: SentRequest;
}

/** A call that rings with early media while the engine still owes all answers about its connection. */
function early(): Early {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.engineAnswers = false;
  driver.answer(sent, 183, { body: at(50_000) });
  return { driver, txn, sent };
}

/** The engine answers the order that has waited longest, with this code. */
function settleOne(driver: B2buaDriver, code: EngineCode): void {
  const order = driver.unanswered.shift();
  if (order === undefined) throw new Error('the engine owes no answer');
  const event = driver.engine.carryOut(order);
  if (event.kind !== 'orderDone') throw new Error(`${order.kind} is not part of a connection`);
  driver.input({ kind: 'engine', event: { ...event, code } });
}

const feeds = (driver: B2buaDriver): readonly boolean[] =>
  [...driver.engine.endpoints.values()].map((endpoint) => endpoint.feeds !== null);
const remotePorts = (driver: B2buaDriver): readonly unknown[] =>
  [...driver.engine.endpoints.values()].map(({ update }) => update?.remoteRtp?.port);

for (const place of [0, 1, 2, 3]) {
  test(`early media that the engine refuses at place ${place} is left out, and the call goes on ringing`, () => {
    const { driver, txn, sent } = early();
    for (let i = 0; i < place; i += 1) settleOne(driver, 'OK');
    settleOne(driver, 'ADDRESS_INVALID');
    driver.settleEngine();
    assert.equal(driver.statuses(txn), [183]);
    assert.is(driver.cancels.length, 0);
    assert.equal(feeds(driver), [false, false]);
    driver.pass(3_000);
    driver.answer(sent, 200, { body: at(50_002) });
    assert.equal(driver.statuses(txn), [183, 200]);
    assert.equal(feeds(driver), [true, true]);
    assert.equal(remotePorts(driver), [40_000, 50_002]);
  });
}

test('every order of early media may be refused', () => {
  const { driver, txn } = early();
  for (let i = 0; i < 4; i += 1) settleOne(driver, 'ADDRESS_INVALID');
  driver.settleEngine();
  assert.equal(driver.statuses(txn), [183]);
  assert.is(driver.b2bua.callCount, 1);
});

test('a refusal of early media says nothing about the connection of the 200 that came meanwhile', () => {
  const { driver, txn, sent } = early();
  driver.answer(sent, 200, { body: at(50_002) });
  settleOne(driver, 'OK');
  settleOne(driver, 'ADDRESS_INVALID');
  driver.settleEngine();
  assert.equal(driver.statuses(txn), [183, 200]);
  assert.equal(feeds(driver), [true, true]);
});

test('a 200 that has no other address than the refused early media’s is told 488', () => {
  const { driver, txn, sent } = early();
  settleOne(driver, 'OK');
  settleOne(driver, 'ADDRESS_INVALID');
  driver.settleEngine();
  driver.engineAnswers = false;
  driver.answer(sent, 200);
  settleOne(driver, 'OK');
  settleOne(driver, 'ADDRESS_INVALID');
  assert.equal(driver.statuses(txn), [183, 488]);
  driver.settleEngine();
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('endpoints that are no more end a call with early media', () => {
  const { driver, txn } = early();
  settleOne(driver, 'HANDLE_STALE');
  assert.equal(driver.statuses(txn), [183, 503]);
});

test('a 200 without SDP takes the early answer of its own fork', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 183, { toTag: 'one', body: at(50_000) });
  driver.answer(sent, 183, { toTag: 'two', body: at(51_000) });
  driver.answer(sent, 200, { toTag: 'one' });
  assert.equal(driver.statuses(txn), [183, 183, 200]);
  assert.equal(remotePorts(driver), [40_000, 50_000]);
});

test('a 200 without SDP of a fork that answered nothing before is no answer at all', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 183, { toTag: 'one', body: at(50_000) });
  driver.answer(sent, 200, { toTag: 'two' });
  assert.equal(driver.statuses(txn), [183, 488]);
  assert.is(driver.sent('BYE').length, 1);
});

test('of many forks’ early answers the newest eight are kept', () => {
  for (const [fork, status] of [
    [1, 488],
    [2, 200],
    [9, 200],
  ] as const) {
    const driver = new B2buaDriver();
    const txn = driver.receive(anInvite());
    const sent = driver.lastSent('INVITE');
    for (let tag = 1; tag <= 9; tag += 1) {
      driver.answer(sent, 183, { toTag: `fork${tag}`, body: at(50_000 + 2 * tag) });
    }
    driver.answer(sent, 200, { toTag: `fork${fork}` });
    assert.is(driver.lastTold(txn).status, status);
  }
});

test.run();
