// Comfort noise and redundant audio, trunk by trunk: passed on where both sides have them, read and made where audio is decoded.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { B2buaDriver } from '../../support/b2bua-driver.ts';
import { anInvite, EVENTS, PCMA, PCMU, sdpOf } from '../../support/sip-messages.ts';

const BOB = { host: '192.0.2.20', port: 50_000 };
const CN = [13, 'CN/8000'] as const;
const G722 = [9, 'G722/8000'] as const;
const red = (number: number): readonly [number, string] => [number, 'red/8000'];

type Codec = readonly [number, string];

/** A description with redundancy under `number` of the codec under `inside`. */
function described(codecs: readonly Codec[], inside = 0, more: object = {}): string {
  const lines = codecs
    .filter(([, name]) => name.startsWith('red'))
    .map(([number]) => `a=fmtp:${number} ${inside}/${inside}\r\n`);
  return `${sdpOf({ codecs, ...more })}${lines.join('')}`;
}

/** Trunks with these settings for both. */
function driverWith(inbound: string, outbound: string): B2buaDriver {
  return new B2buaDriver({
    edit: [
      ['max_duration_s: 3600 }', `max_duration_s: 3600, ${inbound} }`],
      ['ring_timeout_s: 60', `ring_timeout_s: 60\n    ${outbound.replaceAll(', ', '\n    ')}`],
    ],
  });
}

const ON = 'comfort_noise: on, redundancy: on';
const formats = ({ body }: { readonly body: Buffer | null }): string =>
  /m=audio \d+ \S+ (.*)\r\n/.exec(body?.toString() ?? '')?.[1] ?? '';

function links({ engine }: B2buaDriver): readonly string[] {
  return [...engine.endpoints.values()].map(({ link }) =>
    link === null
      ? 'none'
      : `${link.mode} ${link.payloadMap.map((pair) => pair.join('>')).join(' ')}`.trim(),
  );
}

const beside = suite('beside audio');

beside('what both sides have goes through untouched', () => {
  const driver = driverWith(ON, ON);
  const txn = driver.receive(anInvite().withBody(described([PCMU, CN, red(121), EVENTS])));
  const sent = driver.lastSent('INVITE');
  assert.is(formats(sent.request), '0 13 121 101');
  assert.match(sent.request.body?.toString() ?? '', 'a=fmtp:121 0/0\r\n');
  driver.answer(sent, 200, { body: described([PCMU, CN, red(121), EVENTS], 0, BOB) });
  assert.is(formats(driver.lastTold(txn)), '0 13 121 101');
  const all = 'forward 0>0 13>13 121>121 101>101';
  assert.equal(links(driver), [all, all]);
  const [clocks] = [...driver.engine.endpoints.values()].map(({ update }) => update?.clockRates);
  assert.equal(clocks, [
    [0, 8_000],
    [13, 8_000],
    [121, 8_000],
  ]);
});

beside('a callee that takes neither leaves the caller without, and audio undecoded', () => {
  const driver = driverWith(ON, ON);
  const txn = driver.receive(anInvite().withBody(described([PCMU, CN, red(121)])));
  driver.answerOffer(described([PCMU], 0, BOB));
  assert.is(formats(driver.lastTold(txn)), '0');
  assert.equal(links(driver), ['forward 0>0', 'forward 0>0']);
});

for (const [inbound, outbound] of [
  ['comfort_noise: off', ON],
  [ON, 'redundancy: off'],
  ['redundancy: off', 'comfort_noise: off'],
] as const) {
  beside(`neither is passed on between ${inbound} and ${outbound} unless both are on`, () => {
    const driver = driverWith(inbound, outbound);
    const txn = driver.receive(anInvite().withBody(described([PCMU, CN, red(121)])));
    assert.is(formats(driver.lastSent('INVITE').request), '0');
    driver.answerOffer(described([PCMU], 0, BOB));
    assert.is(formats(driver.lastTold(txn)), '0');
  });
}

beside('decoded legs each use what their own peer has', () => {
  const driver = driverWith(ON, 'comfort_noise: on');
  const txn = driver.receive(anInvite().withBody(described([PCMU, CN, red(121)])));
  driver.answer(driver.lastSent('INVITE'), 488);
  const second = driver.lastSent('INVITE');
  assert.is(formats(second.request), '0 8 96 9 13', 'noise of our own beside codecs of our own');
  driver.answer(second, 200, { body: described([G722, CN], 0, BOB) });
  assert.is(formats(driver.lastTold(txn)), '0 13 121');
  assert.equal(links(driver), ['decoded', 'decoded']);
  const [a, b] = driver.endpoints.map((one) => driver.engine.last('setAudio', one));
  assert.equal(
    a?.receive.map(({ payloadType, kind, rateKhz }) => [payloadType, kind, rateKhz]),
    [
      [0, 'pcmu', 8],
      [13, 'comfortNoise', 8],
      [121, 'redundancy', 8],
    ],
  );
  assert.equal([a?.send?.comfortPayloadType, a?.send?.redundancyPayloadType], [13, 121]);
  assert.equal([b?.send?.comfortPayloadType, b?.send?.redundancyPayloadType], [13, null]);
});

beside('a trunk that always transcodes offers redundancy of each codec, and is sent it', () => {
  const driver = driverWith('', 'redundancy: on, transcode: always');
  driver.receive(anInvite().withBody(sdpOf({ codecs: [PCMU] })));
  const sent = driver.lastSent('INVITE');
  const text = sent.request.body?.toString() ?? '';
  assert.is(formats(sent.request), '0 8 96 9 104 97 98 99');
  for (const line of ['104 0/0', '97 8/8', '98 96/96', '99 9/9'])
    assert.match(text, `a=fmtp:${line}\r\n`);
  driver.answer(sent, 200, { body: described([PCMU, red(104)], 0, BOB) });
  const b = driver.engine.last('setAudio', driver.endpoints[1]);
  assert.is(b.send?.redundancyPayloadType, 104);
});

beside('redundancy of one law is decoded for a peer of the other', () => {
  const driver = driverWith(ON, ON);
  const txn = driver.receive(anInvite().withBody(described([PCMU, red(121)])));
  driver.answerOffer(described([PCMA, red(97)], 8, BOB));
  assert.equal(links(driver), ['decoded', 'decoded']);
  assert.is(formats(driver.lastTold(txn)), '0 121');
});

beside('redundancy whose inside goes by other numbers at the far side is decoded, too', () => {
  const opus = (number: number): Codec => [number, 'opus/48000/2'];
  const redOpus = (number: number): Codec => [number, 'red/48000/2'];
  const driver = driverWith(ON, ON);
  driver.receive(anInvite().withBody(described([opus(111), redOpus(63)], 111)));
  driver.answerOffer(described([opus(97), redOpus(98)], 97, BOB));
  assert.equal(links(driver), ['decoded', 'decoded']);
  const same = driverWith(ON, ON);
  same.receive(anInvite().withBody(described([opus(111), redOpus(63)], 111)));
  same.answerOffer(described([opus(111), redOpus(63)], 111, BOB));
  assert.equal(links(same), ['forward 111>111 63>63', 'forward 111>111 63>63']);
});

beside.run();
