// The built-in echo: a call that ends in this node.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Party } from '../../support/b2bua-driver.ts';
import { B2buaDriver, callerOf } from '../../support/b2bua-driver.ts';
import type { ServerTxnId } from '../../../src/base/index.ts';
import { anInvite, PCMU, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const body = (message: { readonly body: Buffer | null }): string => message.body?.toString() ?? '';

function called(offer: string | null = sdpOf()): {
  readonly driver: B2buaDriver;
  readonly invite: ServerTxnId;
  readonly alice: Party;
} {
  const driver = new B2buaDriver();
  const request = anInvite().dialling('08001234').withBody(offer);
  const invite = driver.receive(request);
  return { driver, invite, alice: callerOf(driver, request, invite) };
}

test('answers at once and sends the caller its own audio back', () => {
  const { driver, invite } = called();
  assert.equal(driver.statuses(invite), [200]);
  const [a, ...more] = [...driver.engine.endpoints.values()];
  assert.is(more.length, 0);
  assert.is(a?.feeds, a?.handle);
  assert.equal(a?.update?.remoteRtp, { host: '192.0.2.10', port: 40_000 });
});

test('has one record, with the codec and no gateway', () => {
  const { driver, invite, alice } = called();
  alice.acknowledge(invite);
  driver.pass(1_000);
  alice.send('BYE');
  assert.is(driver.records.length, 1);
  const { codec, gateway, durationMs, finalStatus } = driver.record('inbound');
  assert.equal([codec, gateway, durationMs, finalStatus], ['PCMU', null, 1_000, 200]);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('answers a hold with what it may still send', () => {
  const { driver, invite, alice } = called();
  alice.acknowledge(invite);
  const hold = alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  assert.match(body(driver.lastTold(hold)), /\r\na=recvonly\r\n/);
  alice.acknowledge(hold);
  const resume = alice.send('INVITE', sdpOf({ direction: 'sendrecv', version: 3 }));
  assert.match(body(driver.lastTold(resume)), /\r\na=sendrecv\r\n/);
});

test('makes the offer for a caller that brings none and connects by the answer in the ACK', () => {
  const { driver, invite, alice } = called(null);
  assert.match(body(driver.lastTold(invite)), /m=audio 20000 RTP\/AVP [\d ]+\r\n/);
  assert.is([...driver.engine.endpoints.values()][0]?.update, null);
  alice.acknowledge(invite, sdpOf({ codecs: [PCMU] }));
  const [a] = [...driver.engine.endpoints.values()];
  assert.is(a?.feeds, a?.handle);
  assert.equal(a?.update?.remoteRtp, { host: '192.0.2.10', port: 40_000 });
});

test('makes a whole offer again for a re-INVITE without one, even after a hold', () => {
  const { driver, invite, alice } = called();
  alice.acknowledge(invite);
  const hold = alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  alice.acknowledge(hold);
  const asked = alice.send('INVITE');
  assert.match(body(driver.lastTold(asked)), /\r\na=sendrecv\r\n/);
  alice.acknowledge(asked, sdpOf({ host: '192.0.2.11', version: 3 }));
  assert.equal([...driver.engine.endpoints.values()][0]?.update?.remoteRtp, {
    host: '192.0.2.11',
    port: 40_000,
  });
});

for (const [what, answer, cause] of [
  ['none', null, 'ANSWER_MISSING'],
  ['one that refuses the audio', sdpOf({ port: 0 }), 'CODEC_NOT_SHARED'],
  ['one that can’t be read', 'v=0\r\nnonsense', 'SDP_MALFORMED'],
] as const) {
  test(`hangs up when the ACK to its offer brings ${what}`, () => {
    const { driver, invite, alice } = called(null);
    alice.acknowledge(invite, answer);
    assert.is(driver.sent('BYE').length, 1);
    assert.is(driver.record('inbound').cause, cause);
  });
}

test('refuses a change without a codec it has and keeps the call', () => {
  const { driver, invite, alice } = called();
  alice.acknowledge(invite);
  const change = alice.send('INVITE', sdpOf({ codecs: [[18, 'G729/8000']], version: 2 }));
  assert.equal(driver.statuses(change), [488]);
  assert.is(driver.b2bua.callCount, 1);
});

test('refuses an offer without a codec it has', () => {
  const { driver, invite } = called(sdpOf({ codecs: [[18, 'G729/8000']] }));
  assert.equal(driver.statuses(invite), [488]);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test.run();
