// Calls whose sides share no codec, packet time or companding law: what is offered and answered, and what the engine is told.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineOrder } from '../../../src/engine/index.ts';
import { B2buaDriver, calleeOf, callerOf } from '../../support/b2bua-driver.ts';
import type { Party, SentRequest } from '../../support/b2bua-driver.ts';
import type { ServerTxnId } from '../../../src/base/index.ts';
import { anInvite, EVENTS, PCMA, PCMU, sdpOf } from '../../support/sip-messages.ts';
import type { SdpParts } from '../../support/sip-messages.ts';

type Codec = readonly [number, string];
const OPUS = [111, 'opus/48000/2'] as const;
const G722 = [9, 'G722/8000'] as const;
const BOB = { host: '192.0.2.20', port: 50_000 };

/** A driver whose trunks have these settings more. */
function driverWith(inbound: string, outbound: string): B2buaDriver {
  return new B2buaDriver({
    edit: [
      ['max_duration_s: 3600 }', `max_duration_s: 3600, ${inbound} }`],
      ['ring_timeout_s: 60', `ring_timeout_s: 60\n    ${outbound}`],
    ],
  });
}

interface Answered {
  readonly driver: B2buaDriver;
  readonly txn: ServerTxnId;
  readonly sent: SentRequest;
  readonly alice: Party;
  readonly bob: Party;
}

/** A call offered and answered with these descriptions. */
function call(driver: B2buaDriver, offer: SdpParts, answer: SdpParts): Answered {
  const invite = anInvite().withBody(sdpOf(offer));
  const txn = driver.receive(invite);
  const sent = driver.answerOffer(sdpOf({ ...BOB, ...answer }));
  const alice = callerOf(driver, invite, txn);
  if (driver.statuses(txn).includes(200)) alice.acknowledge(txn);
  return { driver, txn, sent, alice, bob: calleeOf(driver, sent) };
}

const bodyOf = ({ body }: { readonly body: Buffer | null }): string => body?.toString() ?? '';
const formats = (text: string): string => /m=audio \d+ \S+ (.*)\r\n/.exec(text)?.[1] ?? '';
const offered = ({ sent }: Answered): string => formats(bodyOf(sent.request));
const answered = ({ driver, txn }: Answered): string => formats(bodyOf(driver.lastTold(txn)));

/** Links as the engine stands, in words. */
function links({ engine }: B2buaDriver): readonly string[] {
  return [...engine.endpoints.values()].map(({ link }) =>
    link === null
      ? 'none'
      : `${link.mode} ${link.payloadMap.map((pair) => pair.join('>')).join(' ')}`.trim(),
  );
}

const kindsSince = (driver: B2buaDriver, index: number): readonly EngineOrder['kind'][] =>
  driver.engine.orders.slice(index).map(({ kind }) => kind);

const transcoding = suite('transcoding');

transcoding('what both sides share is offered alone, in the order of the outbound trunk', () => {
  const driver = driverWith(
    'codecs: [PCMU, G722, telephone-event]',
    'codecs: [opus, G722, PCMA, PCMU, telephone-event]',
  );
  const standing = call(driver, { codecs: [PCMU, G722, EVENTS] }, { codecs: [PCMU, EVENTS] });
  assert.is(offered(standing), '9 0 101');
  assert.is(answered(standing), '0 101');
  assert.equal(links(driver), ['forward 0>0 101>101', 'forward 0>0 101>101']);
});

for (const status of [415, 488, 606]) {
  transcoding(
    `A25 after ${status} the offer grows by what can be transcoded to, the other law before all`,
    () => {
      const driver = driverWith(
        'codecs: [PCMU, G722, telephone-event]',
        'codecs: [opus, G722, PCMA, PCMU, telephone-event]',
      );
      const txn = driver.receive(anInvite().withBody(sdpOf({ codecs: [PCMU, G722, EVENTS] })));
      const first = driver.lastSent('INVITE');
      driver.answer(first, status);
      assert.equal(driver.statuses(txn), [], 'the caller hears nothing of it');
      const second = driver.lastSent('INVITE');
      assert.is(second.host, first.host);
      assert.is(formats(bodyOf(second.request)), '9 0 8 96 101 102');
      driver.answer(second, 200, { body: sdpOf({ ...BOB, codecs: [[96, OPUS[1]]] }) });
      assert.equal(driver.statuses(txn), [200]);
      assert.equal(links(driver), ['decoded', 'decoded']);
      calleeOf(driver, second).send('BYE');
      const gateway = 'out/udp:192.0.2.20:5060';
      assert.is(
        driver.record('outbound').routesTried,
        `${gateway} ${status},${gateway} 200`,
        'both are on record',
      );
    },
  );
}

transcoding(
  'a trunk that always transcodes, or shares nothing, is offered everything at once',
  () => {
    const always = driverWith('', 'transcode: always');
    always.receive(anInvite().withBody(sdpOf({ codecs: [PCMU] })));
    assert.is(formats(bodyOf(always.lastSent('INVITE').request)), '0 8 96 9');
    const foreign = driverWith('', 'codecs: [opus, G722]');
    foreign.receive(anInvite().withBody(sdpOf({ codecs: [PCMU] })));
    assert.is(formats(bodyOf(foreign.lastSent('INVITE').request)), '96 9');
  },
);

transcoding('a refusal of another kind, or where nothing may be added, is final', () => {
  for (const [outbound, status] of [
    ['transcode: when_needed', 486],
    ['transcode: never', 488],
  ] as const) {
    const driver = driverWith('', outbound);
    const txn = driver.receive(anInvite().withBody(sdpOf({ codecs: [PCMU] })));
    driver.answer(driver.lastSent('INVITE'), status);
    assert.equal(driver.statuses(txn), [status]);
    assert.is(driver.sent('INVITE').length, 1);
  }
});

transcoding('a change is offered what the other party is known to take, else everything', () => {
  const offeredTo = (driver: B2buaDriver): string =>
    formats(bodyOf(driver.lastSent('INVITE').request));
  const through = new B2buaDriver();
  call(through, { codecs: [PCMU, G722] }, { codecs: [PCMU] }).alice.send(
    'INVITE',
    sdpOf({ codecs: [PCMU, G722], version: 2 }),
  );
  assert.is(offeredTo(through), '9 0');
  const decoded = new B2buaDriver();
  const standing = call(decoded, { codecs: [PCMU] }, { codecs: [G722] });
  standing.alice.send('INVITE', sdpOf({ codecs: [PCMU], version: 2 }));
  assert.is(offeredTo(decoded), '0 8 96 9');
});

transcoding('A25 nothing is added where either trunk never transcodes', () => {
  for (const [inbound, outbound] of [
    ['transcode: never', 'transcode: always'],
    ['transcode: when_needed', 'transcode: never'],
  ] as const) {
    const driver = driverWith(inbound, outbound);
    const standing = call(driver, { codecs: [PCMU, EVENTS] }, { codecs: [PCMU, EVENTS] });
    assert.is(offered(standing), '0 101');
    assert.equal(links(driver), ['forward 0>0 101>101', 'forward 0>0 101>101']);
  }
});

transcoding('a callee that lists every codec is still offered none that needs decoding', () => {
  const { driver, ...standing } = call(
    new B2buaDriver(),
    { codecs: [PCMA, EVENTS] },
    { codecs: [OPUS, G722, PCMU, PCMA, EVENTS] },
  );
  assert.is(offered({ driver, ...standing }), '8 101');
  assert.is(answered({ driver, ...standing }), '8 101');
  assert.equal(links(driver), ['forward 8>8 101>101', 'forward 8>8 101>101']);
});

transcoding(
  'A25 whatever the callee lists of a wider offer it may send, so all of it reaches the caller',
  () => {
    const answeredSecond = (codecs: readonly Codec[]): Answered => {
      const driver = new B2buaDriver();
      const invite = anInvite().withBody(sdpOf({ codecs: [PCMA] }));
      const txn = driver.receive(invite);
      driver.answer(driver.lastSent('INVITE'), 488);
      const sent = driver.answerOffer(sdpOf({ ...BOB, codecs }));
      const alice = callerOf(driver, invite, txn);
      return { driver, txn, sent, alice, bob: calleeOf(driver, sent) };
    };
    const laws = answeredSecond([PCMU, PCMA]);
    assert.is(answered(laws), '8');
    assert.equal(links(laws.driver), ['forward 8>8', 'forward 8>8 0>8']);

    const decoded = answeredSecond([OPUS, PCMA]);
    assert.is(answered(decoded), '8');
    assert.equal(links(decoded.driver), ['decoded', 'decoded']);
  },
);

transcoding('A25 no shared codec and transcoding off is 488, whichever side it is off on', () => {
  for (const [inbound, outbound] of [
    ['codecs: [PCMU], transcode: never', 'codecs: [opus]'],
    ['codecs: [PCMU]', 'codecs: [opus]\n    transcode: never'],
  ] as const) {
    const driver = driverWith(inbound, outbound);
    const txn = driver.receive(anInvite());
    assert.equal(driver.statuses(txn), [488]);
    const warning = driver.lastTold(txn).headers.find(([header]) => header === 'Warning')?.[1];
    assert.match(warning ?? '', /^305 b2bua "no shared audio codec: one side has PCMU/);
    assert.is(driver.sent('INVITE').length, 0);
    assert.is(driver.record('inbound').cause, 'CODEC_NOT_SHARED');
  }
});

for (const [from, to, sends, hears, rates] of [
  [PCMU, OPUS, 'pcmu', 'opus', [8, 8]],
  [PCMA, OPUS, 'pcma', 'opus', [8, 8]],
  [PCMU, G722, 'pcmu', 'g722', [8, 16]],
  [G722, OPUS, 'g722', 'opus', [16, 16]],
  [OPUS, PCMU, 'opus', 'pcmu', [8, 8]],
  [G722, PCMA, 'g722', 'pcma', [16, 8]],
] as const satisfies readonly (readonly [Codec, Codec, string, string, readonly number[]])[]) {
  const name = ([, text]: Codec): string => text.split('/')[0] ?? '';
  transcoding(`A25 ${name(from)} and ${name(to)} are decoded, each side in its own`, () => {
    const driver = new B2buaDriver();
    const standing = call(driver, { codecs: [from, EVENTS] }, { codecs: [to, EVENTS] });
    assert.is(driver.lastTold(standing.txn).status, 200);
    assert.is(answered(standing), `${from[0]} 101`);
    assert.equal(links(driver), ['decoded', 'decoded']);
    const [a, b] = driver.endpoints.map((endpoint) => driver.engine.last('setAudio', endpoint));
    assert.equal([a?.send?.kind, b?.send?.kind], [sends, hears]);
    // Opus at the rate of what the other side says.
    assert.equal([a?.send?.rateKhz, b?.send?.rateKhz], rates);
    assert.equal([a?.send?.payloadType, b?.send?.payloadType], [from[0], to[0]]);
    assert.equal(a?.send?.event, { payloadType: 101, rateKhz: 8 });
    const [live] = driver.b2bua.liveCalls();
    assert.equal(
      live?.legs.map(({ codec }) => codec),
      [name(from), name(to)],
    );
  });
}

transcoding('A25 PCMU and PCMA are turned into each other on the way, without decoding', () => {
  const driver = new B2buaDriver();
  const standing = call(driver, { codecs: [PCMU, EVENTS] }, { codecs: [PCMA, [97, EVENTS[1]]] });
  assert.is(answered(standing), '0 101');
  assert.equal(links(driver), ['forward 0>8 101>97', 'forward 8>0 101>101 97>101']);
  const conversions = [...driver.engine.endpoints.values()].map(({ link }) => link?.conversions);
  assert.equal(conversions, [[[0, 'pcmuToPcma']], [[8, 'pcmaToPcmu']]]);
  assert.is(
    driver.engine.orders.some(({ kind }) => kind === 'setAudio'),
    false,
  );
});

transcoding(
  'a trunk that always transcodes has its audio decoded though both share a codec',
  () => {
    const driver = driverWith(
      'transcode: always, jitter_buffer: large, ptime_ms: 40',
      'jitter_buffer: small',
    );
    const standing = call(driver, { codecs: [PCMU, EVENTS] }, { codecs: [PCMU, EVENTS] });
    assert.equal(links(driver), ['decoded', 'decoded']);
    const [a, b] = driver.endpoints.map((endpoint) => driver.engine.last('setAudio', endpoint));
    assert.equal([a?.bufferSize, b?.bufferSize], ['large', 'small']);
    assert.equal([a?.send?.packetMs, b?.send?.packetMs], [40, 20]);
    assert.match(bodyOf(driver.lastTold(standing.txn)), 'a=ptime:40\r\n');
  },
);

transcoding(
  'codecs are set before the links that need them, and given back after the links that don’t',
  () => {
    const driver = new B2buaDriver();
    const before = driver.engine.orders.length;
    const { alice } = call(driver, { codecs: [PCMU, OPUS] }, { codecs: [G722] });
    const kinds = kindsSince(driver, before).filter((kind) => kind !== 'openEndpoint');
    assert.equal(kinds, [
      'updateEndpoint',
      'updateEndpoint',
      'setAudio',
      'setAudio',
      'openLink',
      'openLink',
    ]);
    const changed = driver.engine.orders.length;
    alice.send('INVITE', sdpOf({ codecs: [G722], version: 2 }));
    driver.answer(driver.lastSent('INVITE'), 200, {
      body: sdpOf({ ...BOB, codecs: [G722], version: 2 }),
    });
    assert.equal(links(driver), ['forward 9>9', 'forward 9>9']);
    assert.equal(kindsSince(driver, changed), [
      'updateEndpoint',
      'updateEndpoint',
      'openLink',
      'openLink',
      'setAudio',
      'setAudio',
    ]);
    assert.equal(
      [...driver.engine.endpoints.values()].map(({ audio }) => audio),
      [null, null],
    );
  },
);

transcoding(
  'a hold stops our own audio towards who holds, and a resume starts it; codecs stay as they are',
  () => {
    const driver = new B2buaDriver();
    const { alice } = call(driver, { codecs: [PCMU] }, { codecs: [G722] });
    const change = (direction: string, answer: string): void => {
      const txn = alice.send('INVITE', sdpOf({ codecs: [PCMU], direction, version: 2 }));
      driver.answer(driver.lastSent('INVITE'), 200, {
        body: sdpOf({ ...BOB, codecs: [G722], direction: answer, version: 2 }),
      });
      assert.is(driver.lastTold(txn).status, 200);
      alice.acknowledge(txn);
    };
    const before = driver.engine.orders.length;
    change('sendonly', 'recvonly');
    assert.equal(links(driver), ['decoded', 'none']);
    change('sendrecv', 'sendrecv');
    assert.equal(links(driver), ['decoded', 'decoded']);
    assert.not.ok(kindsSince(driver, before).includes('setAudio'));
  },
);

transcoding('a late offer is answered in the caller’s codec and decoded', () => {
  const driver = new B2buaDriver();
  const invite = anInvite().withBody(null);
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ ...BOB, codecs: [OPUS] }) });
  callerOf(driver, invite, txn).acknowledge(txn, sdpOf({ codecs: [PCMU] }));
  assert.is(formats(driver.acks[0]?.request.body?.toString() ?? ''), '111');
  assert.equal(links(driver), ['decoded', 'decoded']);
});

transcoding(
  'a peer’s shorter packets are made of longer ones, and only where it takes no others',
  () => {
    const withTimes = (text: string, times: string): string => `${text}${times}`;
    for (const [mine, theirs, expected] of [
      ['a=ptime:30\r\n', 'a=maxptime:20\r\n', 'decoded'],
      ['', 'a=maxptime:10\r\n', 'decoded'],
      ['a=ptime:20\r\n', 'a=maxptime:20\r\n', 'forward 0>0'],
      ['a=ptime:30\r\n', 'a=ptime:20\r\n', 'forward 0>0'],
    ] as const) {
      const driver = new B2buaDriver();
      driver.receive(anInvite().withBody(withTimes(sdpOf({ codecs: [PCMU] }), mine)));
      const body = withTimes(sdpOf({ ...BOB, codecs: [PCMU] }), theirs);
      driver.answer(driver.lastSent('INVITE'), 200, { body });
      assert.equal(links(driver), [expected, expected], `${mine} ${theirs}`);
      if (expected !== 'decoded') continue;
      const [, b] = driver.endpoints;
      assert.is(driver.engine.last('setAudio', b).send?.packetMs, theirs.includes('10') ? 10 : 20);
    }
  },
);

transcoding('the peer’s wishes for Opus are kept within what its trunk allows', () => {
  const driver = driverWith('media: auto', 'opus_bitrate_bps: 24000\n    opus_complexity: 3');
  const fmtp =
    'a=fmtp:111 maxplaybackrate=16000; maxaveragebitrate=40000;useinbandfec=1;usedtx=1;cbr=1\r\n';
  driver.receive(anInvite().withBody(sdpOf({ codecs: [PCMU] })));
  driver.answerOffer(`${sdpOf({ ...BOB, codecs: [OPUS] })}${fmtp}a=ptime:60\r\n`);
  const [, b] = driver.endpoints;
  const { send } = driver.engine.last('setAudio', b);
  assert.is(send?.packetMs, 60);
  assert.equal(send?.opus, {
    bitrateBps: 24_000,
    playbackRateHz: 16_000,
    complexity: 3,
    lossPercent: 5,
    fec: true,
    dtx: true,
    cbr: true,
  });
});

transcoding(
  'an engine without memory for codecs refuses the call with 503, and a change leaves it as it was',
  () => {
    const driver = new B2buaDriver();
    driver.engine.refusal = (order) =>
      order.kind === 'setAudio' && order.send !== null ? 'MEMORY_FULL' : null;
    const refused = call(driver, { codecs: [PCMU] }, { codecs: [G722] });
    assert.equal(driver.statuses(refused.txn), [503]);
    const { txn, alice, sent } = call(driver, { codecs: [PCMU] }, { codecs: [PCMU] });
    assert.is(driver.lastTold(txn).status, 200);
    const change = alice.send('INVITE', sdpOf({ codecs: [G722], version: 2 }));
    driver.answer(driver.lastSent('INVITE'), 200, {
      body: sdpOf({ ...BOB, codecs: [PCMU], version: 2 }),
    });
    assert.is(driver.lastTold(change).status, 503);
    assert.equal(links(driver), ['forward 0>0', 'forward 0>0']);
    assert.is(driver.lastSent('INVITE').host, sent.host);
    assert.is(driver.b2bua.callCount, 1);
    driver.answer(driver.lastSent('INVITE'), 200, {
      body: sdpOf({ ...BOB, codecs: [PCMU], version: 3 }),
    });
    alice.send('BYE');
    assert.equal(
      driver.records.filter((leg) => leg.transcoded),
      [],
      'nothing ever was',
    );
  },
);

transcoding('records tell each leg’s codec and that audio was transcoded', () => {
  const driver = new B2buaDriver();
  driver.engine.counters = {
    ...driver.engine.counters,
    mosListening: 4.1,
    packetsLate: 3,
    concealedMs: 60,
    playedMs: 1_000,
    playoutDelayMs: 62.5,
  };
  const { alice } = call(driver, { codecs: [PCMU] }, { codecs: [G722] });
  alice.send('BYE');
  const [inbound, outbound] = [driver.record('inbound'), driver.record('outbound')];
  assert.equal([inbound.codec, outbound.codec], ['PCMU', 'G722']);
  assert.equal([inbound.transcoded, outbound.transcoded], [true, true]);
  assert.equal(
    [inbound.media?.mos, inbound.media?.packetsLate, inbound.media?.concealedMs],
    [4.1, 3, 60],
  );
  assert.is(inbound.media?.playoutDelayMs, 62.5);
});

transcoding('a call that was transcoded for a part is on record as one that was', () => {
  const driver = new B2buaDriver();
  const { alice } = call(driver, { codecs: [PCMU] }, { codecs: [G722] });
  assert.equal(links(driver), ['decoded', 'decoded']);
  alice.send('INVITE', sdpOf({ codecs: [G722], version: 2 }));
  driver.answer(driver.lastSent('INVITE'), 200, {
    body: sdpOf({ ...BOB, codecs: [G722], version: 2 }),
  });
  assert.equal(links(driver), ['forward 9>9', 'forward 9>9']);
  alice.send('BYE');
  const records = [driver.record('inbound'), driver.record('outbound')];
  assert.equal(
    records.map(({ codec, transcoded }) => [codec, transcoded]),
    [
      ['G722', true],
      ['G722', true],
    ],
  );
});

transcoding.run();
