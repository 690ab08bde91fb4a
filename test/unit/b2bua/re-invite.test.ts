// Changes of an answered call: hold, resume, late offers, glare, refusals, and the two sides kept of one mind.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SentRequest, Standing } from '../../support/b2bua-driver.ts';
import { B2buaDriver, calleeOf, callerOf, standingCall } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const aliceSays = (direction: string, version = 2): string => sdpOf({ direction, version });
const bobSays = (direction: string, host = '192.0.2.20'): string =>
  sdpOf({ host, port: 50_000, direction, version: 2 });

function standing(): Standing & { readonly driver: B2buaDriver } {
  const driver = new B2buaDriver();
  return { driver, ...standingCall(driver) };
}

const body = (message: { readonly body: Buffer | null }): string => message.body?.toString() ?? '';

function endsAtRest(driver: B2buaDriver): void {
  for (const bye of driver.sent('BYE')) driver.answer(bye, 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.admission.calls, 0);
}

test('passes the caller’s hold on in our own words and answers it with the callee’s direction', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  assert.is(passed.host, '192.0.2.20');
  assert.match(body(passed.request), /\r\na=sendonly\r\n/);
  assert.not.match(body(passed.request), /192\.0\.2\.10/);
  driver.answer(passed, 200, { body: bobSays('recvonly') });
  assert.equal(driver.statuses(hold), [200]);
  assert.match(body(driver.lastTold(hold)), /\r\na=recvonly\r\n/);
  assert.is(driver.acks.at(-1)?.txn, passed.txn);
});

test('whoever knows the dialog but speaks from elsewhere is told 403, and the call goes on', () => {
  const { driver, alice, bob } = standing();
  const before = driver.requests.length;
  for (const [party, method] of [
    [alice, 'INVITE'],
    [alice, 'BYE'],
    [bob, 'INVITE'],
    [bob, 'BYE'],
  ] as const) {
    const forged = party.again(method, method === 'INVITE' ? aliceSays('sendonly') : null);
    assert.equal(driver.statuses(driver.receive(forged, '198.51.100.1')), [403]);
  }
  assert.is(driver.dismissed.length, 4);
  assert.is(driver.requests.length, before);
  assert.equal(
    driver.rejected,
    Array.from({ length: 4 }, () => 'SOURCE_NOT_ALLOWED'),
  );
  assert.equal(driver.statuses(bob.send('BYE')), [200]);
  driver.answer(driver.lastSent('BYE'), 200);
});

test('an ACK from elsewhere brings no answer: the 200 is repeated until the party’s own comes', () => {
  const { driver, alice, bob } = standing();
  const asked = alice.send('INVITE');
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
  assert.equal(driver.statuses(asked), [200]);
  const acks = driver.acks.length;
  alice.acknowledgeFrom('198.51.100.1', asked, sdpOf({ host: '198.51.100.1' }));
  assert.is(driver.acks.length, acks);
  assert.is(driver.taken.includes(asked), false);
  assert.equal(driver.rejected, ['SOURCE_NOT_ALLOWED']);
  alice.acknowledge(asked, aliceSays('sendrecv'));
  assert.is(driver.taken.at(-1), asked);
  assert.is(driver.acks.length, acks + 1);
  assert.ok(driver.acks.at(-1)?.request.body?.includes('a=sendrecv'));
  assert.equal(driver.statuses(bob.send('BYE')), [200]);
});

test('every re-INVITE with a body names its type, one without names none', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  assert.is(headerOf(passed.request, 'Content-Type'), 'application/sdp');
  driver.answer(passed, 200, { body: 'v=0\r\nnonsense' });
  assert.equal(driver.statuses(hold), [488]);
  const restoring = driver.lastSent('INVITE');
  assert.is(headerOf(restoring.request, 'Content-Type'), 'application/sdp');
  driver.answer(restoring, 200, { body: bobSays('sendrecv') });
  alice.send('INVITE');
  assert.is(headerOf(driver.lastSent('INVITE').request, 'Content-Type'), '');
});

for (const { how, says, answers } of [
  { how: 'sendonly', says: aliceSays('sendonly'), answers: 'recvonly' },
  { how: 'sendonly against inactive', says: aliceSays('sendonly'), answers: 'inactive' },
  { how: 'inactive', says: aliceSays('inactive'), answers: 'inactive' },
  { how: 'recvonly', says: aliceSays('recvonly'), answers: 'sendonly' },
  {
    how: 'c=0.0.0.0 of RFC 2543',
    says: sdpOf({ host: '0.0.0.0', version: 2 }),
    answers: 'recvonly',
  },
] as const) {
  test(`a hold by ${how} waits longer for both legs, its end waits as before`, () => {
    const { driver, alice } = standing();
    const waits = (): readonly (number | undefined)[] =>
      [...driver.engine.endpoints.values()].map(({ update }) => update?.inactivityMs);
    assert.equal(waits(), [60_000, 60_000]);
    const hold = alice.send('INVITE', says);
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays(answers) });
    assert.equal(waits(), [300_000, 300_000]);
    alice.acknowledge(hold);
    alice.send('INVITE', aliceSays('sendrecv', 3));
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
    assert.equal(waits(), [60_000, 60_000]);
  });
}

test('a hold by the callee waits longer for both legs', () => {
  const { driver, bob } = standing();
  bob.send('INVITE', bobSays('sendonly'));
  const contact = '<sip:alice@192.0.2.10:5060>';
  driver.answer(driver.lastSent('INVITE'), 200, { body: aliceSays('recvonly'), contact });
  const waits = [...driver.engine.endpoints.values()].map(({ update }) => update?.inactivityMs);
  assert.equal(waits, [300_000, 300_000]);
});

test('passes the callee’s hold and resume to the caller', () => {
  const { driver, bob } = standing();
  for (const [offered, answered] of [
    ['sendonly', 'recvonly'],
    ['sendrecv', 'sendrecv'],
  ] as const) {
    const change = bob.send('INVITE', bobSays(offered));
    const passed = driver.lastSent('INVITE');
    assert.is(passed.host, '192.0.2.10');
    assert.match(body(passed.request), new RegExp(`\\r\\na=${offered}\\r\\n`));
    const contact = '<sip:alice@192.0.2.10:5060>';
    driver.answer(passed, 200, { body: aliceSays(answered), contact });
    assert.match(body(driver.lastTold(change)), new RegExp(`\\r\\na=${answered}\\r\\n`));
    bob.acknowledge(change);
  }
});

test('numbers the versions of our descriptions upwards with each change', () => {
  const { driver, alice, sent } = standing();
  const version = (text: string): string => /^o=- \d+ (\d+) /m.exec(text)?.[1] ?? '';
  assert.is(version(body(sent.request)), '1');
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  assert.is(version(body(driver.lastSent('INVITE').request)), '2');
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('recvonly') });
  assert.is(version(body(driver.lastTold(hold))), '2');
});

test('understands the old hold with c=0.0.0.0: nothing is sent to that leg any more', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', sdpOf({ host: '0.0.0.0', version: 2 }));
  const passed = driver.lastSent('INVITE');
  assert.not.match(body(passed.request), /0\.0\.0\.0/);
  assert.match(body(passed.request), /\r\na=sendonly\r\n/);
  driver.answer(passed, 200, { body: bobSays('recvonly') });
  assert.equal(driver.statuses(hold), [200]);
  const [a] = [...driver.engine.endpoints.values()];
  assert.is(a?.update?.remoteRtp, null);
});

test('passes a re-INVITE without an offer on, and the answer in the ACK', () => {
  const { driver, alice } = standing();
  const asked = alice.send('INVITE');
  const passed = driver.lastSent('INVITE');
  assert.is(passed.request.body, null);
  driver.answer(passed, 200, { body: bobSays('sendrecv') });
  assert.is(driver.acks.length, 1, 'the ACK waits for the caller’s answer');
  assert.match(body(driver.lastTold(asked)), /^v=0\r\no=- \d+ \d+ IN IP4 192\.0\.2\.1\r\n/);
  alice.acknowledge(asked, aliceSays('sendrecv'));
  assert.is(driver.acks.length, 2);
  assert.match(body(driver.acks[1]?.request ?? { body: null }), /m=audio 20002 /);
  assert.is(driver.b2bua.callCount, 1);
});

test('a late re-INVITE that is answered without live audio is told 488, and the call stands', () => {
  const { driver, alice } = standing();
  const asked = alice.send('INVITE');
  const body = sdpOf({ host: '192.0.2.20', port: 0, version: 2 });
  driver.answer(driver.lastSent('INVITE'), 200, { body });
  assert.equal(driver.statuses(asked), [488]);
  assert.is(driver.acks.length, 2);
  assert.is(driver.b2bua.callCount, 1);
  assert.is(driver.sent('BYE').length, 0);
});

test('a late offer whose ACK brings no answer ends the call on both sides', () => {
  const { driver, alice } = standing();
  const asked = alice.send('INVITE');
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
  alice.acknowledge(asked);
  assert.equal(
    driver.sent('BYE').map(({ host }) => host),
    ['192.0.2.10', '192.0.2.20'],
  );
  assert.is(driver.record('inbound').cause, 'ANSWER_MISSING');
  endsAtRest(driver);
});

for (const [what, answer, cause] of [
  [
    'takes no codec of ours',
    sdpOf({ codecs: [[18, 'G729/8000']], version: 2 }),
    'CODEC_NOT_SHARED',
  ],
  ['can’t be read', 'v=0\r\nnonsense', 'SDP_MALFORMED'],
] as const) {
  test(`a late offer whose ACK brings an answer that ${what} ends the call for that`, () => {
    const { driver, alice } = standing();
    const asked = alice.send('INVITE');
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
    alice.acknowledge(asked, answer);
    assert.is(driver.record('inbound').cause, cause);
    endsAtRest(driver);
  });
}

test('a late offer whose ACK never comes is acknowledged before the BYE', () => {
  const { driver, alice } = standing();
  const asked = alice.send('INVITE');
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
  driver.news({ kind: 'ackMissing', txn: asked });
  assert.is(driver.acks.length, 2);
  assert.is(driver.record('inbound').cause, 'ACK_MISSING');
  endsAtRest(driver);
});

test('glare: the callee’s re-INVITE is told 491 while the caller’s is under way', () => {
  const { driver, alice, bob } = standing();
  const first = alice.send('INVITE', aliceSays('sendonly'));
  const second = bob.send('INVITE', bobSays('sendonly'));
  assert.equal(driver.statuses(second), [491]);
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('recvonly') });
  assert.equal(driver.statuses(first), [200]);
});

test('glare: the caller’s re-INVITE is told 491 while the callee’s is under way', () => {
  const { driver, alice, bob } = standing();
  bob.send('INVITE', bobSays('sendonly'));
  assert.equal(driver.statuses(alice.send('INVITE', aliceSays('sendonly'))), [491]);
});

test('glare: a 491 of the callee is passed on to the caller and the call stands', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  driver.answer(driver.lastSent('INVITE'), 491);
  assert.equal(driver.statuses(hold), [491]);
  assert.is(driver.b2bua.callCount, 1);
});

test('a second re-INVITE of the same party is told 500 with Retry-After', () => {
  const { driver, alice } = standing();
  alice.send('INVITE', aliceSays('sendonly'));
  const second = driver.lastTold(alice.send('INVITE', aliceSays('sendrecv', 3)));
  assert.is(second.status, 500);
  assert.match(headerOf(second, 'Retry-After'), /^([0-9]|10)$/);
});

test('a re-INVITE that overtakes the ACK of our 200 is told 491, and the next one is passed on', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
  const alice = callerOf(driver, invite, txn);
  assert.equal(driver.statuses(alice.send('INVITE', aliceSays('sendonly'))), [491]);
  alice.acknowledge(txn);
  alice.send('INVITE', aliceSays('sendonly', 3));
  assert.is(driver.sent('INVITE').length, 2);
});

test('a refused re-INVITE leaves the call as it was and the next one is passed on', () => {
  const { driver, alice } = standing();
  const refused = alice.send('INVITE', aliceSays('sendonly'));
  driver.answer(driver.lastSent('INVITE'), 488);
  assert.equal(driver.statuses(refused), [488]);
  const next = alice.send('INVITE', aliceSays('sendonly', 3));
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('recvonly') });
  assert.equal(driver.statuses(next), [200]);
});

for (const status of [408, 481]) {
  test(`a re-INVITE answered ${status} ends the call, for the dialog is gone`, () => {
    const { driver, alice } = standing();
    const hold = alice.send('INVITE', aliceSays('sendonly'));
    driver.answer(driver.lastSent('INVITE'), status);
    assert.equal(driver.statuses(hold), [status]);
    const byes = driver.sent('BYE').map(({ host }) => host);
    assert.equal(byes, status === 481 ? ['192.0.2.10'] : ['192.0.2.10', '192.0.2.20']);
    endsAtRest(driver);
  });
}

for (const [why, cause] of [
  ['timeout', 'GATEWAY_TIMEOUT'],
  ['transport', 'GATEWAY_UNREACHABLE'],
] as const) {
  test(`a re-INVITE that is never answered (${why}) ends the call as ${cause}`, () => {
    const { driver, alice } = standing();
    const hold = alice.send('INVITE', aliceSays('sendonly'));
    driver.fail(driver.lastSent('INVITE'), why);
    assert.equal(driver.statuses(hold), [408]);
    const record = driver.record('inbound');
    assert.equal([record.cause, record.endedBy], [cause, 'platform']);
    endsAtRest(driver);
  });
}

test('a 422 to a re-INVITE tells the asker the shortest timer', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  driver.answer(driver.lastSent('INVITE'), 422, { headers: [['Min-SE', '1800']] });
  assert.is(driver.lastTold(hold).status, 422);
  assert.is(headerOf(driver.lastTold(hold), 'Min-SE'), '1800');
});

test('a callee that only says "trying" to a re-INVITE is given 40 s, and the call stands', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  driver.answer(passed, 180);
  driver.pass(39_900);
  assert.equal(driver.statuses(hold), []);
  driver.pass(200);
  assert.equal(driver.statuses(hold), [504]);
  assert.is(driver.cancels.at(-1)?.txn, passed.txn);
  driver.answer(passed, 487);
  assert.is(driver.b2bua.callCount, 1);
  assert.equal(alice.send('INVITE', aliceSays('sendonly', 3)) > 0, true);
  assert.is(driver.sent('INVITE').length, 3);
});

test('a cancelled re-INVITE is told 487 and cancelled at the callee', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  driver.cancel(hold);
  assert.equal(driver.statuses(hold), [487]);
  assert.is(driver.cancels.at(-1)?.txn, passed.txn);
  driver.answer(passed, 487);
  assert.is(driver.b2bua.callCount, 1);
  assert.is(driver.sent('INVITE').length, 2);
});

test('a callee that accepted a re-INVITE already cancelled is led back to what the caller still has', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  driver.cancel(hold);
  driver.answer(passed, 200, { body: bobSays('recvonly') });
  assert.is(driver.acks.at(-1)?.txn, passed.txn);
  const restoring = driver.lastSent('INVITE');
  assert.is.not(restoring.txn, passed.txn);
  assert.match(body(restoring.request), /\r\na=sendrecv\r\n/);
  driver.answer(restoring, 200, { body: bobSays('sendrecv') });
  assert.is(driver.acks.at(-1)?.txn, restoring.txn);
  const waits = [...driver.engine.endpoints.values()].map(({ update }) => update?.inactivityMs);
  assert.equal(waits, [60_000, 60_000]);
  assert.equal(driver.statuses(hold), [487]);
});

/** A call whose callee accepted a change that its caller had taken back; the re-INVITE that leads the callee back. */
function restoring(): { readonly driver: B2buaDriver; readonly first: SentRequest } {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  driver.cancel(hold);
  driver.answer(passed, 200, { body: bobSays('recvonly') });
  return { driver, first: driver.lastSent('INVITE') };
}

test('a callee that says 491 to being led back is asked once more after 2.1 to 4 s', () => {
  const { driver, first } = restoring();
  driver.answer(first, 491);
  driver.pass(2_090);
  assert.is(driver.lastSent('INVITE').txn, first.txn);
  driver.pass(1_920);
  const second = driver.lastSent('INVITE');
  assert.is.not(second.txn, first.txn);
  assert.match(body(second.request), /\r\na=sendrecv\r\n/);
  driver.answer(second, 200, { body: bobSays('sendrecv') });
  assert.is(driver.acks.at(-1)?.txn, second.txn);
  assert.is(driver.b2bua.callCount, 1);
});

test('a callee that changes the call itself is led back when that is over', () => {
  const { driver, first } = restoring();
  driver.answer(first, 491);
  const bob = calleeOf(driver, driver.sent('INVITE')[0] ?? first);
  const own = bob.send('INVITE', bobSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  driver.pass(4_500);
  assert.is(driver.lastSent('INVITE').txn, passed.txn);
  driver.answer(passed, 200, { body: aliceSays('recvonly', 4), contact: '<sip:a@192.0.2.10>' });
  assert.equal(driver.statuses(own), [200]);
  bob.acknowledge(own);
  driver.pass(1_000);
  assert.is(driver.lastSent('INVITE').host, '192.0.2.20');
  assert.is.not(driver.lastSent('INVITE').txn, first.txn);
});

for (const statuses of [[491, 491], [488]]) {
  test(`a callee that can’t be led back (${statuses.join(', ')}) ends the call`, () => {
    const { driver } = restoring();
    for (const status of statuses) {
      driver.answer(driver.lastSent('INVITE'), status);
      driver.pass(4_010);
    }
    assert.is(driver.sent('BYE').length, 2);
    assert.is(driver.record('inbound').cause, 'PEER_REFUSED');
    endsAtRest(driver);
  });
}

test('a callee’s offer to a re-INVITE already cancelled is answered with what the caller still has', () => {
  const { driver, alice } = standing();
  const asked = alice.send('INVITE');
  driver.cancel(asked);
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
  assert.match(
    body(driver.acks.at(-1)?.request ?? { body: null }),
    /m=audio 20002 RTP\/AVP 0 101\r\n/,
  );
  assert.is(driver.b2bua.callCount, 1);
});

test('an unreadable answer to a re-INVITE is told 488, and the callee is led back', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  driver.answer(driver.lastSent('INVITE'), 200, { body: 'v=0\r\nnonsense' });
  assert.equal(driver.statuses(hold), [488]);
  assert.match(body(driver.lastSent('INVITE').request), /\r\na=sendrecv\r\n/);
});

test('a re-INVITE whose offer is not SDP is told 415 with what is accepted', () => {
  const { driver, alice } = standing();
  const txn = driver.receive(alice.request('INVITE').withBody('x', 'text/plain'));
  assert.is(driver.lastTold(txn).status, 415);
  assert.is(headerOf(driver.lastTold(txn), 'Accept'), 'application/sdp');
});

test('a re-INVITE that requires an extension is told 420, and the call stands', () => {
  const { driver, alice } = standing();
  const txn = driver.receive(
    alice.request('INVITE', aliceSays('sendrecv')).with('Require', '100rel'),
  );
  assert.is(driver.lastTold(txn).status, 420);
  assert.is(headerOf(driver.lastTold(txn), 'Unsupported'), '100rel');
  assert.is(driver.sent('INVITE').length, 1);
});

test('a BYE of the asker while its re-INVITE is pending: 487, CANCEL and BYE to the callee', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  assert.equal(driver.statuses(alice.send('BYE')), [200]);
  assert.equal(driver.statuses(hold), [487]);
  assert.is(driver.cancels.at(-1)?.txn, passed.txn);
  assert.is(driver.lastSent('BYE').host, '192.0.2.20');
  driver.answer(passed, 487);
  endsAtRest(driver);
});

test('a BYE of the asked party while a re-INVITE is pending ends the asker’s side with 487 and BYE', () => {
  const { driver, alice, bob } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  bob.send('BYE');
  assert.equal(driver.statuses(hold), [487]);
  assert.is(driver.lastSent('BYE').host, '192.0.2.10');
  driver.answer(driver.lastSent('INVITE'), 481);
  endsAtRest(driver);
});

test('a 200 to a re-INVITE after the call ended is acknowledged and changes nothing', () => {
  const { driver, alice } = standing();
  alice.send('INVITE', aliceSays('sendonly'));
  const passed = driver.lastSent('INVITE');
  alice.send('BYE');
  const orders = driver.engine.orders.length;
  driver.answer(passed, 200, { body: bobSays('recvonly') });
  assert.is(driver.acks.at(-1)?.txn, passed.txn);
  assert.is(driver.engine.orders.length, orders);
  endsAtRest(driver);
});

test('a 200 to a re-INVITE whose ACK never comes ends the call', () => {
  const { driver, alice } = standing();
  const hold = alice.send('INVITE', aliceSays('sendonly'));
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('recvonly') });
  driver.news({ kind: 'ackMissing', txn: hold });
  assert.is(driver.record('outbound').cause, 'ACK_MISSING');
  endsAtRest(driver);
});

for (const contact of ['<tel:+4412>', '<sip:a@192.0.2.10;transport=tls>']) {
  test(`a re-INVITE with Contact ${contact} is told 400 and moves nothing`, () => {
    const { driver, alice, bob } = standing();
    const asked = alice.request('INVITE', aliceSays('sendonly')).with('Contact', contact);
    assert.equal(driver.statuses(driver.receive(asked)), [400]);
    bob.send('BYE');
    assert.is(driver.lastSent('BYE').request.uri, 'sip:alice@192.0.2.10:5060');
  });

  test(`a 200 to our re-INVITE with Contact ${contact} moves nothing`, () => {
    const { driver, alice } = standing();
    alice.send('INVITE', aliceSays('sendonly'));
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('recvonly'), contact });
    alice.send('BYE');
    assert.is(driver.lastSent('BYE').request.uri, 'sip:bob@192.0.2.20:5060');
  });
}

test('follows a Contact that a re-INVITE brings', () => {
  const { driver, alice, bob } = standing();
  driver.receive(
    alice.request('INVITE', aliceSays('sendrecv')).with('Contact', '<sip:moved@192.0.2.11:5070>'),
  );
  driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays('sendrecv') });
  bob.send('BYE');
  assert.is(driver.lastSent('BYE').request.uri, 'sip:moved@192.0.2.11:5070');
});

test.run();
