// Digits between peers that say them by telephone-event, by INFO and as tones: each arrives once, the way its receiver wants.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ServerTxnId } from '../../../src/base/index.ts';
import { B2buaDriver, calleeOf, callerOf } from '../../support/b2bua-driver.ts';
import type { Party } from '../../support/b2bua-driver.ts';
import { anInvite, EVENTS, headerOf, PCMU, sdpOf } from '../../support/sip-messages.ts';
import type { SdpParts } from '../../support/sip-messages.ts';

const BOB = { host: '192.0.2.20', port: 50_000 };
const RELAY = 'application/dtmf-relay';
const G722 = [9, 'G722/8000'] as const;
const BOTH: SdpParts = { codecs: [PCMU, EVENTS] };
const AUDIO: SdpParts = { codecs: [PCMU] };

interface Talk {
  readonly driver: B2buaDriver;
  readonly txn: ServerTxnId;
  readonly alice: Party;
  readonly bob: Party;
  /** Our offer to the gateway and our answer to the caller. */
  readonly offered: string;
  readonly answered: string;
}

/** An answered call whose trunks have these `dtmf` settings, and more. */
function talk(
  [inbound, outbound]: readonly [string, string],
  offer: SdpParts = BOTH,
  answer: SdpParts = BOTH,
): Talk {
  const driver = new B2buaDriver({
    edit: [
      ['max_duration_s: 3600 }', `max_duration_s: 3600, dtmf: ${inbound} }`],
      ['ring_timeout_s: 60', `ring_timeout_s: 60\n    dtmf: ${outbound}`],
    ],
  });
  const invite = anInvite().withBody(sdpOf(offer));
  const txn = driver.receive(invite);
  const sent = driver.answerOffer(sdpOf({ ...BOB, ...answer }));
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  const formats = ({ body }: { readonly body: Buffer | null }): string =>
    /RTP\/AVP (.*)\r\n/.exec(body?.toString() ?? '')?.[1] ?? '';
  const offered = formats(sent.request);
  const answered = formats(driver.lastTold(txn));
  return { driver, txn, alice, bob: calleeOf(driver, sent), offered, answered };
}

const modes = ({ engine }: B2buaDriver): readonly (string | undefined)[] =>
  [...engine.endpoints.values()].map(({ link }) => link?.mode);

/** The engine hears a digit from one side. */
function hears({ driver }: Talk, side: 0 | 1, digit: number, durationMs = 120): void {
  const endpoint = driver.endpoints[side];
  if (endpoint === undefined) throw new Error('no endpoint');
  driver.input({
    kind: 'engine',
    event: { kind: 'digit', endpoint, digit, source: 'event', durationMs },
  });
}

function info({ driver }: Talk, party: Party, body: string, type = RELAY): number {
  const txn = driver.receive(party.request('INFO').withBody(body, type), party.host);
  return driver.lastTold(txn).status;
}

const said = ({ driver }: Talk): readonly (readonly number[])[] =>
  [...driver.engine.endpoints.values()].map((endpoint) => endpoint.said);

const digits = suite('digits');

digits('A24 two sides with telephone-event pass packets on, and hear nothing twice', () => {
  const standing = talk(['auto', 'auto']);
  assert.is(standing.answered, '0 101');
  assert.equal(modes(standing.driver), ['forward', 'forward']);
  hears(standing, 0, 5);
  assert.is(standing.driver.sent('INFO').length, 0);
});

digits('under auto a side without telephone-event is not told of any, so both say tones', () => {
  const answerLess = talk(['auto', 'auto'], BOTH, AUDIO);
  assert.is(answerLess.answered, '0');
  assert.equal(modes(answerLess.driver), ['forward', 'forward']);
  const offerLess = talk(['auto', 'auto'], AUDIO, AUDIO);
  assert.not.match(offerLess.offered, /101/);
});

digits('A24 rfc4733 offers events of its own, and tones of the other side become events', () => {
  const standing = talk(['auto', 'rfc4733'], AUDIO, BOTH);
  assert.match(standing.offered, /101/);
  assert.is(standing.answered, '0');
  assert.equal(modes(standing.driver), ['decoded', 'decoded']);
  const [a, b] = standing.driver.endpoints.map((one) =>
    standing.driver.engine.last('setAudio', one),
  );
  assert.equal([a?.detectTones, b?.detectTones], [true, false]);
  assert.equal([a?.send?.event, b?.send?.event], [null, { payloadType: 101, rateKhz: 8 }]);
  assert.equal(
    b?.receive.map(({ kind }) => kind),
    ['pcmu', 'telephoneEvent'],
  );
});

digits('A24 an in-band trunk is offered no events, and the caller’s become tones', () => {
  const standing = talk(['auto', 'inband'], BOTH, AUDIO);
  assert.not.match(standing.offered, /101/);
  assert.is(standing.answered, '0 101');
  assert.equal(modes(standing.driver), ['decoded', 'decoded']);
  const [a, b] = standing.driver.endpoints.map((one) =>
    standing.driver.engine.last('setAudio', one),
  );
  assert.equal([a?.detectTones, b?.detectTones], [false, true]);
  assert.equal([a?.send?.event?.payloadType, b?.send?.event], [101, null]);
});

digits('A24 an event of the caller reaches an INFO trunk as one INFO', () => {
  const standing = talk(['auto', 'info'], BOTH, AUDIO);
  hears(standing, 0, 11, 250);
  const { request, host } = standing.driver.lastSent('INFO');
  assert.is(host, '192.0.2.20');
  assert.is(headerOf(request, 'Content-Type'), RELAY);
  assert.is(request.body?.toString(), 'Signal=#\r\nDuration=250\r\n');
  assert.is(standing.driver.sent('INFO').length, 1);
  // What the INFO peer's own audio holds is its own matter.
  hears(standing, 1, 5);
  assert.is(standing.driver.sent('INFO').length, 1);
});

digits('A24 an INFO becomes one digit said to the other side', () => {
  const standing = talk(['info', 'auto'], AUDIO, BOTH);
  assert.match(standing.offered, /101/);
  assert.equal(modes(standing.driver), ['decoded', 'decoded']);
  assert.is(info(standing, standing.alice, 'Signal=5\r\nDuration=300\r\n'), 200);
  assert.equal(said(standing), [[], [5]]);
  assert.is(standing.driver.engine.last('sendDigits', standing.driver.endpoints[1]).toneMs, 300);
});

for (const [body, type, digit, toneMs] of [
  ['Signal=5\r\nDuration=160\r\n', RELAY, 5, 160],
  ['signal = *\nduration=1\n', RELAY, 10, 70],
  ['Signal=#', RELAY, 11, 160],
  ['Signal=d\r\nDuration=99999\r\n', RELAY, 15, 5_000],
  ['Duration=100\r\nSignal=10\r\n', RELAY, 10, 100],
  ['7', 'application/dtmf', 7, 160],
  ['A\r\n', 'application/dtmf', 12, 160],
  ['5', 'Application/DTMF; charset=x', 5, 160],
] as const) {
  digits(`INFO ${JSON.stringify(body)} of ${type} is the digit ${digit} for ${toneMs} ms`, () => {
    const standing = talk(['info', 'auto'], AUDIO, BOTH);
    assert.is(info(standing, standing.alice, body, type), 200);
    const order = standing.driver.engine.last('sendDigits', standing.driver.endpoints[1]);
    assert.equal([order.digits, order.toneMs], [[digit], toneMs]);
  });
}

for (const [body, type, status] of [
  ['Signal=E\r\n', RELAY, 400],
  ['Signal=16\r\n', RELAY, 400],
  ['Signal=\r\nDuration=5\r\n', RELAY, 400],
  ['12', 'application/dtmf', 400],
  ['!', 'application/dtmf', 400],
  ['<xml/>', 'application/media_control+xml', 415],
  ['v=0', 'application/sdp', 415],
] as const) {
  digits(`INFO ${JSON.stringify(body)} of ${type} is told ${status}`, () => {
    const standing = talk(['info', 'auto'], AUDIO, BOTH);
    assert.is(info(standing, standing.alice, body, type), status);
    assert.equal(said(standing), [[], []]);
  });
}

digits('an INFO without a body is answered 200 on any leg, and says nothing', () => {
  for (const mode of ['info', 'auto']) {
    const standing = talk([mode, 'auto'], AUDIO, BOTH);
    assert.is(standing.driver.lastTold(standing.alice.send('INFO')).status, 200, mode);
    assert.equal(said(standing), [[], []]);
  }
});

digits('an Info Package is told 469 with the empty list of those that we take', () => {
  const standing = talk(['info', 'auto'], AUDIO, BOTH);
  const { driver, alice } = standing;
  const request = alice.request('INFO').withBody('Signal=5\r\n', RELAY);
  const told = driver.lastTold(driver.receive(request.with('Info-Package', 'dtmf'), alice.host));
  assert.is(told.status, 469);
  assert.equal(told.headers, [['Recv-Info', '']]);
  assert.equal(said(standing), [[], []]);
});

digits('an INFO of a call that nobody knows is refused', () => {
  const standing = talk(['info', 'auto'], AUDIO, BOTH);
  const { alice } = standing;
  alice.send('BYE');
  assert.is(info(standing, alice, '1', 'application/dtmf'), 481);
});

digits('INFO between two INFO trunks goes through without the engine', () => {
  const standing = talk(['info', 'info'], AUDIO, AUDIO);
  assert.equal(modes(standing.driver), ['forward', 'forward']);
  assert.is(info(standing, standing.bob, 'Signal=9\r\nDuration=200\r\n'), 200);
  const { request, host } = standing.driver.lastSent('INFO');
  assert.is(host, '192.0.2.10');
  assert.is(request.body?.toString(), 'Signal=9\r\nDuration=200\r\n');
  assert.equal(said(standing), [[], []]);
});

digits('A24 an INFO beside telephone-event would be each digit twice, and is refused', () => {
  for (const modeOf of ['auto', 'rfc4733', 'inband']) {
    const standing = talk([modeOf, 'info'], modeOf === 'inband' ? AUDIO : BOTH, AUDIO);
    assert.is(info(standing, standing.alice, 'Signal=5\r\n'), 488, modeOf);
    assert.is(standing.driver.sent('INFO').length, 0, modeOf);
  }
});

digits('A24 an INFO beside tones would be each digit twice as well, also under auto', () => {
  // Decoded, as they share no codec: the caller's tones are looked for and become events.
  const standing = talk(['auto', 'auto'], AUDIO, { codecs: [G722, EVENTS] });
  assert.equal(modes(standing.driver), ['decoded', 'decoded']);
  assert.is(info(standing, standing.alice, 'Signal=5\r\n'), 488);
  assert.equal(said(standing), [[], []]);
  const heard = talk(['auto', 'info'], AUDIO, AUDIO);
  assert.ok(heard.driver.engine.last('setAudio', heard.driver.endpoints[0]).detectTones);
  assert.is(info(heard, heard.alice, 'Signal=5\r\n'), 488);
  assert.is(heard.driver.sent('INFO').length, 0);
  hears(heard, 0, 5);
  assert.is(heard.driver.sent('INFO').length, 1);
});

digits('A24 who is told by INFO hears no digit in its audio', () => {
  for (const [modeOf, offer] of [
    ['auto', BOTH],
    ['inband', AUDIO],
  ] as const) {
    const { driver } = talk([modeOf, 'info'], offer, AUDIO);
    assert.equal(modes(driver), ['decoded', 'decoded']);
    const muted = driver.endpoints.map((one) => driver.engine.last('setAudio', one).muteDigits);
    assert.equal(muted, [false, true], modeOf);
  }
});

digits('where nothing may be transcoded events still become INFO, and INFO is refused', () => {
  const driver = new B2buaDriver({
    edit: [['ring_timeout_s: 60', 'ring_timeout_s: 60\n    dtmf: info\n    transcode: never']],
  });
  const txn = driver.receive(anInvite().withBody(sdpOf(BOTH)));
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: sdpOf({ ...BOB, ...AUDIO }) });
  const bob = calleeOf(driver, sent);
  const standing = { driver, txn, alice: bob, bob, offered: '', answered: '' };
  assert.equal(modes(driver), ['forward', 'forward']);
  const [a] = [...driver.engine.endpoints.values()];
  assert.equal(a?.audio?.receive, [{ payloadType: 101, kind: 'telephoneEvent', rateKhz: 8 }]);
  assert.equal(a?.link?.payloadMap, [[0, 0]], 'the events themselves go no further');
  hears(standing, 0, 3);
  assert.is(driver.lastSent('INFO').request.body?.toString(), 'Signal=3\r\nDuration=120\r\n');
  assert.is(info(standing, bob, 'Signal=3\r\n'), 488);
});

digits('a digit before the answer, or after the end, is told to nobody', () => {
  const driver = new B2buaDriver({
    edit: [['ring_timeout_s: 60', 'ring_timeout_s: 60\n    dtmf: info']],
  });
  driver.receive(anInvite());
  driver.answer(driver.lastSent('INVITE'), 183, { body: sdpOf({ ...BOB, ...AUDIO }) });
  const [endpoint] = driver.endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  const heard = { kind: 'digit', endpoint, digit: 1, source: 'event', durationMs: 80 } as const;
  driver.input({ kind: 'engine', event: heard });
  assert.is(driver.sent('INFO').length, 0);
  const standing = talk(['auto', 'info'], BOTH, AUDIO);
  const [gone] = standing.driver.endpoints;
  standing.alice.send('BYE');
  if (gone !== undefined)
    standing.driver.input({ kind: 'engine', event: { ...heard, endpoint: gone } });
  assert.is(standing.driver.sent('INFO').length, 0);
});

const told = ({ driver }: Talk): readonly string[] =>
  driver
    .sent('INFO')
    .map(({ request }) => /Signal=(.)/.exec(request.body?.toString() ?? '')?.[1] ?? '');

digits(
  'A24 each INFO waits for the answer to the one before, so that none overtakes another',
  () => {
    const standing = talk(['auto', 'info'], BOTH, AUDIO);
    const { driver } = standing;
    for (const digit of [1, 2, 3]) hears(standing, 0, digit);
    assert.equal(told(standing), ['1']);
    driver.answer(driver.lastSent('INFO'), 200);
    assert.equal(told(standing), ['1', '2']);
    driver.fail(driver.lastSent('INFO'), 'timeout');
    assert.equal(told(standing), ['1', '2', '3']);
    driver.answer(driver.lastSent('INFO'), 481);
    hears(standing, 0, 4);
    assert.equal(told(standing), ['1', '2', '3', '4']);
  },
);

digits(
  'A24 an INFO overtakes no re-INVITE, and one that a re-INVITE overtook is sent again',
  () => {
    const standing = talk(['auto', 'info'], BOTH, AUDIO);
    const { driver, alice } = standing;
    hears(standing, 0, 1);
    const overtaken = driver.lastSent('INFO');
    alice.send('INVITE', sdpOf({ ...BOTH, direction: 'sendonly' }));
    const change = driver.lastSent('INVITE');
    hears(standing, 0, 2);
    driver.answer(overtaken, 500);
    assert.equal(told(standing), ['1']);
    driver.answer(change, 488);
    assert.equal(told(standing), ['1', '1']);
    driver.answer(driver.lastSent('INFO'), 500);
    assert.equal(told(standing), ['1', '1', '2'], 'nothing has overtaken it this time');
  },
);

digits('A24 a caller is told of no digit before it has acknowledged its 200', () => {
  const driver = new B2buaDriver({
    edit: [['max_duration_s: 3600 }', 'max_duration_s: 3600, dtmf: info }']],
  });
  const invite = anInvite().withBody(sdpOf(AUDIO));
  const txn = driver.receive(invite);
  const sent = driver.answerOffer(sdpOf({ ...BOB, ...BOTH }));
  const bob = calleeOf(driver, sent);
  const alice = callerOf(driver, invite, txn);
  const standing = { driver, txn, alice, bob, offered: '', answered: '' };
  hears(standing, 1, 7);
  assert.equal(told(standing), []);
  alice.acknowledge(txn);
  assert.equal(told(standing), ['7']);
});

digits(
  'however fast a party presses, the other side gets as many INFOs as keys can be pressed',
  () => {
    const standing = talk(['auto', 'info'], BOTH, AUDIO);
    const { driver } = standing;
    for (let press = 0; press < 2_000; press += 1) {
      hears(standing, 0, press % 10, 1);
      driver.answer(driver.lastSent('INFO'), 200);
      driver.pass(1);
    }
    assert.is(told(standing).length, 32 + 28);
    assert.is(driver.rejected.filter((code) => code === 'DIGITS_TOO_FAST').length, 2_000 - 60);
    driver.pass(5_000);
    for (const digit of [1, 2]) hears(standing, 0, digit);
    driver.answer(driver.lastSent('INFO'), 200);
    assert.equal(told(standing).slice(-2), ['1', '2']);
  },
);

digits(
  'no more than 32 digits wait for a peer that does not answer, and none once the call is over',
  () => {
    const standing = talk(['auto', 'info'], BOTH, AUDIO);
    const { driver, alice } = standing;
    for (let press = 0; press < 50; press += 1) {
      hears(standing, 0, press % 10);
      driver.pass(100);
    }
    assert.is(driver.rejected.length, 50 - 33);
    alice.send('BYE');
    driver.answer(driver.lastSent('INFO'), 200);
    assert.equal(told(standing), ['0']);
  },
);

digits('a challenged INFO is answered once, and a failed one leaves the call alone', () => {
  const standing = talk(['auto', 'info'], BOTH, AUDIO);
  const { driver } = standing;
  hears(standing, 0, 1);
  driver.answer(driver.lastSent('INFO'), 500);
  hears(standing, 0, 2);
  driver.fail(driver.lastSent('INFO'), 'transport');
  assert.is(driver.b2bua.callCount, 1);
  assert.is(driver.sent('INFO').length, 2);
  assert.is(driver.sent('BYE').length, 0);
});

digits('an engine that refuses to say a digit ends nothing', () => {
  const standing = talk(['info', 'auto'], AUDIO, BOTH);
  standing.driver.engine.refusal = ({ kind }) => (kind === 'sendDigits' ? 'ORDER_INVALID' : null);
  assert.is(info(standing, standing.alice, 'Signal=5\r\n'), 200);
  assert.is(standing.driver.b2bua.callCount, 1);
  assert.is(standing.driver.b2bua.held.orders, 0);
});

digits.run();
