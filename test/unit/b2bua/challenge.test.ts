// Gateways that ask for credentials: what is answered, what never is, and what callers see of it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SentRequest, Standing } from '../../support/b2bua-driver.ts';
import { B2buaDriver, calleeOf, callerOf } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';

const CREDENTIALS = 'credentials: { username: trunk-user, password: pass-word }\n    ';
const OF_REALM =
  'credentials: { username: trunk-user, password: pass-word, realm: carrier.example }\n    ';
const bobSays = sdpOf({ host: '192.0.2.20', port: 50_000 });

function withCredentials(text = CREDENTIALS): B2buaDriver {
  return new B2buaDriver({ edit: [['gateway_timeout_s: 4', `${text}gateway_timeout_s: 4`]] });
}

interface Challenge {
  readonly headers: readonly (readonly [string, string])[];
}

const challenge = (
  realm = 'carrier.example',
  kind: 'WWW' | 'Proxy' = 'WWW',
  nonce = 'nonce="n0nce"',
): Challenge => ({
  headers: [
    [`${kind}-Authenticate`, `Digest realm="${realm}", ${nonce}, algorithm=MD5, qop="auth"`],
  ],
});

/** What is asked for when only the nonce was too old. */
const stale = (nonce: string): Challenge =>
  challenge('carrier.example', 'WWW', `nonce="${nonce}", stale=true`);

/** A call whose gateway asked for credentials first. */
function standing(driver: B2buaDriver, contact?: string): Standing {
  const invite = anInvite();
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: bobSays, ...(contact === undefined ? {} : { contact }) });
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  return { invite: txn, alice, bob: calleeOf(driver, sent), sent };
}

const authorization = ({ request }: SentRequest): string => headerOf(request, 'Authorization');

test('answers a gateway’s 401 once, with the next CSeq of the same Call-ID', () => {
  const driver = withCredentials();
  const txn = driver.receive(anInvite());
  const first = driver.lastSent('INVITE');
  driver.answer(first, 401, challenge());
  const second = driver.lastSent('INVITE');
  assert.is(second.host, first.host);
  assert.is(headerOf(second.request, 'Call-ID'), headerOf(first.request, 'Call-ID'));
  assert.is(headerOf(second.request, 'CSeq'), '2 INVITE');
  assert.is(second.request.body?.toString(), first.request.body?.toString());
  assert.match(
    authorization(second),
    /^Digest username="trunk-user", realm="carrier\.example", nonce="n0nce"/,
  );
  assert.equal(driver.statuses(txn), []);
});

test('answers a 407 in Proxy-Authorization', () => {
  const driver = withCredentials();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 407, challenge('carrier.example', 'Proxy'));
  assert.match(headerOf(driver.lastSent('INVITE').request, 'Proxy-Authorization'), /^Digest /);
});

test('the ACK repeats what the INVITE or re-INVITE answered its challenge with', () => {
  const driver = withCredentials();
  const { alice, sent } = standing(driver);
  const [first] = driver.acks;
  if (first === undefined) throw new Error('no ACK');
  assert.is(headerOf(first.request, 'Authorization'), authorization(sent));
  alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  const again = driver.lastSent('INVITE');
  driver.answer(again, 200, { body: sdpOf({ host: '192.0.2.20', direction: 'recvonly' }) });
  const second = driver.acks.at(-1);
  if (second === undefined) throw new Error('no ACK');
  assert.is(headerOf(second.request, 'Authorization'), authorization(again));
  assert.is.not(authorization(again), authorization(sent));
});

test('the ACKs of a late offer and of an answer that came too late repeat it too', () => {
  for (const isLate of [false, true]) {
    const driver = withCredentials();
    const invite = anInvite().withBody(null);
    const txn = driver.receive(invite);
    driver.answer(driver.lastSent('INVITE'), 407, challenge('carrier.example', 'Proxy'));
    const sent = driver.lastSent('INVITE');
    if (isLate) driver.cancel(txn);
    driver.answer(sent, 200, { body: bobSays });
    if (!isLate) callerOf(driver, invite, txn).acknowledge(txn, sdpOf());
    const [ack] = driver.acks;
    if (ack === undefined) throw new Error('no ACK');
    const repeated = headerOf(ack.request, 'Proxy-Authorization');
    assert.match(repeated, /^Digest /);
    assert.is(repeated, headerOf(sent.request, 'Proxy-Authorization'));
  }
});

test('a second challenge means wrong credentials: the next gateway is asked, the caller sees no challenge', () => {
  const driver = withCredentials();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  assert.is(driver.lastSent('INVITE').host, '192.0.2.21');
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  assert.equal(driver.statuses(txn), [503]);
  assert.not.match(driver.lastTold(txn).headers.join(), /Digest|carrier\.example/);
  assert.is(driver.record('inbound').cause, 'GATEWAYS_EXHAUSTED');
});

test('a nonce that ran out is answered once more, with the new one', () => {
  const driver = withCredentials();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  driver.answer(driver.lastSent('INVITE'), 401, stale('newer'));
  const third = driver.lastSent('INVITE');
  assert.is(third.host, '192.0.2.20');
  assert.is(headerOf(third.request, 'CSeq'), '3 INVITE');
  const lines = third.request.headers.filter(([name]) => name === 'Authorization');
  assert.is(lines.length, 1);
  assert.match(authorization(third), /nonce="newer"/);
});

test('a gateway whose every nonce has run out is given up after three answers', () => {
  const driver = withCredentials();
  driver.receive(anInvite());
  for (const nonce of ['a', 'b', 'c', 'd']) {
    driver.answer(driver.lastSent('INVITE'), 401, stale(nonce));
  }
  const hosts = driver.sent('INVITE').map(({ host }) => host);
  assert.equal(hosts, [...Array<string>(4).fill('192.0.2.20'), '192.0.2.21']);
});

test('a proxy’s challenge and the gateway’s behind it are both answered, and the ACK repeats both', () => {
  const driver = withCredentials();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 407, challenge('carrier.example', 'Proxy'));
  const second = driver.lastSent('INVITE');
  driver.answer(second, 401, challenge());
  const third = driver.lastSent('INVITE');
  const toProxy = headerOf(second.request, 'Proxy-Authorization');
  assert.match(toProxy, /^Digest /);
  assert.is(headerOf(third.request, 'Proxy-Authorization'), toProxy);
  assert.match(authorization(third), /^Digest /);
  driver.answer(third, 200, { body: bobSays });
  assert.equal(driver.statuses(txn), [200]);
  const [ack] = driver.acks;
  if (ack === undefined) throw new Error('no ACK');
  assert.is(headerOf(ack.request, 'Proxy-Authorization'), toProxy);
  assert.is(headerOf(ack.request, 'Authorization'), authorization(third));
});

test('after a proxy’s challenge one of another realm is not answered: a callee could have sent it', () => {
  const driver = withCredentials();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 407, challenge('carrier.example', 'Proxy'));
  driver.answer(driver.lastSent('INVITE'), 401, challenge('evil.example'));
  assert.equal(driver.sent('INVITE').map(authorization), ['', '', '']);
});

test('a trunk without credentials never answers a challenge', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  assert.is(driver.lastSent('INVITE').host, '192.0.2.21');
});

test('a challenge of another realm than the trunk’s is not answered', () => {
  const driver = withCredentials(OF_REALM);
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 401, challenge('evil.example'));
  assert.equal(driver.sent('INVITE').map(authorization), ['', '']);
});

test('a gateway that is silent after our credentials is given up in its time', () => {
  const driver = withCredentials();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  driver.pass(4_100);
  assert.is(driver.lastSent('INVITE').host, '192.0.2.21');
});

for (const provisional of [100, 180]) {
  test(`a ${provisional} before the challenge leaves the second INVITE its own clocks`, () => {
    const driver = withCredentials();
    const txn = driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), provisional);
    driver.answer(driver.lastSent('INVITE'), 407, challenge('carrier.example', 'Proxy'));
    const second = driver.lastSent('INVITE');
    driver.answer(second, 180);
    driver.pass(59_900);
    assert.is(driver.lastSent('INVITE').txn, second.txn, 'a gateway that rings is not given up');
    driver.pass(200);
    assert.is(driver.lastTold(txn).status, 480);
    assert.is(driver.cancels[0]?.txn, second.txn);
  });
}

test('answers the gateway’s challenge to a BYE once', () => {
  const driver = withCredentials();
  const { alice } = standing(driver);
  alice.send('BYE');
  const first = driver.lastSent('BYE');
  driver.answer(first, 401, challenge());
  const second = driver.lastSent('BYE');
  assert.is(headerOf(second.request, 'CSeq'), '4 BYE');
  assert.match(authorization(second), /^Digest username="trunk-user"/);
  driver.answer(second, 401, challenge());
  assert.is(driver.sent('BYE').length, 2);
});

test('answers the gateway’s challenge to a re-INVITE once and passes the answer on', () => {
  const driver = withCredentials();
  const { alice } = standing(driver);
  const hold = alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  const again = driver.lastSent('INVITE');
  assert.match(authorization(again), /^Digest username="trunk-user"/);
  assert.match(again.request.body?.toString() ?? '', /\r\na=sendonly\r\n/);
  driver.answer(again, 200, { body: sdpOf({ host: '192.0.2.20', direction: 'recvonly' }) });
  assert.equal(driver.statuses(hold), [200]);
  assert.is(driver.acks.at(-1)?.txn, again.txn);
});

test('inside the dialog too a proxy and the gateway behind it are answered, each once', () => {
  const driver = withCredentials();
  const { alice } = standing(driver);
  const behindProxy = (): void => {
    const method = driver.requests.at(-1)?.request.method ?? '';
    driver.answer(driver.lastSent(method), 407, challenge('carrier.example', 'Proxy'));
    driver.answer(driver.lastSent(method), 401, challenge());
  };
  const both = ({ request }: SentRequest): readonly string[] =>
    request.headers.flatMap(([name]) => (/Authorization$/.test(name) ? [name] : []));
  const hold = alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  behindProxy();
  const change = driver.lastSent('INVITE');
  assert.equal(both(change), ['Proxy-Authorization', 'Authorization']);
  driver.answer(change, 200, { body: sdpOf({ host: '192.0.2.20', direction: 'recvonly' }) });
  assert.equal(driver.statuses(hold), [200]);
  alice.send('BYE');
  behindProxy();
  assert.equal(both(driver.lastSent('BYE')), ['Proxy-Authorization', 'Authorization']);
  driver.answer(driver.lastSent('BYE'), 407, challenge('carrier.example', 'Proxy'));
  assert.is(driver.sent('BYE').length, 3);
});

test('a re-INVITE challenged twice is refused to its asker without a challenge', () => {
  const driver = withCredentials();
  const { alice } = standing(driver);
  const hold = alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  assert.equal(driver.statuses(hold), [503]);
  assert.is(driver.b2bua.callCount, 1);
});

test('a callee behind the gateway is never answered: its 401 to BYE or re-INVITE gets no hash', () => {
  const driver = withCredentials(OF_REALM);
  const { alice } = standing(driver, '<sip:callee@198.51.100.66:5060>');
  alice.send('INVITE', sdpOf({ direction: 'sendonly', version: 2 }));
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  alice.send('BYE');
  driver.answer(driver.lastSent('BYE'), 401, challenge());
  assert.is(driver.sent('INVITE').length, 3);
  assert.is(driver.sent('BYE').length, 1);
});

test('a gateway that never asked before is not answered inside the dialog unless the trunk names its realm', () => {
  for (const [text, byes] of [
    [CREDENTIALS, 1],
    [OF_REALM, 2],
  ] as const) {
    const driver = withCredentials(text);
    const invite = anInvite();
    const txn = driver.receive(invite);
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays });
    callerOf(driver, invite, txn).send('BYE');
    driver.answer(driver.lastSent('BYE'), 401, challenge());
    assert.is(driver.sent('BYE').length, byes);
  }
});

test('the hang-up of an answer that came too late is worth our credentials too', () => {
  const driver = withCredentials();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 401, challenge());
  const sent = driver.lastSent('INVITE');
  driver.cancel(txn);
  driver.answer(sent, 200, { body: bobSays });
  driver.answer(driver.lastSent('BYE'), 401, challenge());
  assert.match(authorization(driver.lastSent('BYE')), /^Digest username="trunk-user"/);
});

for (const [what, from, byes] of [
  ['the address that challenged its INVITE', '192.0.2.20', 2],
  ['another address', '198.51.100.66', 1],
] as const) {
  test(`a gateway known by name is answered inside the dialog at ${what}: ${byes - 1} times`, () => {
    const driver = new B2buaDriver({
      edit: [
        ['gateway_timeout_s: 4', `${CREDENTIALS}gateway_timeout_s: 4`],
        ['sip:192.0.2.20:5060', 'sip:gw.example:5060'],
      ],
    });
    const invite = anInvite();
    const txn = driver.receive(invite);
    driver.answer(driver.lastSent('INVITE'), 401, { ...challenge(), from });
    driver.answer(driver.lastSent('INVITE'), 200, { body: bobSays, from });
    const alice = callerOf(driver, invite, txn);
    alice.acknowledge(txn);
    alice.send('BYE');
    driver.answer(driver.lastSent('BYE'), 401, challenge());
    assert.is(driver.sent('BYE').length, byes);
  });
}

test('a caller’s 401 to our BYE is never answered', () => {
  const driver = withCredentials(OF_REALM);
  const { bob } = standing(driver);
  bob.send('BYE');
  driver.answer(driver.lastSent('BYE'), 401, challenge());
  assert.is(driver.sent('BYE').length, 1);
});

test.run();
