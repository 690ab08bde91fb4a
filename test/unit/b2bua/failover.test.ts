// Which gateway is asked after which answer, and what the caller is told when none is left.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf, sdpOf } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const hosts = (driver: B2buaDriver): readonly string[] =>
  driver.sent('INVITE').map(({ host }) => host);
const BOTH = ['192.0.2.20', '192.0.2.21'];

test('E23 tries the next gateway after 503 with a fresh Call-ID and tag', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 503);
  assert.equal(hosts(driver), BOTH);
  const [first, second] = driver.sent('INVITE').map(({ request }) => request);
  if (first === undefined || second === undefined) throw new Error('two were sent');
  assert.is.not(headerOf(first, 'Call-ID'), headerOf(second, 'Call-ID'));
  assert.is.not(headerOf(first, 'From'), headerOf(second, 'From'));
  assert.equal(driver.statuses(txn), []);
});

test('each gateway after the first is a fact in the journal before its INVITE goes out', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  const [, started] = driver.facts;
  if (started?.kind !== 'leg.started') throw new Error('no start');
  assert.is(started.leg.gateway, 'out/udp:192.0.2.20:5060');
  driver.answer(driver.lastSent('INVITE'), 503);
  const fact = driver.facts.at(-1);
  if (fact?.kind !== 'leg.attempted') throw new Error('no attempt');
  assert.equal(fact.attempt, {
    trunk: 'out',
    gateway: 'out/udp:192.0.2.21:5060',
    sipCallId: headerOf(driver.lastSent('INVITE').request, 'Call-ID'),
    routesTried: 'out/udp:192.0.2.20:5060 503',
  });
  const at = driver.outputs.findIndex(
    (output) => output.kind === 'commit' && output.events.includes(fact),
  );
  const sent = driver.outputs.findIndex(
    (output) =>
      output.kind === 'sip' &&
      output.order.kind === 'request' &&
      output.order.txn === driver.lastSent('INVITE').txn,
  );
  assert.ok(at >= 0 && at < sent, `${at} ${sent}`);
});

for (const status of [408]) {
  test(`E23 tries the next gateway after ${status}`, () => {
    const driver = new B2buaDriver();
    driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), status);
    assert.equal(hosts(driver), BOTH);
  });
}

for (const why of ['timeout', 'transport'] as const) {
  test(`E23 tries the next gateway after a ${why} failure`, () => {
    const driver = new B2buaDriver();
    driver.receive(anInvite());
    driver.fail(driver.lastSent('INVITE'), why);
    assert.equal(hosts(driver), BOTH);
  });
}

for (const status of [404, 480, 486, 488, 500, 600, 603]) {
  test(`E23 asks nobody else after ${status} and tells the caller`, () => {
    // Nor the same one for another codec.
    const edit = [['ring_timeout_s: 60', 'ring_timeout_s: 60\n    transcode: never']] as const;
    const driver = new B2buaDriver({ edit });
    const txn = driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), status);
    assert.equal(hosts(driver), ['192.0.2.20']);
    assert.equal(driver.statuses(txn), [status]);
    assert.equal(driver.b2bua.held, NOTHING_HELD);
  });
}

test('E23 the trunk’s failover_codes decide: 500 goes on, 503 does not', () => {
  const edit = [
    ['gateway_timeout_s: 4', 'gateway_timeout_s: 4\n    failover_codes: [500]'],
  ] as const;
  const driver = new B2buaDriver({ edit });
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 500);
  assert.equal(hosts(driver), BOTH);
  driver.answer(driver.lastSent('INVITE'), 503);
  assert.equal(driver.statuses(txn), [503]);
});

test('tells the caller the last gateway’s status when none is left, with both tried in the record', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 503);
  driver.answer(driver.lastSent('INVITE'), 486);
  assert.equal(driver.statuses(txn), [486]);
  const { routesTried, finalStatus, cause, gateway } = driver.record('outbound');
  assert.is(routesTried, 'out/udp:192.0.2.20:5060 503,out/udp:192.0.2.21:5060 486');
  assert.equal([finalStatus, cause, gateway], [486, 'CALLEE_BUSY', 'out/udp:192.0.2.21:5060']);
});

test('tells the caller 503 with Retry-After when every gateway said so', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 503);
  driver.answer(driver.lastSent('INVITE'), 503);
  assert.is(driver.lastTold(txn).status, 503);
  assert.is(headerOf(driver.lastTold(txn), 'Retry-After'), '5');
});

test('gives a gateway up that says nothing for gateway_timeout_s, and cancels it', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  driver.pass(3_900);
  assert.equal(hosts(driver), ['192.0.2.20']);
  driver.pass(200);
  assert.equal(hosts(driver), BOTH);
  assert.is(driver.cancels[0]?.txn, driver.sent('INVITE')[0]?.txn);
  driver.answer(driver.lastSent('INVITE'), 486);
  assert.is(
    driver.record('outbound').routesTried,
    'out/udp:192.0.2.20:5060 timeout,out/udp:192.0.2.21:5060 486',
  );
});

for (const status of [100, 180]) {
  test(`a ${status} stops the gateway’s clock`, () => {
    const driver = new B2buaDriver();
    const txn = driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), status);
    driver.pass(10_000);
    assert.equal(hosts(driver), ['192.0.2.20']);
    assert.equal(driver.statuses(txn), status === 100 ? [] : [180]);
  });
}

test('the last gateway keeps its INVITE: on a network that loses packets its repeats may still get through', () => {
  const driver = new B2buaDriver({
    edit: [['      - { uri: "sip:192.0.2.21:5060", priority: 2, weight: 1 }\n', '']],
  });
  const txn = driver.receive(anInvite());
  driver.pass(31_000);
  assert.equal(driver.statuses(txn), []);
  assert.is(driver.cancels.length, 0);
  driver.fail(driver.lastSent('INVITE'), 'timeout');
  assert.equal(driver.statuses(txn), [408]);
});

test('cancels after ring_timeout_s of ringing and tells the caller 480', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 180);
  driver.pass(59_900);
  assert.equal(driver.statuses(txn), [180]);
  driver.pass(200);
  assert.equal(driver.statuses(txn), [180, 480]);
  assert.is(driver.cancels.length, 1);
  driver.answer(driver.lastSent('INVITE'), 487);
  const { cause, q850, endedBy, finalStatus } = driver.record('inbound');
  assert.equal([cause, q850, endedBy, finalStatus], ['NO_ANSWER', 19, 'platform', 480]);
  assert.is(driver.record('outbound').routesTried, 'out/udp:192.0.2.20:5060 unanswered');
});

test('leaves a gateway alone that asked for rest by Retry-After', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 503, { headers: [['Retry-After', '30']] });
  driver.receive(anInvite());
  assert.equal(hosts(driver), [...BOTH, '192.0.2.21']);
});

test('tells of a gateway that went down after three failures in a row', () => {
  const driver = new B2buaDriver();
  for (let call = 0; call < 3; call += 1) {
    driver.receive(anInvite());
    driver.fail(driver.lastSent('INVITE'), 'timeout');
  }
  const news = driver.outputs.flatMap((output) => (output.kind === 'gateway' ? [output.news] : []));
  assert.equal(news, [
    { kind: 'gatewayDown', gateway: 'out/udp:192.0.2.20:5060', backOffMs: 5_000 },
  ]);
});

test('does not follow a redirect: the caller is told 480 and sees none of its targets', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 302, { contact: '<sip:else@198.51.100.9>' });
  assert.is(driver.lastTold(txn).status, 480);
  assert.not.match(driver.lastTold(txn).headers.join(), /198\.51\.100\.9/);
  assert.is(driver.record('outbound').finalStatus, 302);
  assert.is(driver.record('inbound').finalStatus, 480);
});

test('A25 a gateway of a trunk without a shared codec is passed over where nothing may be transcoded, and the caller told 488', () => {
  const driver = new B2buaDriver({
    edit: [['- name: out\n', '- name: out\n    codecs: [PCMA]\n    transcode: never\n']],
  });
  const txn = driver.receive(anInvite());
  assert.equal(hosts(driver), []);
  assert.equal(driver.statuses(txn), [488]);
  assert.is(driver.record('inbound').cause, 'CODEC_NOT_SHARED');
  assert.is(driver.records.length, 1, 'a leg that asked nobody has no record');
  assert.equal(driver.b2bua.held, NOTHING_HELD);
});

test('E17 a full trunk is passed over and its cap named to the caller when nothing else is left', () => {
  const driver = new B2buaDriver({
    edit: [['channels: 100\n    max_duration_s: 7200', 'channels: 1\n    max_duration_s: 7200']],
  });
  driver.receive(anInvite());
  const txn = driver.receive(anInvite());
  assert.is(driver.sent('INVITE').length, 1);
  assert.is(driver.lastTold(txn).status, 503);
  assert.is(headerOf(driver.lastTold(txn), 'Reason'), 'Q.850;cause=34;text="TRUNK_AT_CAPACITY"');
});

test('where every trunk is full the caller’s record tells which ones were passed over, each once', () => {
  const driver = new B2buaDriver({
    edit: [['channels: 100\n    max_duration_s: 7200', 'channels: 1\n    max_duration_s: 7200']],
  });
  driver.receive(anInvite());
  driver.receive(anInvite());
  const { routesTried } = driver.record('inbound');
  assert.is(routesTried, 'out/udp:192.0.2.20:5060 TRUNK_AT_CAPACITY');
  const loads = driver.admission.trunkLoads().filter(({ trunkId }) => trunkId === 'out');
  assert.is(loads[0]?.refusedByChannels, 1);
});

test('E17 the next trunk of the route takes the call of a full one', () => {
  const yaml = [
    ['channels: 100\n    max_duration_s: 7200', 'channels: 1\n    max_duration_s: 7200'],
    [
      'routes:',
      '  - { name: spare, allow: [192.0.2.30/32], gateways: [{ uri: "sip:192.0.2.30" }] }\nroutes:',
    ],
    ['trunks: [out] }', 'trunks: [out, spare] }'],
  ] as const;
  const driver = new B2buaDriver({ edit: yaml });
  driver.receive(anInvite());
  driver.receive(anInvite());
  assert.equal(hosts(driver), ['192.0.2.20', '192.0.2.30']);
});

test('early media of a gateway that refuses is taken away before the next one is asked', () => {
  const driver = new B2buaDriver();
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 183, { body: sdpOf({ host: '192.0.2.20' }) });
  const feeds = (): readonly boolean[] =>
    [...driver.engine.endpoints.values()].map((endpoint) => endpoint.feeds !== null);
  assert.equal(feeds(), [true, true]);
  driver.answer(driver.lastSent('INVITE'), 503);
  assert.equal(feeds(), [false, false]);
  driver.answer(driver.lastSent('INVITE'), 180);
  driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ host: '192.0.2.21' }) });
  assert.equal(feeds(), [true, true]);
});

test('a gateway that refuses after ringing sends the call to the next one', () => {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 183, { body: sdpOf({ host: '192.0.2.20' }) });
  driver.answer(driver.lastSent('INVITE'), 503);
  driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ host: '192.0.2.21' }) });
  assert.equal(driver.statuses(txn), [183, 200]);
});

for (const [why, edit, called] of [
  [
    'a trunk without a free channel',
    ['channels: 100\n    max_duration_s: 7200', 'channels: 0\n    max_duration_s: 7200'],
    0,
  ],
  [
    'a trunk that takes none of the caller’s codecs',
    ['max_duration_s: 7200', 'max_duration_s: 7200\n    codecs: [G722]\n    transcode: never'],
    0,
  ],
  ['gateways that were silent', null, 2],
] as const) {
  test(`${why} is the platform’s end of the call, for nobody refused it`, () => {
    const driver = new B2buaDriver({ edit: edit === null ? [] : [edit] });
    driver.receive(anInvite());
    for (let asked = 0; asked < called; asked += 1)
      driver.fail(driver.lastSent('INVITE'), 'timeout');
    assert.is(driver.record('inbound').endedBy, 'platform');
    assert.is(driver.sent('INVITE').length, called);
  });
}

for (const [said, status] of [
  [null, 487],
  [487, 487],
  [486, 486],
] as const) {
  test(`a call that ends while it rings records what the gateway said to the CANCEL (${said})`, () => {
    const driver = new B2buaDriver();
    const txn = driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), 180);
    driver.input({ kind: 'engine', event: { kind: 'engineLost' } });
    assert.equal(driver.statuses(txn), [180, 503]);
    if (said === null) driver.pass(2_010);
    else driver.answer(driver.lastSent('INVITE'), said);
    assert.is(driver.record('outbound').finalStatus, status);
    assert.is(driver.record('inbound').finalStatus, 503);
    assert.is(driver.record('outbound').cause, 'ENGINE_LOST');
  });
}

test.run();
