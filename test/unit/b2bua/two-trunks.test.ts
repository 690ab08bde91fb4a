// A call from one trunk to another, from its INVITE to its two records.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver, standingCall, START_EPOCH } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const kinds = (driver: B2buaDriver): readonly string[] => driver.facts.map(({ kind }) => kind);

test('opens both endpoints on one media thread before it asks a gateway', () => {
  const driver = new B2buaDriver();
  driver.engineAnswers = false;
  driver.receive(anInvite());
  const opened = driver.unanswered.map((order) =>
    order.kind === 'openEndpoint' ? order.affinity : null,
  );
  assert.equal(opened, [1, 1]);
  assert.is(driver.sent('INVITE').length, 0);
});

test('sends the INVITE to the gateway of the first priority with the rewritten number', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  const { request, host } = driver.lastSent('INVITE');
  assert.is(host, '192.0.2.20');
  assert.is(request.uri, 'sip:00441632960000@192.0.2.20:5060');
  assert.is(headerOf(request, 'Max-Forwards'), '69');
});

test('journals both legs before the gateway hears of the call', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  const order = driver.outputs.flatMap((output): readonly string[] => {
    if (output.kind === 'commit') return output.events.map(({ kind }) => kind);
    return output.kind === 'sip' ? [output.order.kind] : [];
  });
  assert.equal(order, ['leg.started', 'leg.started', 'request']);
});

test('passes ringing on with a tag and Contact of ours and no body', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 180);
  const ringing = driver.lastTold(txn);
  assert.is(ringing.status, 180);
  assert.is(ringing.toTag?.length, 16);
  assert.is(headerOf(ringing, 'Contact'), '<sip:192.0.2.1:5060;transport=udp>');
  assert.is(ringing.body, null);
});

test('answers the caller with its own description and acknowledges the gateway', () => {
  const driver = new B2buaDriver();
  const { invite, sent } = standingCall(driver);
  const answer = driver.lastTold(invite);
  assert.is(answer.status, 200);
  assert.match(
    answer.body?.toString() ?? '',
    /^v=0\r\no=- \d+ 1 IN IP4 192\.0\.2\.1\r\n[^]*m=audio 20000 RTP\/AVP 0 101\r\n/,
  );
  assert.is(driver.acks.length, 1);
  assert.is(driver.acks[0]?.txn, sent.txn);
  assert.is(driver.acks[0]?.request.body, null);
});

test('connects both endpoints to their peers and to each other', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const [a, b] = [...driver.engine.endpoints.values()];
  assert.equal(a?.update?.remoteRtp, { host: '192.0.2.10', port: 40_000 });
  assert.equal(b?.update?.remoteRtp, { host: '192.0.2.20', port: 50_000 });
  assert.is(a?.update?.inactivityMs, 60_000);
  assert.is(a?.feeds, b?.handle);
  assert.is(b?.feeds, a?.handle);
});

test('passes a hang-up on with its cause and answers it at once', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  driver.pass(5_000);
  const bye = driver.receive(alice.request('BYE').with('Reason', 'Q.850;cause=31'));
  assert.equal(driver.statuses(bye), [200]);
  const { request, host } = driver.lastSent('BYE');
  assert.is(host, '192.0.2.20');
  assert.is(request.uri, 'sip:bob@192.0.2.20:5060');
  assert.is(headerOf(request, 'Reason'), 'Q.850;cause=31');
});

test('a hang-up of the callee ends the caller’s leg by BYE', () => {
  const driver = new B2buaDriver();
  const { bob } = standingCall(driver);
  assert.equal(driver.statuses(bob.send('BYE')), [200]);
  const { request, host } = driver.lastSent('BYE');
  assert.is(host, '192.0.2.10');
  assert.is(request.uri, 'sip:alice@192.0.2.10:5060');
  assert.is(driver.record('inbound').endedBy, 'callee');
});

test('tells a call’s life as facts in order', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  alice.send('BYE');
  assert.equal(kinds(driver), [
    'leg.started',
    'leg.started',
    'leg.ringing',
    'leg.ringing',
    'leg.answered',
    'leg.answered',
    'leg.ended',
    'leg.ended',
  ]);
});

test('writes every field of the caller’s record', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  const { alice } = standingCall(driver, invite);
  driver.pass(5_000);
  alice.send('BYE');
  const { legId, callId, ...record } = driver.record('inbound');
  assert.match(legId, /^CA[0-9a-f]{32}$/);
  assert.match(callId, /^CL[0-9a-f]{32}$/);
  assert.equal(record, {
    direction: 'inbound',
    trunk: 'in',
    sipCallId: invite.value('Call-ID'),
    caller: '441632961111',
    called: '441632960000',
    calledOriginal: '441632960000',
    authIdentity: null,
    startedAt: START_EPOCH,
    gateway: null,
    ringingAt: START_EPOCH + 100,
    answeredAt: START_EPOCH + 400,
    endedAt: START_EPOCH + 5_400,
    durationMs: 5_000,
    pddMs: 100,
    finalStatus: 200,
    cause: 'NORMAL_CLEARING',
    q850: 16,
    reasonHeader: 'Q.850;cause=16;text="NORMAL_CLEARING"',
    endedBy: 'caller',
    codec: 'PCMU',
    transcoded: false,
    srtp: null,
    media: {
      packetsReceived: 0,
      octetsReceived: 0,
      packetsSent: 0,
      octetsSent: 0,
      packetsLost: 0,
      jitterMs: 0,
      packetsRefused: 0,
      mos: null,
      packetsLate: 0,
      playoutDelayMs: null,
      concealedMs: 0,
    },
    routesTried: '',
  });
});

test('writes every field of the callee’s record', () => {
  const driver = new B2buaDriver();
  const { alice, sent } = standingCall(driver);
  driver.pass(5_000);
  alice.send('BYE');
  const { legId, callId, media, ...record } = driver.record('outbound');
  assert.not.equal(legId, driver.record('inbound').legId);
  assert.is(callId, driver.record('inbound').callId);
  assert.is(media?.packetsReceived, 0);
  assert.equal(record, {
    direction: 'outbound',
    trunk: 'out',
    sipCallId: headerOf(sent.request, 'Call-ID'),
    caller: '441632961111',
    called: '00441632960000',
    calledOriginal: '441632960000',
    authIdentity: null,
    startedAt: START_EPOCH,
    gateway: 'out/udp:192.0.2.20:5060',
    ringingAt: START_EPOCH + 100,
    answeredAt: START_EPOCH + 400,
    endedAt: START_EPOCH + 5_400,
    durationMs: 5_000,
    pddMs: 100,
    finalStatus: 200,
    cause: 'NORMAL_CLEARING',
    q850: 16,
    reasonHeader: 'Q.850;cause=16;text="NORMAL_CLEARING"',
    endedBy: 'caller',
    codec: 'PCMU',
    transcoded: false,
    srtp: null,
    routesTried: 'out/udp:192.0.2.20:5060 200',
  });
});

test('waits for the engine’s last counters before it writes the records', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  driver.engineAnswers = false;
  alice.send('BYE');
  assert.is(driver.records.length, 0);
  driver.settleEngine();
  assert.is(driver.records.length, 2);
});

test('writes records without counters when the engine takes longer than 2 s', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  driver.engineAnswers = false;
  alice.send('BYE');
  driver.pass(2_010);
  assert.equal(
    driver.records.map(({ media }) => media),
    [null, null],
  );
  driver.settleEngine();
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('holds nothing of an ended call once its BYE is answered and late forks can no longer come', () => {
  const driver = new B2buaDriver();
  const { alice } = standingCall(driver);
  alice.send('BYE');
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.admission.calls, 0);
});

test('the INVITE to the gateway holds no trace of the caller’s side', () => {
  const driver = new B2buaDriver();
  const invite = anInvite();
  driver.receive(invite);
  const { request } = driver.lastSent('INVITE');
  const text = [
    request.uri,
    ...request.headers.map((line) => line.join(': ')),
    request.body?.toString() ?? '',
  ].join('\n');
  for (const trace of [
    '192.0.2.10',
    'secret',
    'alice-tag',
    'sip:alice',
    'o=alice',
    '40000',
    invite.value('Call-ID'),
  ]) {
    assert.not.ok(text.includes(trace), `${trace} in\n${text}`);
  }
  assert.not.ok(
    request.headers.some(
      ([name]) => name === 'Via' || name === 'User-Agent' || name === 'Record-Route',
    ),
  );
  assert.match(request.body?.toString() ?? '', /\r\nc=IN IP4 192\.0\.2\.1\r\n/);
});

test('the answer to the caller holds no trace of the gateway’s side', () => {
  const driver = new B2buaDriver();
  const { invite } = standingCall(driver);
  const text = driver
    .told(invite)
    .map(({ headers, body }) => `${headers.join()} ${body?.toString() ?? ''}`)
    .join('\n');
  for (const trace of ['192.0.2.20', 'bob', 'secret', '50000'])
    assert.not.ok(text.includes(trace), trace);
});

test('passes the caller’s display name, number and Privacy on', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite().with('Privacy', 'id'));
  const { request } = driver.lastSent('INVITE');
  assert.match(
    headerOf(request, 'From'),
    /^"Alice Smith" <sip:441632961111@192\.0\.2\.1:5060>;tag=[0-9a-f]{16}$/,
  );
  assert.is(headerOf(request, 'Privacy'), 'id');
});

for (const [what, name, shown] of [
  ['128 letters', 'x'.repeat(128), 'x'.repeat(128)],
  ['8,000 letters', 'x'.repeat(8_000), 'x'.repeat(128)],
  ['letters of two bytes', `x${'é'.repeat(100)}`, `x${'é'.repeat(63)}`],
  ['letters of four bytes', `x${'🙂'.repeat(50)}`, `x${'🙂'.repeat(31)}`],
] as const) {
  test(`passes a name of ${what} on as far as phones show it, and no half letter`, () => {
    const driver = new B2buaDriver();
    driver.receive(anInvite().with('From', `"${name}" <sip:1@192.0.2.10>;tag=t`));
    const [, display] = /^"(.*)" </.exec(headerOf(driver.lastSent('INVITE').request, 'From')) ?? [];
    assert.is(display, Buffer.from(shown, 'utf8').toString('latin1'));
  });
}

for (const uri of [
  'sip:10.20.30.40:5070',
  'sip:gw.example.com',
  'SIP:127.0.0.2;user=phone',
  'sips:[2001:db8::1]:5061',
]) {
  test(`a caller without a user has no number, and its host stays with us: ${uri}`, () => {
    const driver = new B2buaDriver();
    driver.receive(anInvite().with('From', `<${uri}>;tag=t`));
    assert.match(
      headerOf(driver.lastSent('INVITE').request, 'From'),
      /^<sip:anonymous@anonymous\.invalid>;tag=/,
    );
    const [call] = driver.b2bua.liveCalls();
    assert.equal(
      call?.legs.map(({ caller }) => caller),
      ['', ''],
    );
  });
}

test('an anonymous caller stays as anonymous as RFC 3323 has it, with its display name', () => {
  const driver = new B2buaDriver();
  driver.receive(
    anInvite().with('From', '"Anonymous" <sip:Anonymous@anonymous.invalid;user=phone>;tag=t'),
  );
  assert.match(
    headerOf(driver.lastSent('INVITE').request, 'From'),
    /^"Anonymous" <sip:anonymous@anonymous\.invalid>;tag=/,
  );
});

for (const [uri, caller] of [
  ['sip:+44.20(7)@x', '+44207'],
  ['SIPS:alice:password@x', 'alice'],
  ['sip:7042;phone-context=+1914555@x', '7042'],
  ['tel:+44-20-7;ext=1', '+44207'],
] as const) {
  test(`the caller of ${uri} is ${caller}`, () => {
    const driver = new B2buaDriver();
    driver.receive(anInvite().with('From', `<${uri}>;tag=t`));
    const [call] = driver.b2bua.liveCalls();
    assert.is(call?.legs[0]?.caller, caller);
  });
}

test('shows a live call with both legs', () => {
  const driver = new B2buaDriver();
  standingCall(driver);
  const [call, ...more] = driver.b2bua.liveCalls();
  assert.is(more.length, 0);
  assert.is(call?.phase, 'answered');
  assert.equal(
    call?.legs.map(({ direction, trunk, codec }) => `${direction} ${trunk ?? ''} ${codec ?? ''}`),
    ['inbound in PCMU', 'outbound out PCMU'],
  );
});

test('a route with a second codec offers what both trunks allow only', () => {
  const driver = new B2buaDriver({
    edit: [['- name: out\n', '- name: out\n    codecs: [PCMA]\n']],
  });
  driver.receive(
    anInvite().withBody(
      sdpOf({
        codecs: [
          [0, 'PCMU/8000'],
          [8, 'PCMA/8000'],
        ],
      }),
    ),
  );
  assert.match(
    driver.lastSent('INVITE').request.body?.toString() ?? '',
    /m=audio 20002 RTP\/AVP 8\r\n/,
  );
});

test.run();
