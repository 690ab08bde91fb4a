// What a request must look like to become a call, and what the sender of a wrong one is told so that it can mend it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { digestAnswer } from '../../../src/sip/index.ts';
import { B2buaDriver, TWO_TRUNKS } from '../../support/b2bua-driver.ts';
import type { SentResponse } from '../../support/b2bua-driver.ts';
import { anInvite, aRequest, headerOf, RequestBuilder, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

/** The only answer to an INVITE that must not become a call. */
function refused(invite: RequestBuilder): SentResponse {
  const driver = new B2buaDriver();
  const txn = driver.receive(invite);
  assert.is(driver.told(txn).length, 1);
  assert.is(driver.sent('INVITE').length, 0);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.admission.calls, 0);
  return driver.lastTold(txn);
}

/** An INVITE whose Contact lines are these and no others. */
function contacting(...contacts: readonly string[]): RequestBuilder {
  const invite = anInvite();
  const kept = ['Via', 'Max-Forwards', 'From', 'To', 'Call-ID', 'CSeq'];
  return new RequestBuilder({
    method: 'INVITE',
    uri: 'sip:441632960000@192.0.2.1:5060',
    headers: [
      ...kept.map((name) => [name, invite.value(name)] as const),
      ...contacts.map((contact) => ['Contact', contact] as const),
    ],
    body: sdpOf(),
  });
}

for (const [what, contacts] of [
  ['no Contact', []],
  ['Contact: *', ['*']],
  ['two Contacts in one line', ['<sip:a@192.0.2.10>, <sip:b@192.0.2.10>']],
  ['two Contact lines', ['<sip:a@192.0.2.10>', '<sip:b@192.0.2.10>']],
  ['a tel: Contact', ['<tel:+441632961111>']],
  ['a Contact on a transport not spoken here', ['<sip:a@192.0.2.10;transport=tls>']],
  ['a sips: Contact', ['<sips:a@192.0.2.10>']],
] as const) {
  test(`an INVITE with ${what} is told 400`, () => {
    const told = refused(contacting(...contacts));
    assert.is(told.status, 400);
    assert.match(told.reason ?? '', 'Contact');
  });
}

test('what stands behind a Record-Route may have any SIP Contact, but the route must be reachable', () => {
  const behind = contacting('<sips:a@192.0.2.10>');
  const told = refused(behind.with('Record-Route', '<sip:192.0.2.9;transport=tls;lr>'));
  assert.is(told.status, 400);
  const driver = new B2buaDriver();
  driver.receive(behind.with('Record-Route', '<sip:192.0.2.9;lr>'));
  assert.is(driver.sent('INVITE').length, 1);
});

test('an INVITE with one SIP Contact becomes a call', () => {
  const driver = new B2buaDriver();
  driver.receive(contacting('"Alice" <sip:alice@192.0.2.10:5060;transport=udp>;expires=60'));
  assert.is(driver.sent('INVITE').length, 1);
});

test('a sips: Request-URI is told 416: no transport here is secure', () => {
  assert.is(refused(anInvite().to('sips:441632960000@192.0.2.1')).status, 416);
});

test('a compressed body is told 415 with what is taken instead', () => {
  const told = refused(anInvite().with('Content-Encoding', 'gzip'));
  assert.is(told.status, 415);
  assert.is(headerOf(told, 'Accept-Encoding'), 'identity');
  assert.is(headerOf(told, 'Accept'), 'application/sdp');
});

test('a body said to be identity-coded is taken', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite().with('Content-Encoding', 'Identity'));
  assert.is(driver.sent('INVITE').length, 1);
});

test('OPTIONS that requires an extension is told 420 with its name', () => {
  const driver = new B2buaDriver();
  const told = driver.lastTold(driver.receive(aRequest('OPTIONS').with('Require', '100rel, foo')));
  assert.is(told.status, 420);
  assert.is(headerOf(told, 'Unsupported'), '100rel, foo');
  assert.equal(driver.statuses(driver.receive(aRequest('OPTIONS'))), [200]);
});

for (const [line, body] of [
  [1, 'v=1\r\n'],
  [5, sdpOf().replace('t=0 0', 'c=IN IP4 not-an-address')],
  [6, sdpOf().replace('m=audio 40000', 'm=audio many')],
] as const) {
  test(`the phrase of the refusal names line ${line} of an SDP that can’t be read`, () => {
    const told = refused(anInvite().withBody(body));
    assert.is(told.status, 400);
    assert.match(told.reason ?? '', new RegExp(`line ${line}\\b`));
  });
}

test('the phrase of a refusal is short and one line, whatever the body held', () => {
  const { reason } = refused(anInvite().withBody(`v=\x01${'x'.repeat(2_000)}\r\n`));
  assert.ok((reason ?? '').length <= 100);
  assert.not.match(reason ?? '', /[\x00-\x1f\x7f]/);
});

// ── Digest ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const PBX_HOST = '198.51.100.1';
const DIALLED = 'sip:441632960000@192.0.2.1:5060';

interface Asked {
  readonly driver: B2buaDriver;
  readonly challenge: string;
}

/** A node with a digest trunk that has just challenged a caller. */
function asked(): Asked {
  const trunk = '{ name: pbx, auth: { username: pbx-user, password: pbx-pass }, gateways: [] }';
  const driver = new B2buaDriver({ edit: [['routes:', `  - ${trunk}\nroutes:`]] });
  const first = driver.lastTold(driver.receive(anInvite(), PBX_HOST));
  return { driver, challenge: headerOf(first, 'WWW-Authenticate') };
}

/** Calls DIALLED with right credentials made for `uri`. @returns what the caller is told, null when the call goes on. */
function call({ driver, challenge }: Asked, uri: string, nonceCount = 1): SentResponse | null {
  const answer = digestAnswer(
    challenge,
    { username: 'pbx-user', password: 'pbx-pass' },
    { method: 'INVITE', uri, cnonce: '0123456789abcdef', nonceCount },
  );
  if (!answer.ok) throw new Error(answer.error.message);
  const txn = driver.receive(anInvite().with('Authorization', answer.value), PBX_HOST);
  return driver.told(txn).at(-1) ?? null;
}

test('credentials used before are challenged again with stale=true, and the next count is taken', () => {
  const node = asked();
  assert.is(call(node, DIALLED), null);
  const again = call(node, DIALLED);
  assert.is(again?.status, 401);
  const challenges = (again?.headers ?? []).filter(([name]) => name === 'WWW-Authenticate');
  assert.is(challenges.length, 2);
  for (const [, value] of challenges) assert.match(value, /, stale=true$/);
  assert.is(call(node, DIALLED, 2), null);
  assert.is(node.driver.sent('INVITE').length, 2);
});

for (const uri of [
  'sip:441632960001@192.0.2.1:5060',
  'sip:192.0.2.1:5060',
  'sip:441632960000@192.0.2.2:5060',
  'nonsense',
]) {
  test(`credentials signed for ${uri} are told 400 and start no call`, () => {
    const node = asked();
    assert.is(call(node, uri)?.status, 400);
    assert.is(node.driver.sent('INVITE').length, 0);
    assert.equal(node.driver.b2bua.held, NOTHING_HELD);
  });
}

for (const uri of [
  'sip:441632960000@192.0.2.1',
  'sip:441632960000@192.0.2.1:5080',
  'sip:441632960000@192.0.2.1:5060;transport=udp;user=phone',
]) {
  test(`credentials signed for ${uri} are for the same callee`, () => {
    assert.is(call(asked(), uri), null);
  });
}

// ── Families ────────────────────────────────────────────────────────────────────────────────────────────────────────

const V6_PEER = '2001:db8::10';
const OURS_V4 = '{ bind: 192.0.2.1, ports: 20000-29999 }';
const OURS_V6 = '{ bind: "2001:db8::1", ports: 20000-29999 }';

/** The c= line of our 200 to an echo call that comes over IPv6 with this offer. */
function echoedAddress(media: readonly string[], body: string | null): string | undefined {
  const yaml = TWO_TRUNKS.replace(OURS_V4, media.join(', '))
    .replace('allow: [192.0.2.10/32]', `allow: ["${V6_PEER}/128"]`)
    .replace('sip: [', 'sip: ["udp://[2001:db8::1]:5060", ');
  const driver = new B2buaDriver({ yaml });
  const invite = anInvite({ host: `[${V6_PEER}]`, port: 5060 });
  const txn = driver.receive(invite.dialling('08001').withBody(body), V6_PEER);
  const { status, body: answer } = driver.lastTold(txn);
  assert.is(status, 200);
  return /^c=.*$/m.exec(answer?.toString() ?? '')?.[0].trim();
}

for (const address of ['media.example.com', '233.252.0.1/127', '255.255.255.255']) {
  test(`audio for ${address} is told 488: the SDP can be read and is not acceptable`, () => {
    const offer = sdpOf().replace('c=IN IP4 192.0.2.10', `c=IN IP4 ${address}`);
    assert.is(refused(anInvite().withBody(offer)).status, 488);
  });
}

const V4_OFFER = sdpOf();
const V6_OFFER = sdpOf({ host: V6_PEER }).replaceAll('IN IP4', 'IN IP6');

for (const media of [
  [OURS_V6, OURS_V4],
  [OURS_V4, OURS_V6],
]) {
  test(`media is of the offer’s family, signalling of another (${media[0] ?? ''} first)`, () => {
    assert.is(echoedAddress(media, V4_OFFER), 'c=IN IP4 192.0.2.1');
    assert.is(echoedAddress(media, V6_OFFER), 'c=IN IP6 2001:db8::1');
    assert.is(echoedAddress(media, null), 'c=IN IP6 2001:db8::1');
  });
}

/** The INVITE of a call to a carrier whose proxy sends it on to us. */
function ledBack(): { readonly driver: B2buaDriver; readonly back: RequestBuilder } {
  const driver = new B2buaDriver({ edit: [['192.0.2.21/32]', '192.0.2.21/32, 192.0.2.99/32]']] });
  driver.receive(anInvite());
  const { request } = driver.lastSent('INVITE');
  const back = anInvite()
    .with('From', headerOf(request, 'From'))
    .with('Call-ID', headerOf(request, 'Call-ID'))
    .with('Max-Forwards', '68');
  return { driver, back };
}

test('an INVITE of ours that a proxy leads back to us is told 482 at once and becomes no call', () => {
  const { driver, back } = ledBack();
  assert.equal(driver.statuses(driver.receive(back, '192.0.2.99')), [482]);
  assert.is(driver.b2bua.callCount, 1);
  assert.is(driver.sent('INVITE').length, 1);
  assert.equal(driver.rejected, ['LOOP_DETECTED']);
  const stranger = back.with('Call-ID', 'another');
  driver.receive(stranger, '192.0.2.99');
  assert.is(driver.b2bua.callCount, 2, 'a tag alone is no proof');
});

for (const [what, number] of [
  ['as we wrote it', '00441632960000'],
  ['as it was dialled', '+44-1632-960000'],
] as const) {
  test(`an INVITE of ours comes back with its number ${what}: a loop, told 482`, () => {
    const { driver, back } = ledBack();
    assert.equal(driver.statuses(driver.receive(back.dialling(number), '192.0.2.99')), [482]);
    assert.is(driver.b2bua.callCount, 1);
  });
}

test('an INVITE of ours that a proxy sends on to another number of ours is a spiral, and a call of its own', () => {
  const { driver, back } = ledBack();
  assert.equal(driver.statuses(driver.receive(back.dialling('08001'), '192.0.2.99')), [200]);
  const onward = driver.receive(back.dialling('441632960001'), '192.0.2.99');
  assert.equal(driver.statuses(onward), []);
  assert.is(driver.lastSent('INVITE').request.uri, 'sip:00441632960001@192.0.2.20:5060');
  assert.is(headerOf(driver.lastSent('INVITE').request, 'Max-Forwards'), '67');
});

test.run();
