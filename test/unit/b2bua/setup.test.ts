// From INVITE to answer: early media, late offer, CANCEL, and peers that do it oddly.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  B2buaDriver,
  calleeOf,
  callerOf,
  standingCall,
  START_EPOCH,
} from '../../support/b2bua-driver.ts';
import {
  anInvite,
  aRequest,
  headerOf,
  inDialog,
  PCMA,
  PCMU,
  sdpOf,
} from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const bobSays = sdpOf({ host: '192.0.2.20', port: 50_000 });
const body = (message: { readonly body: Buffer | null }): string => message.body?.toString() ?? '';

test('passes early media on in a description of ours and connects it at once', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 183, { body: bobSays });
  const early = driver.lastTold(txn);
  assert.is(early.status, 183);
  assert.match(body(early), /\r\nc=IN IP4 192\.0\.2\.1\r\n[^]*m=audio 20000 /);
  const [a, b] = [...driver.engine.endpoints.values()];
  assert.is(b?.feeds, a?.handle);
  assert.equal(b?.update?.remoteRtp, { host: '192.0.2.20', port: 50_000 });
});

test('the end of one of the gateway’s forks is not told to the caller, but shows that the gateway lives', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 199, { toTag: 'one' });
  driver.pass(10_000);
  assert.equal(driver.statuses(txn), []);
  assert.is(driver.sent('INVITE').length, 1);
  driver.answer(driver.lastSent('INVITE'), 200, { toTag: 'two', body: bobSays });
  assert.equal(driver.statuses(txn), [200]);
});

test('a 200 without a body stands on the answer of its 183', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 183, { body: bobSays });
  driver.answer(driver.lastSent('INVITE'), 200);
  assert.equal(driver.statuses(txn), [183, 200]);
  assert.is(body(driver.lastTold(txn)), body(driver.told(txn)[0] ?? { body: null }));
  assert.is(driver.b2bua.callCount, 1);
});

test('a 200 that answers otherwise than its 183 moves the media', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 183, { body: bobSays, toTag: 'announcement' });
  driver.answer(driver.lastSent('INVITE'), 200, {
    body: sdpOf({ host: '192.0.2.22', port: 51_000 }),
  });
  const [, b] = [...driver.engine.endpoints.values()];
  assert.equal(b?.update?.remoteRtp, { host: '192.0.2.22', port: 51_000 });
});

test('an answer that differs from an earlier one comes under another tag of ours, which the call then has', () => {
  const driver = new B2buaDriver();
  const invite = anInvite().withBody(sdpOf({ codecs: [PCMU, PCMA] }));
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  const says = (...codecs: readonly (typeof PCMU | typeof PCMA)[]): { readonly body: string } => ({
    body: sdpOf({ host: '192.0.2.20', codecs }),
  });
  driver.answer(sent, 180, { toTag: 'one' });
  driver.answer(sent, 183, { ...says(PCMU), toTag: 'one' });
  driver.answer(sent, 183, { ...says(PCMU), toTag: 'one' });
  driver.answer(sent, 200, { ...says(PCMA), toTag: 'two' });
  const [ringing, early, again, answer] = driver.told(txn).map(({ toTag }) => toTag);
  assert.equal([early, again], [ringing, ringing]);
  assert.is.not(answer, early);
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  assert.equal(driver.statuses(alice.send('BYE')), [200]);
  assert.equal(driver.statuses(txn), [180, 183, 183, 200]);
});

test('our BYE names the tag that the caller was answered under', () => {
  const driver = new B2buaDriver();
  const invite = anInvite().withBody(sdpOf({ codecs: [PCMU, PCMA] }));
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 183, { body: sdpOf({ codecs: [PCMU] }), toTag: 'one' });
  driver.answer(sent, 200, { body: sdpOf({ codecs: [PCMA] }), toTag: 'two' });
  callerOf(driver, invite, txn).acknowledge(txn);
  calleeOf(driver, sent, 'two').send('BYE');
  const from = headerOf(driver.lastSent('BYE').request, 'From');
  assert.is(from, `${invite.value('To')};tag=${driver.lastTold(txn).toTag ?? ''}`);
});

test('A25 an answer without any shared codec, and transcoding off, is acknowledged, hung up, and told 488', () => {
  const driver = new B2buaDriver({
    edit: [['- name: out\n', '- name: out\n    transcode: never\n']],
  });
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ codecs: [[8, 'PCMA/8000']] }) });
  assert.equal(driver.statuses(txn), [488]);
  assert.is(driver.acks.length, 1);
  assert.is(driver.lastSent('BYE').host, '192.0.2.20');
});

for (const [what, invite] of [
  ['an answer', anInvite()],
  ['a late offer', anInvite().withBody(null)],
] as const) {
  test(`a gateway acknowledged for ${what} of no use is recorded as answered`, () => {
    const driver = new B2buaDriver({
      edit: [['ring_timeout_s: 60', 'ring_timeout_s: 60\n    transcode: never']],
    });
    const txn = driver.receive(invite);
    driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ codecs: [[8, 'x/8000']] }) });
    assert.equal(driver.statuses(txn), [488]);
    const { answeredAt, finalStatus, durationMs, cause } = driver.record('outbound');
    assert.equal([answeredAt, finalStatus, durationMs], [START_EPOCH, 200, 0]);
    assert.is(cause, 'CODEC_NOT_SHARED');
    assert.is(driver.record('inbound').answeredAt, null);
  });
}

for (const contact of ['<tel:+4412>', '<sip:bob@192.0.2.66;transport=tls>']) {
  test(`a gateway whose Contact is ${contact} gets ACK and BYE where it was asked`, () => {
    const driver = new B2buaDriver();
    const invite = anInvite();
    const txn = driver.receive(invite);
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays, contact });
    assert.equal(driver.statuses(txn), [200]);
    assert.is(driver.acks[0]?.target.host, '192.0.2.20');
    callerOf(driver, invite, txn).send('BYE');
    const { host, request } = driver.lastSent('BYE');
    assert.equal([host, `<${request.uri}>`], ['192.0.2.20', contact]);
  });
}

test('a gateway whose Contact can’t be reached gets ACK and re-INVITE where it was asked', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: bobSays, contact: '<sip:bob@pbx.internal>' });
  const [ack] = driver.acks;
  assert.equal(ack?.target.host, 'pbx.internal');
  assert.equal(ack?.orElse, { transport: 'udp', host: '192.0.2.20', port: 5060 });
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  const hold = alice.send('INVITE', sdpOf({ version: 2, direction: 'sendonly' }));
  const first = driver.lastSent('INVITE');
  assert.is(first.host, 'pbx.internal');
  driver.fail(first, 'transport');
  const again = driver.lastSent('INVITE');
  assert.equal([again.host, again.request.body], ['192.0.2.20', first.request.body]);
  driver.answer(again, 200, { body: bobSays, contact: '<sip:bob@pbx.internal>' });
  assert.equal(driver.statuses(hold), [200]);
  assert.is(driver.acks.at(-1)?.target.host, '192.0.2.20');
  assert.is(driver.acks.at(-1)?.orElse, null);
});

test('a re-INVITE that was taken back before it turned out to lead nowhere ends nothing', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const contact = '<sip:bob@pbx.internal>';
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays, contact });
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  const hold = alice.send('INVITE', sdpOf({ version: 2, direction: 'sendonly' }));
  driver.cancel(hold);
  driver.fail(driver.lastSent('INVITE'), 'transport');
  assert.is(driver.sent('INVITE').length, 2);
  assert.is(driver.b2bua.callCount, 1);
});

for (const [what, contact] of [
  ['hides behind NAT', '<sip:alice@10.0.0.7:5060>'],
  ['has a name that leads nowhere', '<sip:alice@nowhere.invalid>'],
] as const) {
  test(`a caller that ${what} is followed to where its re-INVITE came from`, () => {
    const driver = new B2buaDriver({ edit: [['allow: [192.0.2.10/32]', 'allow: [9.9.9.9/32]']] });
    const invite = anInvite().with('Contact', contact);
    const txn = driver.receive(invite, '9.9.9.9');
    const sent = driver.lastSent('INVITE');
    driver.answer(sent, 200, { body: bobSays });
    const alice = callerOf(driver, invite, txn);
    alice.acknowledge(txn);
    const hold = alice.request('INVITE', sdpOf({ version: 2 })).with('Contact', contact);
    const again = driver.receive(hold, '9.9.9.9', 6_789);
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays });
    assert.equal(driver.statuses(again), [200]);
    alice.acknowledge(again);
    calleeOf(driver, sent).send('BYE');
    if (contact.includes('nowhere')) driver.fail(driver.lastSent('BYE'), 'transport');
    const { host, port } = driver.lastSent('BYE');
    assert.equal({ host, port }, { host: '9.9.9.9', port: 6_789 });
  });
}

test('a re-INVITE that is refused moves nobody: requests go where the caller was met before', () => {
  const driver = new B2buaDriver({ edit: [['allow: [192.0.2.10/32]', 'allow: [9.9.9.9/32]']] });
  const contact = '<sip:alice@10.0.0.7:5060>';
  const invite = anInvite().with('Contact', contact);
  const txn = driver.receive(invite, '9.9.9.9', 4_000);
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: bobSays });
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  const hold = alice.request('INVITE', sdpOf({ version: 2 })).with('Contact', contact);
  const again = driver.receive(hold, '9.9.9.9', 6_789);
  driver.answer(driver.lastSent('INVITE'), 488);
  assert.equal(driver.statuses(again), [488]);
  calleeOf(driver, sent).send('BYE');
  const { host, port } = driver.lastSent('BYE');
  assert.equal({ host, port }, { host: '9.9.9.9', port: 4_000 });
});

test('a caller behind NAT gets its BYE where its INVITE came from, a gateway where it was asked', () => {
  const driver = new B2buaDriver({
    edit: [
      ['allow: [192.0.2.10/32]', 'allow: [9.9.9.9/32]'],
      ['sip:192.0.2.20:5060', 'sip:8.8.8.8:5060'],
    ],
  });
  const invite = anInvite().with('Contact', '<sip:alice@10.0.0.7:5060>');
  const txn = driver.receive(invite, '9.9.9.9');
  const contact = '<sip:bob@192.168.1.4>';
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays, contact });
  callerOf(driver, invite, txn).acknowledge(txn);
  const [live] = driver.b2bua.liveCalls();
  if (live === undefined) throw new Error('no call');
  driver.input({ kind: 'hangup', callId: live.callId, cause: 'ENDED_BY_OPERATOR' });
  const sent = driver.sent('BYE').map(({ host, request }) => [host, request.uri]);
  assert.equal(sent, [
    ['9.9.9.9', 'sip:alice@10.0.0.7:5060'],
    ['8.8.8.8', 'sip:bob@192.168.1.4'],
  ]);
});

test('late offer: the gateway’s offer reaches the caller in the 200, the answer the gateway in the ACK', () => {
  const driver = new B2buaDriver();
  const invite = anInvite().withBody(null);
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  assert.is(sent.request.body, null);
  driver.answer(sent, 180);
  driver.answer(sent, 200, { body: bobSays });
  assert.is(driver.acks.length, 0);
  // What the gateway has comes first, then what its audio can be encoded anew as.
  assert.match(body(driver.lastTold(txn)), /m=audio 20000 RTP\/AVP 0 8 96 9 101 102\r\n/);
  callerOf(driver, invite, txn).acknowledge(txn, sdpOf());
  assert.match(body(driver.acks[0]?.request ?? { body: null }), /m=audio 20002 RTP\/AVP 0 101\r\n/);
  const [a, b] = [...driver.engine.endpoints.values()];
  assert.is(a?.feeds, b?.handle);
  assert.equal(a?.update?.remoteRtp, { host: '192.0.2.10', port: 40_000 });
});

test('late offer: an answer that takes no codec ends the call on both sides', () => {
  const driver = new B2buaDriver();
  const invite = anInvite().withBody(null);
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays });
  callerOf(driver, invite, txn).acknowledge(txn, sdpOf({ codecs: [[18, 'G729/8000']] }));
  assert.equal(
    driver.sent('BYE').map(({ host }) => host),
    ['192.0.2.10', '192.0.2.20'],
  );
  assert.is(driver.acks.length, 1);
});

test('late offer: a gateway without an offer in its 200 is hung up and the caller refused', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite().withBody(null));
  driver.answer(driver.lastSent('INVITE'), 200);
  assert.equal(driver.statuses(txn), [488]);
  assert.is(driver.acks.length, 1);
  assert.is(driver.sent('BYE').length, 1);
});

test('late offer: a gateway that offers no live audio is hung up and the caller told 488, not 200', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite().withBody(null));
  const body = sdpOf({ host: '192.0.2.20', port: 0 });
  driver.answer(driver.lastSent('INVITE'), 200, { body });
  assert.equal(driver.statuses(txn), [488]);
  assert.is(driver.acks.length, 1);
  assert.is(driver.sent('BYE').length, 1);
});

test('CANCEL before any answer: 487 to the caller, CANCEL to the gateway, both records say so', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.cancel(txn);
  assert.equal(driver.statuses(txn), [487]);
  assert.is(driver.cancels.length, 1);
  driver.answer(driver.lastSent('INVITE'), 487);
  for (const direction of ['inbound', 'outbound'] as const) {
    const { finalStatus, cause, endedBy, durationMs } = driver.record(direction);
    assert.equal([finalStatus, cause, endedBy, durationMs], [487, 'CALLER_CANCELLED', 'caller', 0]);
  }
});

test('CANCEL while the engine still opens endpoints: they are closed as they come', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  const txn = driver.receive(anInvite());
  driver.cancel(txn);
  assert.equal(driver.statuses(txn), [487]);
  driver.settleEngine();
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.sent('INVITE').length, 0);
  assert.is(driver.records.length, 1);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('CANCEL after ringing: the gateway is cancelled with a Reason', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 180);
  driver.cancel(txn);
  assert.equal(driver.statuses(txn), [180, 487]);
  assert.equal(driver.cancels[0]?.headers, [['Reason', 'Q.850;cause=16;text="CALLER_CANCELLED"']]);
});

test('CANCEL during a failover cancels the gateway asked now', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 503);
  driver.cancel(txn);
  assert.equal(
    driver.cancels.map((cancel) => cancel.txn),
    [driver.lastSent('INVITE').txn],
  );
  driver.answer(driver.lastSent('INVITE'), 487);
  assert.is(driver.record('outbound').finalStatus, 487);
});

test('a caller that says BYE before the answer is told 200 and its INVITE 487', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 180);
  const bye = callerOf(driver, invite, txn).send('BYE');
  assert.equal(driver.statuses(bye), [200]);
  assert.equal(driver.statuses(txn), [180, 487]);
  assert.is(driver.cancels.length, 1);
});

test('BYEs that cross are both answered 200', () => {
  const driver = new B2buaDriver();
  const { alice, bob } = standingCall(driver);
  driver.engineAnswers = false;
  alice.send('BYE');
  assert.equal(driver.statuses(bob.send('BYE')), [200]);
  assert.equal(driver.statuses(alice.send('BYE')), [200], 'a second one too');
  driver.settleEngine();
  assert.is(driver.record('inbound').endedBy, 'caller');
});

test('a BYE after the call was let go is told 481', () => {
  const driver = new B2buaDriver();
  const { alice, bob } = standingCall(driver);
  alice.send('BYE');
  assert.equal(driver.statuses(bob.send('BYE')), [481]);
});

test('a BYE to a caller that has not acknowledged its 200 waits for the ACK, for it could overtake the 200', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: bobSays });
  const alice = callerOf(driver, invite, txn);
  assert.equal(driver.statuses(calleeOf(driver, sent).send('BYE')), [200]);
  assert.is(driver.sent('BYE').length, 0);
  assert.is(driver.records.length, 2, 'the records don’t wait');
  alice.acknowledge(txn);
  assert.is(driver.lastSent('BYE').host, '192.0.2.10');
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('a callee whose BYE overtakes its 200 leaves no call behind', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  assert.equal(driver.statuses(calleeOf(driver, sent).send('BYE')), [200]);
  driver.answer(sent, 200, { body: bobSays });
  assert.equal(driver.statuses(txn), [480]);
  assert.is(driver.acks.length, 1);
  assert.is(driver.sent('BYE').length, 0);
  const { answeredAt, durationMs, finalStatus } = driver.record('outbound');
  assert.equal([answeredAt, durationMs, finalStatus], [START_EPOCH, 0, 200]);
  assert.is(driver.b2bua.callCount, 0);
});

test('a callee that hangs up and whose 200 never comes leaves the caller ringing no longer than 4 s', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  assert.equal(driver.statuses(calleeOf(driver, sent).send('BYE')), [200]);
  driver.pass(3_999);
  assert.equal(driver.statuses(txn), []);
  driver.answer(sent, 180);
  driver.pass(1);
  assert.equal(driver.statuses(txn), [180, 480]);
  driver.answer(sent, 487);
  assert.is(driver.record('inbound').cause, 'NO_ANSWER');
  assert.is(driver.sent('INVITE').length, 1, 'another gateway would ring a callee who has hung up');
});

test('a BYE of one fork leaves the other’s answer alone', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  calleeOf(driver, sent, 'fork-tag').send('BYE');
  driver.answer(sent, 200, { body: bobSays });
  assert.equal(driver.statuses(txn), [200]);
});

for (const [when, ms] of [
  ['while the call’s last counters are awaited', 0],
  ['when the call is gone', 3_000],
] as const) {
  test(`both hang up before the ACK: the caller’s BYE ends the 200’s repeats, ${when}`, () => {
    const driver = new B2buaDriver();
    const invite = anInvite();
    const txn = driver.receive(invite);
    const sent = driver.lastSent('INVITE');
    driver.answer(sent, 200, { body: bobSays });
    const alice = callerOf(driver, invite, txn);
    if (ms === 0) driver.engineAnswers = false;
    calleeOf(driver, sent).send('BYE');
    driver.pass(ms);
    assert.is(driver.b2bua.callCount, ms === 0 ? 1 : 0);
    const stranger = alice.request('BYE');
    assert.not.equal(driver.statuses(driver.receive(stranger, '198.51.100.9')), [200]);
    assert.equal(driver.taken, []);
    assert.equal(driver.statuses(alice.send('BYE')), [200]);
    assert.equal(driver.taken, [txn]);
    assert.is(driver.sent('BYE').length, 0, 'it needs none of ours');
    assert.is(driver.b2bua.held.serverTxns, 0);
  });
}

test('a BYE that waits for an ACK goes out when the ACK is given up', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: bobSays });
  calleeOf(driver, sent).send('BYE');
  driver.news({ kind: 'ackMissing', txn });
  assert.is(driver.lastSent('BYE').host, '192.0.2.10');
  assert.is(driver.record('inbound').cause, 'NORMAL_CLEARING');
});

test('a caller that never acknowledges the 200 is hung up, as is the callee', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays });
  driver.news({ kind: 'ackMissing', txn });
  assert.equal(
    driver.sent('BYE').map(({ host }) => host),
    ['192.0.2.10', '192.0.2.20'],
  );
  assert.is(driver.record('inbound').cause, 'ACK_MISSING');
});

test('a request with a CSeq that is not above the last is told 500', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  assert.equal(driver.statuses(driver.receive(alice.again('BYE'))), [500]);
  assert.is(driver.b2bua.callCount, 1);
});

test('requests of nobody’s dialog are told 481', () => {
  const driver = new B2buaDriver();
  const { sent } = standingCall(driver);
  const bob = calleeOf(driver, sent, 'other-tag');
  assert.equal(driver.statuses(bob.send('BYE')), [481]);
  const unknown = inDialog('INVITE', {
    from: '<sip:a@b>;tag=1',
    to: '<sip:c@d>;tag=2',
    callId: 'nobody',
    cseq: 1,
    host: '192.0.2.10',
  });
  assert.equal(driver.statuses(driver.receive(unknown)), [481]);
  assert.equal(driver.statuses(driver.receive(aRequest('BYE'))), [481]);
  assert.is(driver.b2bua.callCount, 1);
});

test('methods that are not spoken are told 405 with Allow, in a dialog and outside', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  for (const txn of [alice.send('UPDATE'), driver.receive(aRequest('MESSAGE'))]) {
    assert.is(driver.lastTold(txn).status, 405);
    assert.is(headerOf(driver.lastTold(txn), 'Allow'), 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO');
  }
});

test('answers carry the caller’s Record-Route and requests to it follow that route', () => {
  const driver = new B2buaDriver();
  const route = '<sip:192.0.2.50;lr>';
  const { invite } = standingCall(driver, anInvite().with('Record-Route', route));
  assert.is(headerOf(driver.lastTold(invite), 'Record-Route'), route);
  const [live] = driver.b2bua.liveCalls();
  if (live === undefined) throw new Error('no call');
  driver.input({ kind: 'hangup', callId: live.callId, cause: 'ENDED_BY_OPERATOR' });
  const [toCaller] = driver.sent('BYE');
  assert.is(toCaller?.host, '192.0.2.50');
  assert.is(headerOf(toCaller?.request ?? { headers: [] }, 'Route'), route);
});

test('escapes what a dialled name must not put into a Request-URI', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite().dialling('44%0d%0aX'));
  const [sent] = driver.sent('INVITE');
  if (sent === undefined) assert.ok(driver.lastTold(txn).status >= 400);
  else assert.match(sent.request.uri, /^sip:[A-Za-z0-9%*#+.-]+@192\.0\.2\.20:5060$/);
});

test('a gateway that can only be reached over TCP is asked there with a Contact of that transport', () => {
  const driver = new B2buaDriver({
    edit: [['"sip:192.0.2.20:5060"', '"sip:192.0.2.20:5060;transport=tcp"']],
  });
  driver.receive(anInvite());
  const { request } = driver.lastSent('INVITE');
  assert.is(request.uri, 'sip:00441632960000@192.0.2.20:5060;transport=tcp');
  assert.is(headerOf(request, 'Contact'), '<sip:192.0.2.1:5060;transport=tcp>');
});

for (const [status, name, value] of [
  [420, 'Unsupported', '100rel, timer'],
  [422, 'Min-SE', '1800'],
] as const) {
  test(`a gateway’s ${status} reaches the caller with its ${name}`, () => {
    const driver = new B2buaDriver();
    const txn = driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), status, { headers: [[name, value]] });
    assert.is(driver.lastTold(txn).status, status);
    assert.is(headerOf(driver.lastTold(txn), name), value);
  });
}

test('an answer that says it is no SDP is none, whatever it looks like', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  const body = sdpOf({ host: '192.0.2.20', port: 50_000 });
  driver.answer(driver.lastSent('INVITE'), 200, { body, type: 'text/plain' });
  assert.equal(driver.statuses(txn), [488]);
  assert.is(driver.sent('BYE').length, 1);
});

test('an INVITE that expires before its answer is told 487, and its gateway cancelled', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite().with('Expires', '20'));
  driver.answer(driver.lastSent('INVITE'), 180);
  driver.pass(19_900);
  assert.equal(driver.statuses(txn), [180]);
  driver.pass(200);
  assert.equal(driver.statuses(txn), [180, 487]);
  assert.is(driver.cancels.length, 1);
  driver.answer(driver.lastSent('INVITE'), 487);
  const { cause, finalStatus, endedBy } = driver.record('inbound');
  assert.equal([cause, finalStatus, endedBy], ['NO_ANSWER', 487, 'platform']);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

for (const expires of ['20', '7200', '99999999999', 'soon']) {
  test(`Expires: ${expires} does not touch a call that was answered`, () => {
    const driver = new B2buaDriver();
    standingCall(driver, anInvite().with('Expires', expires));
    driver.pass(21_000);
    assert.is(driver.b2bua.callCount, 1);
  });
}

test.run();
