// Reason headers of gateways (RFC 3326, Q.850) in records and towards the other party; which failures take a gateway down.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { monoMs } from '../../../src/base/index.ts';
import { outcomeOf, withReason } from '../../../src/b2bua/outcome.ts';
import { B2buaDriver, standingCall } from '../../support/b2bua-driver.ts';
import type { SentResponse } from '../../support/b2bua-driver.ts';
import { anInvite, headerOf } from '../../support/sip-messages.ts';

const OUT_OF_ORDER = 'Q.850;cause=27;text="Destination out of order"';

/** What the caller is told when the gateway refuses with these Reason lines. */
function refusedWith(
  status: number,
  ...reasons: readonly string[]
): { readonly driver: B2buaDriver; readonly told: SentResponse } {
  const driver = new B2buaDriver();
  const txn = driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), status, {
    headers: reasons.map((reason) => ['Reason', reason] as const),
  });
  return { driver, told: driver.lastTold(txn) };
}

test('a gateway’s Q.850 Reason on its refusal is recorded and passed on as it came', () => {
  const { driver, told } = refusedWith(480, OUT_OF_ORDER);
  assert.is(told.status, 480);
  assert.is(headerOf(told, 'Reason'), OUT_OF_ORDER);
  for (const direction of ['inbound', 'outbound'] as const) {
    const { q850, reasonHeader } = driver.record(direction);
    assert.equal([q850, reasonHeader], [27, OUT_OF_ORDER]);
  }
});

test('without a Reason the status decides', () => {
  const { driver, told } = refusedWith(486);
  assert.is(headerOf(told, 'Reason'), 'Q.850;cause=17;text="CALLEE_BUSY"');
  assert.is(driver.record('outbound').q850, 17);
});

test('a Reason of another protocol is passed over for the Q.850 one beside it', () => {
  const sip = 'SIP;cause=480;text="gone"';
  assert.is(headerOf(refusedWith(480, sip, OUT_OF_ORDER).told, 'Reason'), OUT_OF_ORDER);
  assert.is(headerOf(refusedWith(480, `${sip}, ${OUT_OF_ORDER}`).told, 'Reason'), OUT_OF_ORDER);
  assert.is(headerOf(refusedWith(480, sip).told, 'Reason'), 'Q.850;cause=18;text="NO_ANSWER"');
});

test('a Reason on the callee’s BYE is recorded and passed on as it came', () => {
  const driver = new B2buaDriver();
  const { bob } = standingCall(driver);
  driver.receive(bob.request('BYE').with('Reason', OUT_OF_ORDER), bob.host);
  assert.is(headerOf(driver.lastSent('BYE').request, 'Reason'), OUT_OF_ORDER);
  const { q850, reasonHeader, cause } = driver.record('outbound');
  assert.equal([q850, reasonHeader, cause], [27, OUT_OF_ORDER, 'NORMAL_CLEARING']);
});

const PREEMPTED = 'preemption ;cause=1 ;text="UA Preemption"';
const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere, thanks"';

for (const [what, reason, q850] of [
  ['of protocol SIP', ELSEWHERE, 16],
  ['of two protocols', `${ELSEWHERE}, ${OUT_OF_ORDER}`, 27],
  ['of two protocols for one cause', 'SIP;cause=480, Q.850;cause=18', 18],
  ['of a protocol we don’t read', PREEMPTED, 16],
] as const) {
  test(`a Reason ${what} on the caller’s CANCEL goes on to the gateway and into the records`, () => {
    const driver = new B2buaDriver();
    driver.cancel(driver.receive(anInvite()), reason);
    assert.equal(driver.cancels[0]?.headers, [['Reason', reason]]);
    driver.answer(driver.lastSent('INVITE'), 487);
    const record = driver.record('outbound');
    assert.equal([record.q850, record.reasonHeader], [q850, reason]);
  });

  test(`a Reason ${what} on a BYE goes on to the other party`, () => {
    const driver = new B2buaDriver();
    const { bob } = standingCall(driver);
    driver.receive(bob.request('BYE').with('Reason', reason), bob.host);
    assert.is(headerOf(driver.lastSent('BYE').request, 'Reason'), reason);
  });
}

for (const reason of [
  'EVIL cause=200',
  'EVIL;cause=<200>',
  'EVIL;text="unclosed',
  '"EVIL";cause=200',
  'SIP;cause=2000',
  `SIP;cause=200;text="${'x'.repeat(300)}"`,
]) {
  test(`a CANCEL’s Reason ${reason.slice(0, 24)} is not believed`, () => {
    const driver = new B2buaDriver();
    driver.cancel(driver.receive(anInvite()), reason);
    const ours = 'Q.850;cause=16;text="CALLER_CANCELLED"';
    assert.equal(driver.cancels[0]?.headers, [['Reason', ours]]);
  });
}

// An expression over the whole value took 2^n steps for n semicolons: 3.6 s for the first of these, for ever for the last.
for (const reason of [
  `Q.850${' ;'.repeat(26)} x`,
  `SIP${' ;a'.repeat(26)}`,
  'Q.850' + ' ;a'.repeat(83),
]) {
  test(`a Reason of ${reason.length} characters that names no cause does not stop the process`, () => {
    const driver = new B2buaDriver();
    const start = process.cpuUsage();
    driver.cancel(driver.receive(anInvite()), reason);
    const { user, system } = process.cpuUsage(start);
    assert.ok(user + system < 500_000, `${user + system} us`);
    const ours = 'Q.850;cause=16;text="CALLER_CANCELLED"';
    assert.equal(driver.cancels[0]?.headers, [['Reason', ours]]);
  });
}

const PADDED = (chars: number): string =>
  `Q.850;cause=27;text="${'x'.repeat(chars - 'Q.850;cause=27;text=""'.length)}"`;

for (const [what, reason] of [
  ['cause 127', 'Q.850;cause=127'],
  ['cause 0', 'Q.850;cause=0'],
  ['any case and spaces', 'q.850 ; Cause = 31'],
  ['the cause last', 'Q.850;text="x";cause=31'],
  ['256 characters', PADDED(256)],
] as const) {
  test(`believes a Reason with ${what}`, () => {
    assert.is(headerOf(refusedWith(404, reason).told, 'Reason'), reason);
  });
}

for (const [what, reason] of [
  ['cause 128', 'Q.850;cause=128'],
  ['a cause of four digits', 'Q.850;cause=0016'],
  ['a negative cause', 'Q.850;cause=-1'],
  ['no cause', 'Q.850;text="x"'],
  ['257 characters', PADDED(257)],
  ['another protocol', 'XQ.850;cause=16'],
] as const) {
  test(`does not believe a Reason with ${what}`, () => {
    const { driver, told } = refusedWith(404, reason);
    assert.is(headerOf(told, 'Reason'), 'Q.850;cause=1;text="PEER_REFUSED"');
    assert.is(driver.record('inbound').q850, 1);
  });
}

test('a Reason can’t bring a line of its own into our messages', () => {
  const folded = 'Q.850;cause=27;text="a"\r\n ;x=y';
  const { driver, told } = refusedWith(480, folded);
  for (const text of [headerOf(told, 'Reason'), driver.record('inbound').reasonHeader ?? '']) {
    assert.not.match(text, /[\r\n]/);
  }
  const raw = withReason(outcomeOf('NO_ANSWER'), ['Q.850;cause=27;a\r\nVia: evil\0\x7f']);
  assert.is(raw.q850, 27);
  assert.not.match(raw.heard ?? '', /[\x00-\x1f\x7f]/);
});

/** News of gateways after `calls` calls whose first gateway fared as told. */
function newsAfter(calls: number, fare: (driver: B2buaDriver) => void): readonly string[] {
  const driver = new B2buaDriver();
  for (let call = 0; call < calls; call += 1) {
    driver.receive(anInvite());
    fare(driver);
  }
  return driver.outputs.flatMap((output) =>
    output.kind === 'gateway' ? [`${output.news.kind} ${output.news.gateway}`] : [],
  );
}

const DOWN = ['gatewayDown out/udp:192.0.2.20:5060'];

test('a cause inside quoted text or with a tail is none', () => {
  const outcome = outcomeOf('NORMAL_CLEARING');
  assert.is(withReason(outcome, ['Q.850;cause=31;text="a;cause=99"']).q850, 31);
  assert.is(withReason(outcome, ['Q.850;text="a;cause=99";cause=31']).q850, 31);
  assert.is(withReason(outcome, ['Q.850;cause=17abc']), outcome);
  assert.is(withReason(outcome, ['Q.850;text="cause=17"']), outcome);
});

test('a 408 that a gateway sent fails over but never takes the gateway down', () => {
  const news = newsAfter(5, (driver) => {
    assert.is(driver.lastSent('INVITE').host, '192.0.2.20');
    driver.answer(driver.lastSent('INVITE'), 408);
    assert.is(driver.lastSent('INVITE').host, '192.0.2.21');
  });
  assert.equal(news, []);
});

test('503s take a gateway down', () => {
  const news = newsAfter(3, (driver) => driver.answer(driver.lastSent('INVITE'), 503));
  assert.equal(news, DOWN);
});

for (const provisional of [100, 180]) {
  test(`503s take a gateway down whether or not a ${provisional} came first`, () => {
    const news = newsAfter(3, (driver) => {
      const sent = driver.lastSent('INVITE');
      driver.answer(sent, provisional);
      driver.answer(sent, 503);
    });
    assert.equal(news, DOWN);
  });
}

test('a gateway on trial is up again with its final answer, not with its 100', () => {
  const driver = new B2buaDriver();
  const states = (): readonly string[] =>
    driver.outputs.flatMap((output) => (output.kind === 'gateway' ? [output.news.kind] : []));
  for (let call = 0; call < 3; call += 1) {
    driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), 503);
    driver.answer(driver.lastSent('INVITE'), 486);
  }
  driver.health.handleDeadline(monoMs(5_000));
  driver.pass(5_001);
  driver.receive(anInvite());
  const onTrial = driver.lastSent('INVITE');
  assert.is(onTrial.host, '192.0.2.20');
  driver.answer(onTrial, 100);
  assert.equal(states(), ['gatewayDown']);
  driver.answer(onTrial, 486);
  assert.equal(states(), ['gatewayDown', 'gatewayUp']);
});

test('silence takes a gateway down', () => {
  const silent = newsAfter(3, (driver) => {
    driver.pass(4_010);
    driver.answer(driver.lastSent('INVITE'), 486);
  });
  assert.equal(silent, DOWN);
  assert.equal(
    newsAfter(3, (driver) => driver.fail(driver.lastSent('INVITE'), 'timeout')),
    DOWN,
  );
});

test('a 408 between failures shows that the gateway lives', () => {
  let call = 0;
  const news = newsAfter(5, (driver) => {
    call += 1;
    driver.answer(driver.lastSent('INVITE'), call === 3 ? 408 : 503);
  });
  assert.equal(news, []);
});

test.run();
