// Who may start a call, what the others are told, and which of them get a record.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver, bookOf, standingCall, TWO_TRUNKS } from '../../support/b2bua-driver.ts';
import type { SentResponse } from '../../support/b2bua-driver.ts';
import { digestAnswer } from '../../../src/sip/index.ts';
import type { RequestBuilder } from '../../support/sip-messages.ts';
import { anInvite, aRequest, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const DIGEST = [
  [
    'routes:',
    '  - { name: pbx, auth: { username: pbx-user, password: pbx-pass }, gateways: [] }\nroutes:',
  ],
] as const;

function refused(driver: B2buaDriver, invite: RequestBuilder, from?: string): SentResponse {
  const txn = driver.receive(invite, from);
  assert.is(driver.told(txn).length, 1);
  assert.is(driver.sent('INVITE').length, 0);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  return driver.lastTold(txn);
}

function noRecord(driver: B2buaDriver): void {
  assert.equal(driver.facts, []);
  assert.is(driver.admission.calls, 0);
}

test('a source of no trunk is told 403 and leaves no record', () => {
  const driver = new B2buaDriver();
  assert.is(refused(driver, anInvite(), '198.51.100.1').status, 403);
  assert.equal(driver.rejected, ['SOURCE_NOT_ALLOWED']);
  noRecord(driver);
});

test('what is answered before anyone is known keeps no transaction, what a known caller hears does', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const stranger = driver.receive(anInvite(), '198.51.100.1');
  const wrong = driver.receive(
    answered(headerOf(driver.lastTold(stranger), 'WWW-Authenticate'), 'guess'),
    '198.51.100.1',
  );
  const madeUp = driver.receive(
    aRequest('BYE').with('To', '<sip:x@192.0.2.1>;tag=made-up'),
    '198.51.100.1',
  );
  const known = driver.receive(anInvite().dialling('339999'));
  assert.equal(
    [stranger, wrong, madeUp, known].flatMap((txn) => driver.statuses(txn)),
    [401, 403, 481, 404],
  );
  assert.equal(driver.dismissed, [stranger, wrong, madeUp]);
});

test('other requests of a source of no trunk are told 403', () => {
  const driver = new B2buaDriver();
  for (const method of ['OPTIONS', 'REGISTER', 'MESSAGE']) {
    assert.equal(driver.statuses(driver.receive(aRequest(method), '198.51.100.1')), [403]);
  }
});

test('with digest trunks strangers are answered and nothing is kept of them; a known source’s repeats are', () => {
  for (const [method, status] of [
    ['OPTIONS', 200],
    ['BYE', 481],
    ['REGISTER', 405],
  ] as const) {
    const driver = new B2buaDriver({ edit: DIGEST });
    const stranger = driver.receive(aRequest(method), '198.51.100.1');
    const known = driver.receive(aRequest(method));
    assert.equal([driver.statuses(stranger), driver.statuses(known)], [[status], [status]]);
    assert.equal(driver.dismissed, [stranger]);
  }
});

test('an extension that a stranger’s OPTIONS requires is refused without keeping anything of it', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const txn = driver.receive(aRequest('OPTIONS').with('Require', 'x'), '198.51.100.1');
  assert.equal([driver.statuses(txn), driver.dismissed], [[420], [txn]]);
});

const CASES: readonly (readonly [string, number, (invite: RequestBuilder) => RequestBuilder])[] = [
  ['a number without a route', 404, (invite) => invite.dialling('339999')],
  [
    'an offer without a codec of the trunk',
    488,
    (invite) => invite.withBody(sdpOf({ codecs: [[18, 'G729/8000']] })),
  ],
  ['an offer whose audio is switched off', 488, (invite) => invite.withBody(sdpOf({ port: 0 }))],
  ['a body that is not SDP', 415, (invite) => invite.withBody('hello', 'text/plain')],
  ['an SDP that can’t be read', 400, (invite) => invite.withBody('v=0\r\nnonsense\r\n')],
  ['a required extension', 420, (invite) => invite.with('Require', '100rel')],
  ['Max-Forwards 0', 483, (invite) => invite.with('Max-Forwards', '0')],
  ['a Request-URI of another scheme', 416, (invite) => invite.to('mailto:someone@example.com')],
];

for (const [what, status, change] of CASES) {
  test(`${what} is told ${status} and leaves nothing behind`, () => {
    const driver = new B2buaDriver();
    assert.is(refused(driver, change(anInvite())).status, status);
    assert.is(driver.admission.calls, 0);
  });
}

test('420 names the extension in Unsupported and 415 what is accepted', () => {
  const driver = new B2buaDriver();
  const extension = refused(driver, anInvite().with('Require', '100rel, timer'));
  assert.is(headerOf(extension, 'Unsupported'), '100rel, timer');
  assert.is(
    headerOf(refused(driver, anInvite().withBody('x', 'text/plain')), 'Accept'),
    'application/sdp',
  );
});

test('a tel: URI is routed by its number', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite().to('tel:+441632960000'));
  assert.is(driver.lastSent('INVITE').request.uri, 'sip:00441632960000@192.0.2.20:5060');
});

test('a caller that was let in but refused gets a one-leg record, journalled before its answer', () => {
  const driver = new B2buaDriver();
  refused(driver, anInvite().dialling('339999'));
  const order = driver.outputs.map((output) =>
    output.kind === 'commit' ? output.events.map(({ kind }) => kind).join() : output.kind,
  );
  assert.equal(order, ['leg.started', 'leg.ended', 'sip', 'rejected']);
  const { trunk, called, finalStatus, cause, endedBy, durationMs, media } =
    driver.record('inbound');
  assert.equal(
    [trunk, called, finalStatus, cause, endedBy, durationMs, media],
    ['in', '339999', 404, 'ROUTE_NOT_FOUND', 'platform', 0, null],
  );
});

test('E9 an INVITE above the trunk’s CPS is told 503 at once, with the limit named and Retry-After', () => {
  const driver = new B2buaDriver({ edit: [['cps: 100, channels: 100', 'cps: 1, channels: 100']] });
  driver.receive(anInvite());
  const txn = driver.receive(anInvite());
  const answer = driver.lastTold(txn);
  assert.is(answer.status, 503);
  assert.is(answer.reason, 'Trunk CPS exceeded');
  assert.is(headerOf(answer, 'Reason'), 'Q.850;cause=42;text="TRUNK_CPS_EXCEEDED"');
  assert.is(headerOf(answer, 'Retry-After'), '1');
  assert.is(driver.sent('INVITE').length, 1);
  assert.equal(driver.rejected, ['TRUNK_CPS_EXCEEDED']);
  assert.is(driver.facts.length, 2, 'only the first call has facts');
});

for (const [code, from, to] of [
  ['TRUNK_AT_CAPACITY', 'cps: 100, channels: 100', 'cps: 100, channels: 1'],
  ['CALL_LIMIT_REACHED', 'calls: 1000, cps: 1000', 'calls: 1, cps: 1000'],
  ['CPS_LIMIT_REACHED', 'calls: 1000, cps: 1000', 'calls: 1000, cps: 1'],
] as const) {
  test(`E9 ${code} is told 503 by name with Retry-After`, () => {
    const driver = new B2buaDriver({ edit: [[from, to]] });
    driver.receive(anInvite());
    const answer = driver.lastTold(driver.receive(anInvite()));
    assert.is(answer.status, 503);
    assert.match(headerOf(answer, 'Reason'), new RegExp(`text="${code}"$`));
    assert.match(headerOf(answer, 'Retry-After'), /^[1-9]\d*$/);
  });
}

test('E9 a channel is free again as soon as its call has ended', () => {
  const driver = new B2buaDriver({ edit: [['cps: 100, channels: 100', 'cps: 100, channels: 1']] });
  const { alice } = standingCall(driver);
  alice.send('BYE');
  assert.equal(driver.statuses(driver.receive(anInvite())), []);
});

test('a caller that answers several realms is known by the answer to ours, wherever it stands', () => {
  const others = [
    'Digest username="x", realm="other.example", nonce="n", uri="sip:x", response="00000000000000000000000000000000", qop=auth, nc=00000001, cnonce="c"',
    'Bearer abc',
  ];
  for (const other of others) {
    const driver = new B2buaDriver({ edit: DIGEST });
    const challenge = refused(driver, anInvite(), '198.51.100.1');
    const invite = answered(headerOf(challenge, 'WWW-Authenticate'), 'pbx-pass');
    const txn = driver.receive(invite.after('Authorization', other), '198.51.100.1');
    assert.equal(driver.statuses(txn), []);
    assert.is(driver.sent('INVITE').length, 1);
  }
});

test('a digest trunk is challenged, and its right answer starts the call with the identity in the record', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const first = driver.lastTold(driver.receive(anInvite(), '198.51.100.1'));
  assert.is(first.status, 401);
  const challenge = headerOf(first, 'WWW-Authenticate');
  assert.match(challenge, /^Digest realm="unit\.example", nonce="[^"]+", algorithm=SHA-256/);
  const txn = driver.receive(answered(challenge, 'pbx-pass'), '198.51.100.1');
  assert.equal(driver.statuses(txn), []);
  assert.is(driver.sent('INVITE').length, 1);
  driver.cancel(txn);
  driver.answer(driver.lastSent('INVITE'), 487);
  assert.is(driver.record('inbound').authIdentity, 'pbx-user');
  assert.is(driver.record('inbound').trunk, 'pbx');
});

test('credentials of one trunk are not passed on to another', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const challenge = headerOf(
    driver.lastTold(driver.receive(anInvite(), '198.51.100.1')),
    'WWW-Authenticate',
  );
  driver.receive(answered(challenge, 'pbx-pass'), '198.51.100.1');
  assert.is(headerOf(driver.lastSent('INVITE').request, 'Authorization'), '');
});

test('a wrong password is told 403', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const challenge = headerOf(
    driver.lastTold(driver.receive(anInvite(), '198.51.100.1')),
    'WWW-Authenticate',
  );
  assert.equal(
    driver.statuses(driver.receive(answered(challenge, 'guess'), '198.51.100.1')),
    [403],
  );
  assert.equal(driver.rejected, ['AUTH_REQUIRED', 'AUTH_FAILED']);
  noRecord(driver);
});

test('ten wrong passwords close the door for a while, to who was challenged and to nobody in his name', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const challengeTo = (source: string): string =>
    headerOf(driver.lastTold(driver.receive(anInvite(), source)), 'WWW-Authenticate');
  const guesser = challengeTo('198.51.100.1');
  // Each from another address: the challenge tells who guesses.
  for (let i = 0; i < 10; i += 1)
    driver.receive(answered(guesser, `guess ${i}`), `198.51.100.${i}`);
  const right = driver.receive(answered(guesser, 'pbx-pass'), '198.51.100.1');
  assert.equal(driver.statuses(right), [403]);
  const other = driver.receive(answered(challengeTo('198.51.100.2'), 'pbx-pass'), '198.51.100.2');
  assert.equal(driver.statuses(other), []);
  assert.is(driver.sent('INVITE').length, 1);
  driver.pass(2_000);
  driver.receive(answered(challengeTo('198.51.100.1'), 'pbx-pass'), '198.51.100.1');
  assert.is(driver.sent('INVITE').length, 2);
});

test('a stale nonce is challenged again with stale=true', () => {
  const driver = new B2buaDriver({ edit: DIGEST });
  const challenge = headerOf(
    driver.lastTold(driver.receive(anInvite(), '198.51.100.1')),
    'WWW-Authenticate',
  );
  driver.pass(61_000);
  const again = driver.lastTold(driver.receive(answered(challenge, 'pbx-pass'), '198.51.100.1'));
  assert.is(again.status, 401);
  assert.match(headerOf(again, 'WWW-Authenticate'), /stale=true/);
});

test('without a store no call is taken: its record could be lost', () => {
  const driver = new B2buaDriver();
  driver.input({ kind: 'storeHealth', available: false });
  const answer = refused(driver, anInvite());
  assert.equal([answer.status, headerOf(answer, 'Retry-After')], [503, '5']);
  driver.input({ kind: 'storeHealth', available: true });
  assert.equal(driver.statuses(driver.receive(anInvite())), []);
});

test('without a media process no call is taken', () => {
  const driver = new B2buaDriver();
  driver.input({ kind: 'engineReady', ready: false });
  const answer = refused(driver, anInvite());
  assert.equal([answer.status, headerOf(answer, 'Retry-After')], [503, '2']);
  driver.input({ kind: 'engineReady', ready: true });
  assert.equal(driver.statuses(driver.receive(anInvite())), []);
});

test('a reload routes new calls by the new book and leaves standing ones alone', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  const book = bookOf(TWO_TRUNKS.replace('prefix: "44", strip: 2', 'prefix: "33", strip: 2'));
  driver.input({ kind: 'reload', book });
  assert.equal(driver.statuses(driver.receive(anInvite())), [404]);
  assert.equal(driver.statuses(alice.send('BYE')), [200]);
});

function answered(challenge: string, password: string): RequestBuilder {
  const invite = anInvite();
  const answer = digestAnswer(
    challenge,
    { username: 'pbx-user', password },
    {
      method: 'INVITE',
      uri: 'sip:441632960000@192.0.2.1:5060',
      cnonce: '0123456789abcdef',
    },
  );
  if (!answer.ok) throw new Error(answer.error.message);
  return invite.with('Authorization', answer.value);
}

test.run();
