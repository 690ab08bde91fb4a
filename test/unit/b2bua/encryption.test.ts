// SRTP with keys in the SDP, trunk by trunk: who is asked for it, what the engine is told, and that no key gets anywhere else.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EndpointHandle } from '../../../src/base/index.ts';
import type { EngineOrder } from '../../../src/engine/index.ts';
import { B2buaDriver, calleeOf, callerOf } from '../../support/b2bua-driver.ts';
import { anInvite, EVENTS, headerOf, PCMU, sdpOf } from '../../support/sip-messages.ts';

const BOB = { host: '192.0.2.20', port: 50_000 };
const TAG80 = 'AES_CM_128_HMAC_SHA1_80';
const TAG32 = 'AES_CM_128_HMAC_SHA1_32';

/** A key of 30 bytes, all of one value. */
const keyText = (byte: number): string => Buffer.alloc(30, byte).toString('base64');
const cryptoLine = (tag: number, byte: number, suiteName = TAG80): string =>
  `a=crypto:${tag} ${suiteName} inline:${keyText(byte)}`;

/** The same description as SRTP with these lines. */
function secured(text: string, ...lines: readonly string[]): string {
  return `${text.replace('RTP/AVP', 'RTP/SAVP')}${lines.join('\r\n')}\r\n`;
}

function driverWith(inbound: string, outbound: string): B2buaDriver {
  return new B2buaDriver({
    edit: [
      ['max_duration_s: 3600 }', `max_duration_s: 3600, srtp: ${inbound} }`],
      ['ring_timeout_s: 60', `ring_timeout_s: 60\n    srtp: ${outbound}`],
    ],
  });
}

const bodyOf = ({ body }: { readonly body: Buffer | null }): string => body?.toString() ?? '';
const protoOf = (text: string): string => /m=audio \d+ (\S+)/.exec(text)?.[1] ?? '';
const cryptosOf = (text: string): readonly string[] =>
  text.split('\r\n').filter((line) => line.startsWith('a=crypto:'));

/** The key of a line of ours, by its tag. */
function ownKey(text: string, tag = 1): string {
  const line = cryptosOf(text).find((candidate) => candidate.startsWith(`a=crypto:${tag} `));
  return /inline:(\S+)/.exec(line ?? '')?.[1] ?? '';
}

type Keys = Extract<EngineOrder, { kind: 'setKeys' }>;

const keysOf = (driver: B2buaDriver, endpoint: EndpointHandle | undefined): readonly Keys[] =>
  driver.engine.orders.filter(
    (order): order is Keys => order.kind === 'setKeys' && order.endpoint === endpoint,
  );

/** Key and salt as they stand in SDP. */
const secretText = (
  secret: { readonly key: Uint8Array; readonly salt: Uint8Array } | undefined,
): string =>
  secret === undefined ? '' : Buffer.concat([secret.key, secret.salt]).toString('base64');

const encryption = suite('encryption');

encryption(
  'A29 an encrypted caller reaches a plain gateway, and only the caller’s leg gets keys',
  () => {
    const driver = driverWith('optional', 'off');
    const invite = anInvite().withBody(secured(sdpOf(), cryptoLine(7, 1)));
    const txn = driver.receive(invite);
    const sent = driver.lastSent('INVITE');
    assert.is(protoOf(bodyOf(sent.request)), 'RTP/AVP');
    assert.equal(cryptosOf(bodyOf(sent.request)), []);
    driver.answer(sent, 200, { body: sdpOf(BOB) });
    const answer = bodyOf(driver.lastTold(txn));
    assert.is(protoOf(answer), 'RTP/SAVP');
    assert.is(cryptosOf(answer).length, 1);
    const [a, b] = driver.endpoints;
    const [keys, ...more] = keysOf(driver, a);
    assert.is(more.length, 0);
    assert.is(keys?.suite, 'aesCm128Tag80');
    assert.is(secretText(keys?.keys?.receive), keyText(1));
    assert.is(secretText(keys?.keys?.send), ownKey(answer, 7));
    assert.equal(keysOf(driver, b), []);
  },
);

encryption('A29 keys come before anything is said about where to send', () => {
  const driver = driverWith('required', 'required');
  driver.receive(anInvite().withBody(secured(sdpOf(), cryptoLine(1, 1))));
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: secured(sdpOf(BOB), cryptoLine(1, 2)) });
  const kinds = driver.engine.orders
    .map(({ kind }) => kind)
    .filter((kind) => kind !== 'openEndpoint');
  assert.equal(kinds.slice(0, 4), ['setKeys', 'setKeys', 'updateEndpoint', 'updateEndpoint']);
  const [a, b] = [...driver.engine.endpoints.values()];
  assert.ok(a?.keys != null && b?.keys != null);
  assert.is(secretText(b?.keys?.keys?.receive), keyText(2));
  assert.is.not(secretText(a?.keys?.keys?.send), secretText(b?.keys?.keys?.send));
});

encryption(
  'a trunk that requires SRTP offers nothing else, the suite that everyone has first',
  () => {
    const driver = driverWith('off', 'required');
    const txn = driver.receive(anInvite());
    const sent = driver.lastSent('INVITE');
    const body = bodyOf(sent.request);
    assert.is(protoOf(body), 'RTP/SAVP');
    assert.equal(
      cryptosOf(body).map((line) => line.split(' ').slice(0, 2).join(' ')),
      [
        `a=crypto:1 ${TAG80}`,
        'a=crypto:2 AEAD_AES_256_GCM',
        'a=crypto:3 AEAD_AES_128_GCM',
        `a=crypto:4 ${TAG32}`,
      ],
    );
    driver.answer(sent, 488);
    driver.answer(driver.lastSent('INVITE'), 488);
    const protos = driver.sent('INVITE').map(({ request }) => protoOf(bodyOf(request)));
    assert.equal(protos, ['RTP/SAVP', 'RTP/SAVP'], 'more codecs, and nothing in the clear');
    assert.equal(driver.statuses(txn), [488]);
  },
);

for (const [rule, body, status] of [
  ['off', secured(sdpOf(), cryptoLine(1, 1)), 488],
  ['required', sdpOf(), 488],
  ['required', `${sdpOf()}${cryptoLine(1, 1)}\r\n`, 488],
  ['optional', secured(sdpOf()), 488],
  ['optional', secured(sdpOf(), 'a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA'), 488],
] as const) {
  const shape = cryptosOf(body).length > 0 ? 'keys' : 'no keys';
  encryption(`srtp ${rule} refuses an offer of ${protoOf(body)} with ${shape} by ${status}`, () => {
    const driver = driverWith(rule, 'off');
    const txn = driver.receive(anInvite().withBody(body));
    assert.equal(driver.statuses(txn), [status]);
    const warning = driver.lastTold(txn).headers.find(([header]) => header === 'Warning')?.[1];
    assert.match(warning ?? '', /^302 b2bua "/);
    assert.is(driver.record('inbound').cause, 'SRTP_NOT_SHARED');
    assert.is(driver.sent('INVITE').length, 0);
    assert.is(driver.engine.orders.length, 0);
  });
}

encryption('a gateway that has only a tag of 32 bits is called all the same', () => {
  const driver = driverWith('off', 'required');
  const txn = driver.receive(anInvite());
  const sent = driver.lastSent('INVITE');
  driver.answer(sent, 200, { body: secured(sdpOf(BOB), cryptoLine(4, 2, TAG32)) });
  assert.equal(driver.statuses(txn), [200]);
  const [keys] = keysOf(driver, driver.endpoints[1]);
  assert.is(keys?.suite, 'aesCm128Tag32');
  assert.is(secretText(keys?.keys?.send), ownKey(bodyOf(sent.request), 4));
});

encryption('a plain offer with keys beside it is a plain offer', () => {
  for (const rule of ['off', 'optional']) {
    const driver = driverWith(rule, 'off');
    const txn = driver.receive(anInvite().withBody(`${sdpOf()}${cryptoLine(1, 1)}\r\n`));
    driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf(BOB) });
    assert.is(protoOf(bodyOf(driver.lastTold(txn))), 'RTP/AVP', rule);
    assert.equal(keysOf(driver, driver.endpoints[0]), []);
  }
});

for (const status of [415, 488, 606]) {
  encryption(
    `a gateway that refuses optional SRTP with ${status} is asked once more in the clear`,
    () => {
      const driver = driverWith('off', 'optional');
      const txn = driver.receive(anInvite());
      const first = driver.lastSent('INVITE');
      assert.is(protoOf(bodyOf(first.request)), 'RTP/SAVP');
      driver.answer(first, status);
      const second = driver.lastSent('INVITE');
      assert.is(second.host, first.host);
      assert.is(protoOf(bodyOf(second.request)), 'RTP/AVP');
      assert.equal(cryptosOf(bodyOf(second.request)), []);
      assert.is.not(headerOf(second.request, 'Call-ID'), headerOf(first.request, 'Call-ID'));
      driver.answer(second, 200, { body: sdpOf(BOB) });
      assert.equal(driver.statuses(txn), [200]);
      assert.is(
        driver.engine.orders.some(({ kind }) => kind === 'setKeys'),
        false,
      );
      callerOf(driver, anInvite(), txn);
      calleeOf(driver, second).send('BYE');
      const gateway = 'out/udp:192.0.2.20:5060';
      const tried = `${gateway} ${status},${gateway} 200`;
      assert.is(driver.record('outbound').routesTried, tried);
      assert.is(driver.record('outbound').srtp, null);
    },
  );
}

encryption('a gateway that refuses all is asked no more, and each offer was another', () => {
  const driver = driverWith('off', 'optional');
  const txn = driver.receive(anInvite().withBody(sdpOf({ codecs: [PCMU] })));
  for (let offers = 0; offers < 4; offers += 1) driver.answer(driver.lastSent('INVITE'), 488);
  assert.equal(driver.statuses(txn), [488]);
  const said = driver.sent('INVITE').map(({ request }) => {
    const [, proto, formats] = /m=audio \d+ (\S+) (.*)\r\n/.exec(bodyOf(request)) ?? [];
    return `${proto ?? ''} ${formats ?? ''}`;
  });
  // First what needs no decoding, encrypted and not; then the other law and what has to be encoded.
  assert.equal(said, ['RTP/SAVP 0', 'RTP/AVP 0', 'RTP/SAVP 0 8 96 9', 'RTP/AVP 0 8 96 9']);
  const gateway = 'out/udp:192.0.2.20:5060 488';
  assert.is(driver.record('outbound').routesTried, Array(4).fill(gateway).join(','));
});

for (const proto of ['RTP/AVPF', 'RTP/SAVPF']) {
  encryption(
    `an offer of ${proto} is answered with it, as is the one that changes the call`,
    () => {
      const driver = driverWith('optional', 'off');
      const offer = (version: number): string => {
        const body = secured(sdpOf({ version }), cryptoLine(1, 1)).replace('RTP/SAVP', proto);
        return proto === 'RTP/AVPF' ? body.replace(/a=crypto.*\r\n/, '') : body;
      };
      const invite = anInvite().withBody(offer(1));
      const txn = driver.receive(invite);
      driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf(BOB) });
      assert.is(protoOf(bodyOf(driver.lastTold(txn))), proto);
      const alice = callerOf(driver, invite, txn);
      alice.acknowledge(txn);
      const change = alice.send('INVITE', offer(2));
      driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf({ ...BOB, version: 2 }) });
      assert.is(protoOf(bodyOf(driver.lastTold(change))), proto);
    },
  );
}

encryption('each gateway is offered keys of its own', () => {
  const driver = driverWith('off', 'required');
  driver.receive(anInvite());
  const first = driver.lastSent('INVITE');
  driver.answer(first, 503);
  const second = driver.lastSent('INVITE');
  assert.is.not(second.host, first.host);
  const keys = [first, second].flatMap(({ request }) =>
    [1, 2, 3].map((tag) => ownKey(bodyOf(request), tag)),
  );
  assert.is(new Set(keys).size, 6);
  assert.ok(keys.every((key) => key.length > 30));
});

for (const [what, body] of [
  ['in the clear', sdpOf(BOB)],
  ['without a key', secured(sdpOf(BOB))],
  ['with a tag never offered', secured(sdpOf(BOB), cryptoLine(9, 2))],
  [
    'with another suite under the tag',
    secured(sdpOf(BOB), cryptoLine(1, 2, 'AES_CM_128_HMAC_SHA1_32')),
  ],
] as const) {
  encryption(
    `an answer ${what} to an encrypted offer is acknowledged, hung up, and told 488`,
    () => {
      const driver = driverWith('off', 'required');
      const txn = driver.receive(anInvite());
      driver.answer(driver.lastSent('INVITE'), 200, { body });
      assert.equal(driver.statuses(txn), [488]);
      assert.is(driver.acks.length, 1);
      assert.is(driver.sent('BYE').length, 1);
      assert.is(
        driver.engine.orders.some(({ kind }) => kind === 'openLink'),
        false,
      );
    },
  );
}

encryption(
  'a re-INVITE with the same keys tells the engine of none, and answers with the same',
  () => {
    const driver = driverWith('required', 'required');
    const offer = (version: number, byte: number): string =>
      secured(sdpOf({ version }), cryptoLine(1, byte));
    const invite = anInvite().withBody(offer(1, 1));
    const txn = driver.receive(invite);
    const answer = secured(sdpOf(BOB), cryptoLine(1, 2));
    driver.answer(driver.lastSent('INVITE'), 200, { body: answer });
    const alice = callerOf(driver, invite, txn);
    alice.acknowledge(txn);
    const told = ownKey(bodyOf(driver.lastTold(txn)));
    const offered = ownKey(bodyOf(driver.lastSent('INVITE').request));
    const change = (byte: number): string => {
      const again = alice.send('INVITE', offer(2, byte));
      const reinvite = driver.lastSent('INVITE');
      assert.is(cryptosOf(bodyOf(reinvite.request)).length, 1, 'the agreed line alone');
      assert.is(ownKey(bodyOf(reinvite.request)), offered);
      driver.answer(reinvite, 200, { body: answer });
      alice.acknowledge(again);
      return ownKey(bodyOf(driver.lastTold(again)));
    };
    const [a, b] = driver.endpoints;
    assert.is(change(1), told);
    assert.equal([keysOf(driver, a).length, keysOf(driver, b).length], [1, 1]);
    assert.is(change(3), told, 'our key stays while theirs changes');
    assert.equal([keysOf(driver, a).length, keysOf(driver, b).length], [2, 1]);
    assert.is(secretText(driver.engine.last('setKeys', a).keys?.receive), keyText(3));
  },
);

encryption(
  'a late offer under optional is plain, as nothing could follow its refusal; under required it is not',
  () => {
    for (const [rule, proto] of [
      ['optional', 'RTP/AVP'],
      ['required', 'RTP/SAVP'],
    ] as const) {
      const driver = driverWith(rule, 'off');
      const invite = anInvite().withBody(null);
      const txn = driver.receive(invite);
      driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf(BOB) });
      const offer = bodyOf(driver.lastTold(txn));
      assert.is(protoOf(offer), proto);
      const mine = rule === 'required' ? secured(sdpOf(), cryptoLine(1, 4)) : sdpOf();
      callerOf(driver, invite, txn).acknowledge(txn, mine);
      const [a] = [...driver.engine.endpoints.values()];
      assert.is(a?.keys != null, rule === 'required');
      assert.is(driver.sent('BYE').length, 0);
    }
  },
);

encryption(
  'a late offer that is answered in the clear where SRTP is required ends the call',
  () => {
    const driver = driverWith('required', 'off');
    const invite = anInvite().withBody(null);
    const txn = driver.receive(invite);
    driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf(BOB) });
    callerOf(driver, invite, txn).acknowledge(txn, sdpOf());
    assert.is(driver.sent('BYE').length, 2);
    assert.is(
      driver.engine.orders.some(({ kind }) => kind === 'openLink'),
      false,
    );
  },
);

encryption('A29 an encrypted caller hears itself from the echo, by keys of both', () => {
  const driver = driverWith('required', 'off');
  const invite = anInvite()
    .dialling('08001')
    .withBody(secured(sdpOf(), cryptoLine(1, 1)));
  const txn = driver.receive(invite);
  assert.is(protoOf(bodyOf(driver.lastTold(txn))), 'RTP/SAVP');
  const [a] = [...driver.engine.endpoints.values()];
  assert.is(secretText(a?.keys?.keys?.send), ownKey(bodyOf(driver.lastTold(txn))));
  assert.is(a?.feeds, a?.handle);
});

encryption('what SRTP refused is on record beside what came from elsewhere', () => {
  const driver = driverWith('required', 'off');
  driver.engine.counters = { ...driver.engine.counters, packetsRefused: 2, srtpRefused: 48 };
  const invite = anInvite().withBody(secured(sdpOf(), cryptoLine(1, 1)));
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 200, { body: sdpOf(BOB) });
  callerOf(driver, invite, txn).send('BYE');
  assert.is(driver.record('inbound').media?.packetsRefused, 50);
});

encryption('A29 SRTP and transcoding go together', () => {
  const driver = driverWith('required', 'off');
  const offer = secured(sdpOf({ codecs: [PCMU, EVENTS] }), cryptoLine(1, 1));
  const txn = driver.receive(anInvite().withBody(offer));
  const g722 = sdpOf({ ...BOB, codecs: [[9, 'G722/8000'], EVENTS] });
  driver.answerOffer(g722);
  assert.equal(driver.statuses(txn), [200]);
  const [a, b] = [...driver.engine.endpoints.values()];
  assert.equal([a?.link?.mode, b?.link?.mode], ['decoded', 'decoded']);
  assert.ok(a?.keys != null && b?.keys == null);
});

encryption('no key stands in a record, a fact or what operators see', () => {
  const driver = driverWith('required', 'required');
  const invite = anInvite().withBody(secured(sdpOf(), cryptoLine(1, 1)));
  const txn = driver.receive(invite);
  driver.answer(driver.lastSent('INVITE'), 200, { body: secured(sdpOf(BOB), cryptoLine(1, 2)) });
  const live = JSON.stringify([...driver.b2bua.liveCalls()]);
  const alice = callerOf(driver, invite, txn);
  alice.acknowledge(txn);
  alice.send('BYE');
  assert.is(driver.record('inbound').srtp, TAG80);
  const told = [live, JSON.stringify(driver.facts)].join('\n');
  const keys = [...driver.engine.orders].flatMap((order) =>
    order.kind === 'setKeys' && order.keys !== null ? [order.keys.send, order.keys.receive] : [],
  );
  assert.is(keys.length, 4);
  for (const secret of keys) {
    assert.not.match(told, secretText(secret).slice(0, 12));
    assert.not.match(told, Buffer.from(secret.key).toString('hex').slice(0, 12));
  }
});

encryption(
  'A29 keys that the engine refused for early media are set before the answer’s audio flows',
  () => {
    const driver = driverWith('off', 'required');
    driver.receive(anInvite());
    const sent = driver.lastSent('INVITE');
    const body = secured(sdpOf({ ...BOB, codecs: [PCMU] }), cryptoLine(1, 7));
    driver.engine.refusal = ({ kind }) => (kind === 'setKeys' ? 'MEMORY_FULL' : null);
    driver.answer(sent, 183, { body });
    driver.engine.refusal = () => null;
    const before = driver.engine.orders.length;
    driver.answer(sent, 200, { body });
    const kinds = driver.engine.orders.slice(before).map(({ kind }) => kind);
    assert.ok(kinds.includes('setKeys'));
    assert.ok(kinds.indexOf('setKeys') < kinds.indexOf('openLink'));
  },
);

encryption.run();
