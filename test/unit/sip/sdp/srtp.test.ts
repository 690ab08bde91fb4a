// SRTP in offer and answer: which streams a rule takes, which key answers which, and what a peer may not do.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom, type CodedError, type Result } from '../../../../src/base/index.ts';
import {
  acceptCrypto,
  answerCrypto,
  cryptoText,
  offerCryptos,
  ownAnswer,
  ownOffer,
  readAudioText,
  type AnchoredSdp,
  type AnchorPoint,
  type AudioDescription,
  type CryptoLine,
  type CryptoSuite,
  type SrtpRule,
} from '../../../../src/sip/sdp/index.ts';

const SUITES: readonly CryptoSuite[] = ['AEAD_AES_128_GCM', 'AES_CM_128_HMAC_SHA1_80'];
const KEY = 'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';
const LINE = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;
const ANCHOR: AnchorPoint = {
  address: '198.51.100.1',
  rtpPort: 20_000,
  rtcpPort: 20_001,
  rtcpMux: false,
};

const body = (...media: readonly string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...media, ''].join(
    '\r\n',
  );
function must<T>(result: Result<T, CodedError>): T {
  if (!result.ok) throw new Error(`${result.error.code} ${result.error.message}`);
  return result.value;
}
const read = (rule: SrtpRule, ...media: readonly string[]): AudioDescription =>
  must(readAudioText(body(...media), rule));
const problem = (result: Result<unknown, CodedError>): string =>
  result.ok ? 'none' : `${result.error.code} ${result.error.message}`;
const secured = (
  cryptos: readonly CryptoLine[],
  previous: AnchoredSdp | null = null,
): AnchoredSdp =>
  must(
    ownOffer({
      codecs: ['PCMU'],
      direction: 'sendrecv',
      anchor: ANCHOR,
      sessionId: '1',
      previous,
      cryptos,
    }),
  );
const linesOf = ({ text }: AnchoredSdp): readonly string[] =>
  text.split('\r\n').filter((line) => /^(m=|a=crypto)/.test(line));

test('each rule takes the streams it should', () => {
  const plain = ['m=audio 4000 RTP/AVP 0'];
  const secure = ['m=audio 4000 RTP/SAVP 0', LINE];
  assert.is(read('off', ...plain).cryptos.length, 0);
  assert.is(read('optional', ...plain).cryptos.length, 0);
  assert.is(read('optional', ...secure).cryptos.length, 1);
  assert.is(read('required', ...secure).cryptos.length, 1);
  assert.match(problem(readAudioText(body(...secure), 'off')), /^SRTP_NOT_SHARED .*only plain/);
  assert.match(
    problem(readAudioText(body(...plain), 'required')),
    /^SRTP_NOT_SHARED .*RTP\/AVP is not encrypted/,
  );
});

test('of a stream with SRTP and one without, the rule decides, else the offerer’s order', () => {
  const both = ['m=audio 4000 RTP/SAVP 0', LINE, 'm=audio 4002 RTP/AVP 0'];
  assert.is(read('off', ...both).mediaIndex, 1);
  assert.is(read('optional', ...both).mediaIndex, 0);
  assert.is(read('required', ...both).mediaIndex, 0);
  assert.is(read('optional', 'm=audio 4002 RTP/AVP 0', ...both).mediaIndex, 0);
});

test('a stream of SRTP without a key that we can use is refused with the reasons', () => {
  assert.match(
    problem(readAudioText(body('m=audio 4000 RTP/SAVP 0'), 'optional')),
    /^SRTP_NOT_SHARED .*has no a=crypto/,
  );
  assert.match(
    problem(
      readAudioText(
        body('m=audio 4000 RTP/SAVP 0', `a=crypto:1 F8_128_HMAC_SHA1_80 inline:${KEY}`),
        'optional',
      ),
    ),
    /^SRTP_NOT_SHARED .*unknown suite F8_128_HMAC_SHA1_80/,
  );
  assert.match(
    problem(readAudioText(body('m=audio 4000 UDP/TLS/RTP/SAVPF 0', LINE), 'optional')),
    /^SRTP_NOT_SHARED/,
  );
});

test('encrypted audio is refused for that where encryption is off, whatever it is keyed by', () => {
  for (const proto of ['RTP/SAVP', 'RTP/SAVPF', 'rtp/savp', 'UDP/TLS/RTP/SAVPF']) {
    const refusal = problem(readAudioText(body(`m=audio 4000 ${proto} 0`, LINE), 'off'));
    assert.match(refusal, /^SRTP_NOT_SHARED .*only plain RTP\/AVP/);
  }
  assert.match(problem(readAudioText(body('m=audio 4000 TCP/RTP/AVP 0'), 'off')), /^CODEC_NOT/);
});

test('a key beside plain RTP is passed over, and a stream switched off has none', () => {
  assert.equal(read('optional', 'm=audio 4000 RTP/AVP 0', LINE).cryptos, []);
  assert.equal(read('optional', 'm=audio 0 RTP/SAVP 0', LINE).cryptos, []);
});

test('unusable lines are left out, and of a tag that stands twice the second', () => {
  const audio = read(
    'optional',
    'm=audio 4000 RTP/SAVP 0',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:${KEY} UNENCRYPTED_SRTP`,
    `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
    `a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`,
  );
  assert.equal(
    audio.cryptos.map(({ tag, suite }) => `${tag} ${suite}`),
    ['2 AES_CM_128_HMAC_SHA1_80'],
  );
});

test('an offer names each suite once, in our order, each with a key of its own', () => {
  const cryptos = offerCryptos(SUITES, seededRandom(1));
  assert.equal(
    cryptos.map(({ tag, suite }) => `${tag} ${suite}`),
    ['1 AEAD_AES_128_GCM', '2 AES_CM_128_HMAC_SHA1_80'],
  );
  assert.not.equal(cryptos[0]?.key, cryptos[1]?.key);
  const offer = secured(cryptos);
  assert.equal(linesOf(offer), [
    'm=audio 20000 RTP/SAVP 0',
    ...cryptos.map((crypto) => `a=crypto:${cryptoText(crypto)}`),
  ]);
  assert.equal(must(readAudioText(offer.text, 'required')), offer.audio);
});

test('an answer has the tag and suite of the first line that is allowed, and our key', () => {
  const offered = offerCryptos(
    ['AES_CM_128_HMAC_SHA1_32', 'AES_CM_128_HMAC_SHA1_80', 'AEAD_AES_256_GCM'],
    seededRandom(2),
  );
  const options = { offered, previous: null, random: seededRandom(3) };
  const agreed = must(answerCrypto({ ...options, allowedSuites: SUITES }));
  assert.is(agreed.ours.tag, 2);
  assert.is(agreed.ours.suite, 'AES_CM_128_HMAC_SHA1_80');
  assert.is(agreed.theirs, offered[1]);
  assert.not.equal(agreed.ours.key, agreed.theirs.key);
  assert.match(
    problem(answerCrypto({ ...options, allowedSuites: ['AEAD_AES_128_GCM'] })),
    /^SRTP_NOT_SHARED .*offered are AES_CM_128_HMAC_SHA1_32, .*allowed are AEAD_AES_128_GCM/,
  );
});

test('our key stays over a re-INVITE while the suite does, whatever tag it comes under', () => {
  const random = seededRandom(4);
  const first = must(
    answerCrypto({
      offered: offerCryptos(['AES_CM_128_HMAC_SHA1_80'], random),
      allowedSuites: SUITES,
      previous: null,
      random,
    }),
  );
  const again = offerCryptos(['AEAD_AES_256_GCM', 'AES_CM_128_HMAC_SHA1_80'], random);
  const second = must(
    answerCrypto({ offered: again, allowedSuites: SUITES, previous: first, random }),
  );
  assert.equal(second.ours, { ...first.ours, tag: 2 });
  const third = must(
    answerCrypto({ offered: again, allowedSuites: ['AEAD_AES_256_GCM'], previous: first, random }),
  );
  assert.not.equal(third.ours.key, first.ours.key);
});

test('an MKI is answered with one of ours, of the same length', () => {
  const audio = read(
    'required',
    'm=audio 4000 RTP/SAVP 0',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^31|1:4`,
  );
  const options = { offered: audio.cryptos, allowedSuites: SUITES, random: seededRandom(5) };
  const { ours } = must(answerCrypto({ ...options, previous: null }));
  assert.equal([...ours.mki], [0, 0, 0, 1]);
  assert.match(cryptoText(ours), /\|1:4$/);
});

test('an answer on SRTP without our key, or with one on plain RTP, is our own mistake', () => {
  const secure = read('required', 'm=audio 4000 RTP/SAVP 0', LINE);
  const plain = read('off', 'm=audio 4000 RTP/AVP 0');
  const options = {
    allowedCodecs: ['PCMU'],
    anchor: ANCHOR,
    sessionId: '1',
    previous: null,
  } as const;
  assert.throws(() => ownAnswer({ ...options, offer: secure }), /0 keys where 1 are due/);
  assert.throws(
    () => ownAnswer({ ...options, offer: plain, cryptos: secure.cryptos }),
    /1 keys where 0 are due/,
  );
  const random = seededRandom(6);
  const agreed = must(
    answerCrypto({ offered: secure.cryptos, allowedSuites: SUITES, previous: null, random }),
  );
  const answer = must(ownAnswer({ ...options, offer: secure, cryptos: [agreed.ours] }));
  assert.equal(linesOf(answer), [
    'm=audio 20000 RTP/SAVP 0',
    `a=crypto:${cryptoText(agreed.ours)}`,
  ]);
  assert.equal(must(readAudioText(answer.text, 'required')), answer.audio);
});

test('an answer is taken when it chose one of our lines', () => {
  const sent = offerCryptos(SUITES, seededRandom(7));
  const answer = offerCryptos(['AES_CM_128_HMAC_SHA1_80'], seededRandom(8)).map((crypto) => ({
    ...crypto,
    tag: 2,
  }));
  const agreed = must(acceptCrypto(sent, answer));
  assert.is(agreed.ours, sent[1]);
  assert.is(agreed.theirs, answer[0]);
});

test('an answer with no line, two, a foreign tag, another suite or our own key is refused', () => {
  const sent = offerCryptos(SUITES, seededRandom(9));
  const [gcm, cm] = offerCryptos(SUITES, seededRandom(10));
  if (gcm === undefined || cm === undefined) throw new Error('two suites make two lines');
  for (const [answer, expected] of [
    [[], /0 usable/],
    [[gcm, cm], /2 usable/],
    [[{ ...gcm, tag: 3 }], /tag 3, never offered/],
    [[{ ...gcm, tag: 2 }], /AEAD_AES_128_GCM under the tag of AES_CM_128_HMAC_SHA1_80/],
    [sent.slice(0, 1), /repeats the key/],
  ] as const) {
    const text = problem(acceptCrypto(sent, answer));
    assert.match(text, /^SRTP_NOT_SHARED/);
    assert.match(text, expected);
  }
});

test('a re-offer with the same keys changes nothing, one without them goes back to plain RTP', () => {
  const cryptos = offerCryptos(SUITES, seededRandom(11));
  const first = secured(cryptos);
  const second = secured(cryptos, first);
  assert.is(second.text, first.text);
  const plain = secured([], second);
  assert.equal(linesOf(plain), ['m=audio 20000 RTP/AVP 0']);
  assert.is(plain.version, first.version + 1);
});

test.run();
