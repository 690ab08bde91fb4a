// The 200 to a re-INVITE waits for the engine: a change that it can't make is refused, and the call stands as it was.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServerTxnId } from '../../../src/base/index.ts';
import { B2buaDriver, callerOf, standingCall } from '../../support/b2bua-driver.ts';
import type { SentRequest, Standing } from '../../support/b2bua-driver.ts';
import { anInvite, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const NOWHERE = '203.0.113.1';

interface Held extends Standing {
  readonly driver: B2buaDriver;
  /** The caller's re-INVITE, and ours to the callee. */
  readonly asked: ServerTxnId;
  readonly passed: SentRequest;
}

/** A call whose caller moves its media, as the callee has agreed to; the engine has not answered yet. */
function held(): Held {
  const driver = new B2buaDriver();
  const standing = standingCall(driver);
  const asked = standing.alice.send('INVITE', sdpOf({ host: NOWHERE, version: 2 }));
  const passed = driver.lastSent('INVITE');
  driver.engineAnswers = false;
  driver.answer(passed, 200, { body: sdpOf({ host: '192.0.2.20', port: 50_000, version: 2 }) });
  return { ...standing, driver, asked, passed };
}

/** The engine answers all it owes; the order at place `refused` with ADDRESS_INVALID, and without effect. */
function settle(driver: B2buaDriver, refused: number | null): void {
  driver.engineAnswers = true;
  for (const [place, order] of driver.unanswered.splice(0).entries()) {
    if (place === refused && order.kind === 'updateEndpoint') {
      const { order: id, endpoint } = order;
      const code = 'ADDRESS_INVALID';
      driver.input({ kind: 'engine', event: { kind: 'orderDone', order: id, code, endpoint } });
    } else driver.input({ kind: 'engine', event: driver.engine.carryOut(order) });
  }
}

const remotes = (driver: B2buaDriver): readonly (string | undefined)[] =>
  [...driver.engine.endpoints.values()].map(({ update }) => update?.remoteRtp?.host);

function endsAtRest({ driver, alice }: Held): void {
  assert.equal(driver.statuses(alice.send('BYE')), [200]);
  driver.answer(driver.lastSent('BYE'), 200);
  assert.is(driver.record('inbound').cause, 'NORMAL_CLEARING');
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
}

test('holds the 200 to a re-INVITE until the engine has connected what was agreed', () => {
  const call = held();
  const { driver, asked, passed } = call;
  assert.equal(driver.statuses(asked), []);
  assert.is(driver.acks.at(-1)?.txn, passed.txn, 'the callee is acknowledged at once');
  settle(driver, null);
  assert.equal(driver.statuses(asked), [200]);
  assert.equal(remotes(driver), [NOWHERE, '192.0.2.20']);
  call.alice.acknowledge(asked);
  endsAtRest(call);
});

for (const place of [0, 1]) {
  test(`a re-INVITE whose address the engine refuses at place ${place} is told 488, and the call stands as it was`, () => {
    const call = held();
    const { driver, asked, passed } = call;
    settle(driver, place);
    assert.equal(driver.statuses(asked), [488]);
    assert.equal(remotes(driver), ['192.0.2.10', '192.0.2.20']);
    assert.is(driver.sent('BYE').length, 0);
    const back = driver.lastSent('INVITE');
    assert.is.not(back.txn, passed.txn);
    assert.is(back.host, '192.0.2.20', 'the callee is led back');
    driver.answer(back, 200, { body: sdpOf({ host: '192.0.2.20', port: 50_000, version: 3 }) });
    assert.equal(remotes(driver), ['192.0.2.10', '192.0.2.20']);
    endsAtRest(call);
  });
}

test('after a change that the engine refused the next one is passed on', () => {
  const call = held();
  const { driver, alice } = call;
  settle(driver, 0);
  const body = sdpOf({ host: '192.0.2.20', port: 50_000, version: 3 });
  driver.answer(driver.lastSent('INVITE'), 200, { body });
  const next = alice.send('INVITE', sdpOf({ host: '192.0.2.11', version: 3 }));
  driver.answer(driver.lastSent('INVITE'), 200, { body });
  assert.equal(driver.statuses(next), [200]);
  assert.equal(remotes(driver), ['192.0.2.11', '192.0.2.20']);
  alice.acknowledge(next);
  endsAtRest(call);
});

test('CANCEL while the 200 to a re-INVITE is held gives 487 and leads the callee back', () => {
  const call = held();
  const { driver, alice, asked, passed } = call;
  driver.cancel(asked);
  assert.equal(driver.statuses(asked), [487]);
  const next = alice.send('INVITE', sdpOf({ version: 3 }));
  assert.equal(driver.statuses(next), [491], 'until the engine has answered');
  settle(driver, null);
  assert.equal(driver.statuses(asked), [487]);
  assert.equal(remotes(driver), ['192.0.2.10', '192.0.2.20']);
  const back = driver.lastSent('INVITE');
  assert.is.not(back.txn, passed.txn);
  driver.answer(back, 200, { body: sdpOf({ host: '192.0.2.20', port: 50_000, version: 3 }) });
  endsAtRest(call);
});

test('a call to the echo refuses a re-INVITE whose address the engine refuses, and stands', () => {
  const driver = new B2buaDriver();
  const invite = anInvite().dialling('08001');
  const txn = driver.receive(invite);
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  driver.engineAnswers = false;
  const asked = alice.send('INVITE', sdpOf({ host: NOWHERE, version: 2 }));
  assert.equal(driver.statuses(asked), []);
  settle(driver, 0);
  assert.equal(driver.statuses(asked), [488]);
  assert.equal(remotes(driver), ['192.0.2.10']);
  assert.is(driver.b2bua.callCount, 1);
});

test('a media process that ends while the 200 to a re-INVITE is held ends the call on both sides', () => {
  const { driver, asked } = held();
  driver.input({ kind: 'engine', event: { kind: 'engineLost' } });
  assert.equal(driver.statuses(asked), [487]);
  assert.is(driver.sent('BYE').length, 2);
  assert.is(driver.record('inbound').cause, 'ENGINE_LOST');
});

test.run();
