// A gateway that answers and takes no audio is asked again in its dialog: it must not ring or be billed twice, and the caller
// must notice nothing of it but the wait.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServerTxnId } from '../../../src/base/index.ts';
import { B2buaDriver, calleeOf, callerOf, START_EPOCH } from '../../support/b2bua-driver.ts';
import type { SentRequest } from '../../support/b2bua-driver.ts';
import { anInvite, EVENTS, headerOf, PCMA, PCMU, sdpOf } from '../../support/sip-messages.ts';
import type { SdpParts } from '../../support/sip-messages.ts';
import { NOTHING_HELD } from './expectations.ts';

const OPUS = [96, 'opus/48000/2'] as const;
const G722 = [9, 'G722/8000'] as const;
const BOB = { host: '192.0.2.20', port: 50_000 };
const REFUSED = sdpOf({ ...BOB, port: 0 });
const GATEWAY = 'out/udp:192.0.2.20:5060';

const bodyOf = ({ body }: { readonly body: Buffer | null }): string => body?.toString() ?? '';
const formats = (text: string): string => /m=audio \d+ \S+ (.*)\r\n/.exec(text)?.[1] ?? '';
const protoOf = (text: string): string => /m=audio \d+ (\S+)/.exec(text)?.[1] ?? '';
const versionOf = (text: string): number => Number(/o=\S+ \d+ (\d+) /.exec(text)?.[1]);

/** A driver whose outbound trunk has these settings more. */
function driverWith(outbound: string): B2buaDriver {
  return new B2buaDriver({ edit: [['ring_timeout_s: 60', `ring_timeout_s: 60\n    ${outbound}`]] });
}

interface Asked {
  readonly driver: B2buaDriver;
  readonly invite: ReturnType<typeof anInvite>;
  readonly txn: ServerTxnId;
  /** The first INVITE to the gateway, which it answered with 200 and no audio. */
  readonly first: SentRequest;
}

/** A call whose gateway has taken no audio of what it was offered. */
function answeredInVain(
  driver = new B2buaDriver(),
  { offer = {}, answer = REFUSED }: { readonly offer?: SdpParts; readonly answer?: string } = {},
): Asked {
  const invite = anInvite().withBody(sdpOf({ codecs: [PCMU, EVENTS], ...offer }));
  const txn = driver.receive(invite);
  const first = driver.lastSent('INVITE');
  driver.answer(first, 200, { body: answer });
  return { driver, invite, txn, first };
}

/** The call ends, everyone answers, and nothing of it is left. */
function assertAtRest(driver: B2buaDriver): void {
  driver.answer(driver.lastSent('BYE'), 200);
  driver.pass(32_100);
  assert.equal(driver.b2bua.held, NOTHING_HELD);
  assert.is(driver.engine.endpoints.size, 0);
  assert.is(driver.admission.calls, 0);
}

const asking = suite('asking again');

for (const [what, answer] of [
  ['refuses the stream with port 0', REFUSED],
  ['names codecs that it was not offered', sdpOf({ ...BOB, codecs: [OPUS] })],
] as const) {
  asking(`A25 a gateway that ${what} is offered more in the same dialog, and rings once`, () => {
    const { driver, invite, txn, first } = answeredInVain(undefined, { answer });
    assert.is(driver.acks.length, 1);
    assert.equal(driver.statuses(txn), [], 'the caller hears nothing of it');
    const again = driver.lastSent('INVITE');
    assert.match(headerOf(again.request, 'To'), /;tag=bob-tag$/);
    assert.is(headerOf(again.request, 'Call-ID'), headerOf(first.request, 'Call-ID'));
    assert.is(formats(bodyOf(first.request)), '0 101');
    assert.is(formats(bodyOf(again.request)), '0 8 96 9 101 102');
    assert.is(versionOf(bodyOf(again.request)), versionOf(bodyOf(first.request)) + 1);
    driver.pass(300);
    driver.answer(again, 200, { body: sdpOf({ ...BOB, codecs: [G722], version: 2 }) });
    assert.is(driver.acks.length, 2);
    assert.equal(driver.statuses(txn), [200]);
    assert.is(formats(bodyOf(driver.lastTold(txn))), '0 101');
    const modes = [...driver.engine.endpoints.values()].map(({ link }) => link?.mode);
    assert.equal(modes, ['decoded', 'decoded']);
    assert.is(driver.sent('BYE').length, 0);

    const alice = callerOf(driver, invite, txn);
    alice.acknowledge(txn);
    alice.send('BYE');
    assertAtRest(driver);
    const { answeredAt, routesTried, cause } = driver.record('outbound');
    assert.equal([answeredAt, cause], [START_EPOCH + 300, 'NORMAL_CLEARING']);
    assert.is(routesTried, `${GATEWAY} 200`);
  });
}

asking(
  'A29 SRTP that was refused by port 0 is followed by plain RTP where the trunk allows it',
  () => {
    const { driver, txn } = answeredInVain(driverWith('srtp: optional'), {
      answer: REFUSED.replace('RTP/AVP', 'RTP/SAVP'),
    });
    const [first, second] = driver.sent('INVITE').map(({ request }) => bodyOf(request));
    assert.equal(
      [first, second].map((body) => protoOf(body ?? '')),
      ['RTP/SAVP', 'RTP/AVP'],
    );
    driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ ...BOB, version: 2 }) });
    assert.equal(driver.statuses(txn), [200]);
  },
);

asking('with nothing else to offer the caller is told 488 and the gateway gets BYE', () => {
  const never = answeredInVain(driverWith('transcode: never'));
  assert.equal(never.driver.statuses(never.txn), [488]);
  assert.is(never.driver.sent('INVITE').length, 1);
  assertAtRest(never.driver);

  const { driver, txn } = answeredInVain();
  driver.answer(driver.lastSent('INVITE'), 200, { body: REFUSED });
  assert.equal(driver.statuses(txn), [488]);
  assert.is(driver.sent('INVITE').length, 2);
  assert.is(driver.acks.length, 2);
  assertAtRest(driver);
  const { cause, answeredAt, endedBy } = driver.record('outbound');
  assert.equal([cause, answeredAt, endedBy], ['CODEC_NOT_SHARED', START_EPOCH, 'platform']);
});

for (const [status, byes] of [
  [488, 1],
  [405, 1],
  [481, 0],
] as const) {
  asking(`a gateway that refuses to be asked again with ${status} ends the call with 488`, () => {
    const { driver, txn } = answeredInVain();
    driver.answer(driver.lastSent('INVITE'), status);
    assert.equal(driver.statuses(txn), [488]);
    assert.is(driver.sent('BYE').length, byes);
    assert.is(driver.record('inbound').cause, 'CODEC_NOT_SHARED');
  });
}

asking(
  'a gateway that changes something itself and says 491 is asked once more, 2.1 to 4 s later',
  () => {
    const { driver, txn, first } = answeredInVain();
    const again = driver.lastSent('INVITE');
    const bob = calleeOf(driver, first);
    assert.equal(driver.statuses(bob.send('INVITE', sdpOf({ ...BOB, codecs: [G722] }))), [491]);
    driver.answer(again, 491);
    driver.pass(2_099);
    assert.is(driver.sent('INVITE').length, 2);
    driver.pass(1_901);
    const third = driver.lastSent('INVITE');
    assert.is(bodyOf(third.request), bodyOf(again.request));
    assert.equal(driver.statuses(txn), []);
    driver.answer(third, 200, { body: sdpOf({ ...BOB, codecs: [G722], version: 2 }) });
    assert.equal(driver.statuses(txn), [200]);
  },
);

asking('a gateway that says 491 twice, or when the caller has given up, is hung up', () => {
  const twice = answeredInVain();
  twice.driver.answer(twice.driver.lastSent('INVITE'), 491);
  twice.driver.pass(4_000);
  twice.driver.answer(twice.driver.lastSent('INVITE'), 491);
  assert.equal(twice.driver.statuses(twice.txn), [488]);
  assertAtRest(twice.driver);

  const given = answeredInVain();
  given.driver.answer(given.driver.lastSent('INVITE'), 491);
  given.driver.cancel(given.txn);
  given.driver.pass(4_000);
  assert.is(given.driver.sent('INVITE').length, 2);
  assertAtRest(given.driver);
});

asking('a refusal of one offer is followed by the next', () => {
  const { driver, txn } = answeredInVain(driverWith('srtp: optional'), {
    answer: REFUSED.replace('RTP/AVP', 'RTP/SAVP'),
  });
  driver.answer(driver.lastSent('INVITE'), 488);
  const third = driver.lastSent('INVITE');
  assert.equal(
    [protoOf(bodyOf(third.request)), formats(bodyOf(third.request))],
    ['RTP/SAVP', '0 8 96 9 101 102'],
  );
  driver.answer(third, 488);
  driver.answer(driver.lastSent('INVITE'), 200, {
    body: sdpOf({ ...BOB, codecs: [PCMA], version: 2 }),
  });
  assert.equal(driver.statuses(txn), [200]);
  assert.is(driver.sent('INVITE').length, 4);
});

asking(
  'a gateway that says nothing to it ends the call, and one that only tries is given up',
  () => {
    const silent = answeredInVain();
    silent.driver.fail(silent.driver.lastSent('INVITE'), 'timeout');
    assert.equal(silent.driver.statuses(silent.txn), [408]);
    assertAtRest(silent.driver);

    const trying = answeredInVain();
    trying.driver.answer(trying.driver.lastSent('INVITE'), 100);
    trying.driver.pass(40_000);
    assert.equal(trying.driver.statuses(trying.txn), [408]);
    assert.is(trying.driver.cancels.length, 1);
    trying.driver.answer(trying.driver.lastSent('INVITE'), 487);
    assertAtRest(trying.driver);
  },
);

asking('a caller who gives up meanwhile ends both, and the gateway’s answer is on record', () => {
  const { driver, txn } = answeredInVain();
  driver.pass(2_000);
  const again = driver.lastSent('INVITE');
  driver.cancel(txn);
  assert.equal(driver.statuses(txn), [487]);
  assert.equal(
    driver.cancels.map(({ txn: cancelled }) => cancelled),
    [again.txn],
  );
  driver.answer(again, 200, { body: sdpOf({ ...BOB, codecs: [G722], version: 2 }) });
  assert.is(driver.acks.length, 2, 'an answer that crosses the CANCEL is acknowledged');
  assertAtRest(driver);
  const { answeredAt, durationMs } = driver.record('outbound');
  assert.equal([answeredAt, durationMs], [START_EPOCH, 2_000], 'the gateway bills from its answer');
});

asking(
  'a gateway that hangs up meanwhile ends the call, and one that changes the call waits',
  () => {
    const { driver, txn, first } = answeredInVain();
    const bob = calleeOf(driver, first);
    assert.equal(driver.statuses(bob.send('INVITE', sdpOf({ ...BOB, codecs: [G722] }))), [491]);
    assert.equal(driver.statuses(bob.send('BYE')), [200]);
    assert.equal(driver.statuses(txn), [487]);
  },
);

asking('an answer that can’t be read at all is not asked about', () => {
  const { driver, txn } = answeredInVain(undefined, { answer: 'v=0\r\nnonsense\r\n' });
  assert.is(driver.sent('INVITE').length, 1);
  assert.equal(driver.statuses(txn), [488]);
});

// ── A refusal that means the offer, by what it says beside its status ────────────────────────────────────────────────

for (const [status, warning] of [
  [406, '305 gw.example "Incompatible media format"'],
  [500, '399 gw "call failed", 304 gw "Media type not available"'],
  [580, '304 gw "Media type not available"'],
  [503, '302 gw "Incompatible transport protocol"'],
  [400, '306 gw "Attribute not understood"'],
] as const) {
  asking(
    `A25 ${status} with the Warning ${warning.slice(0, 3)} is followed by the next offer`,
    () => {
      const driver = new B2buaDriver();
      const txn = driver.receive(anInvite());
      driver.answer(driver.lastSent('INVITE'), status, { headers: [['Warning', warning]] });
      assert.equal(driver.statuses(txn), []);
      assert.is(driver.sent('INVITE').length, 2);
      assert.is(driver.lastSent('INVITE').host, '192.0.2.20');
      driver.answerOffer(sdpOf({ ...BOB, codecs: [G722] }));
      assert.equal(driver.statuses(txn), [200]);
    },
  );
}

for (const [status, warning] of [
  [500, '399 gw "no codecs 305"'],
  [500, '370 gw "Insufficient bandwidth"'],
  [500, '3050 gw "no code of three digits"'],
  [486, '305 gw "busy all the same"'],
  [603, '305 gw "declined all the same"'],
  [480, '304 gw "nobody there all the same"'],
] as const) {
  asking(`${status} with ${warning} means the call and not the offer`, () => {
    const driver = driverWith('failover_codes: [502]');
    const txn = driver.receive(anInvite());
    driver.answer(driver.lastSent('INVITE'), status, { headers: [['Warning', warning]] });
    assert.equal(driver.statuses(txn), [status]);
    assert.is(driver.sent('INVITE').length, 1);
  });
}

asking.run();
