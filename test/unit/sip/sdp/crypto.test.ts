// a=crypto lines: what is read, what is written, and that nothing secret ends up in a reason.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  cryptoText,
  decodeCrypto,
  type CryptoLine,
  type CryptoSuite,
} from '../../../../src/sip/sdp/index.ts';

/** The example of RFC 4568 §9.2. */
const KEY = 'WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';
const base64 = (bytes: number): string => Buffer.alloc(bytes, 0xa5).toString('base64');

function read(value: string): CryptoLine {
  const reading = decodeCrypto(value);
  if (reading.kind === 'unusable') throw new Error(reading.reason);
  return reading.crypto;
}
const reason = (value: string): string => {
  const reading = decodeCrypto(value);
  return reading.kind === 'unusable' ? reading.reason : 'none';
};

test('the line of RFC 4568 §9.2 is read with its key, salt and lifetime', () => {
  const crypto = read(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4`);
  assert.is(crypto.tag, 1);
  assert.is(crypto.suite, 'AES_CM_128_HMAC_SHA1_80');
  assert.is(crypto.lifetimePackets, 2 ** 20);
  assert.equal([...crypto.mki], [0, 0, 0, 1]);
  assert.is(Buffer.concat([crypto.key, crypto.salt]).toString('base64'), KEY);
  assert.is(crypto.key.length, 16);
  assert.is(crypto.salt.length, 14);
});

const LENGTHS: readonly (readonly [CryptoSuite, number, number])[] = [
  ['AES_CM_128_HMAC_SHA1_80', 16, 14],
  ['AES_CM_128_HMAC_SHA1_32', 16, 14],
  ['AEAD_AES_128_GCM', 16, 12],
  ['AEAD_AES_256_GCM', 32, 12],
];
for (const [suite, keyBytes, saltBytes] of LENGTHS) {
  test(`${suite} takes a key of exactly ${keyBytes} + ${saltBytes} bytes, with or without padding`, () => {
    const bytes = keyBytes + saltBytes;
    const text = base64(bytes);
    const crypto = read(`7 ${suite} inline:${text}`);
    assert.equal([crypto.key.length, crypto.salt.length], [keyBytes, saltBytes]);
    assert.equal(read(`7 ${suite} inline:${text.replace(/=+$/, '')}`), crypto);
    for (const wrong of [base64(bytes - 1), base64(bytes + 1), base64(3), '', '====', `${text}=`]) {
      assert.match(reason(`7 ${suite} inline:${wrong}`), /no key of|is not "tag/);
    }
  });
}

test('a key in base64 that isn’t its own, is url-safe or has stray letters is refused', () => {
  const gcm = base64(28);
  assert.match(reason(`1 AEAD_AES_128_GCM inline:${gcm.slice(0, -3)}R==`), /no key of/);
  assert.match(reason(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY.slice(0, -1)}-`), /no key of/);
  assert.match(reason(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY.slice(0, -1)}é`), /no key of/);
});

test('a lifetime is a number or a power of two, up to 2^48', () => {
  const lifetime = (text: string): number | null =>
    read(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|${text}`).lifetimePackets;
  assert.is(lifetime('1000'), 1_000);
  assert.is(lifetime('2^48'), 2 ** 48);
  assert.is(read(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`).lifetimePackets, null);
  for (const wrong of ['0', '2^49', '2^99999', '3^4', '-1', '', 'x'])
    assert.match(reason(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|${wrong}`), /lifetime/);
});

test('an MKI of 1 to 4 bytes is read, with or without a lifetime before it', () => {
  const mki = (text: string): readonly number[] => [
    ...read(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|${text}`).mki,
  ];
  assert.equal(mki('1:1'), [1]);
  assert.equal(mki('258:2'), [1, 2]);
  assert.equal(mki('2^31|4294967295:4'), [255, 255, 255, 255]);
  assert.equal([...read(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`).mki], []);
  for (const wrong of ['1:5', '1:128', '1:0', '256:1', '4294967296:4', 'x:1', ':', '1:1|2^20'])
    assert.match(reason(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|${wrong}`), /MKI/);
});

test('several keys, other methods and unknown suites are refused', () => {
  assert.is(
    reason(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|1:1;inline:${KEY}|2:1`),
    'has several keys',
  );
  assert.match(reason(`1 AES_CM_128_HMAC_SHA1_80 uri:https://x`), /key method/);
  assert.match(
    reason(`1 F8_128_HMAC_SHA1_80 inline:${KEY}`),
    /an unknown suite F8_128_HMAC_SHA1_80/,
  );
  assert.match(reason(`1 AES_256_CM_HMAC_SHA1_80 inline:${KEY}`), /unknown suite/);
  assert.match(reason(`1 constructor inline:${KEY}`), /unknown suite$/);
});

test('suite and method are read without regard to case', () => {
  assert.is(read(`1 aes_cm_128_hmac_sha1_80 INLINE:${KEY}`).suite, 'AES_CM_128_HMAC_SHA1_80');
});

test('session parameters that change the packets refuse the line, hints and "-" do not', () => {
  const line = `3 AES_CM_128_HMAC_SHA1_32 inline:${KEY}`;
  for (const harmless of ['WSH=64', 'WSH=1024', 'KDR=0', '-X=1', 'WSH=128 -FUTURE'])
    assert.is(read(`${line} ${harmless}`).tag, 3);
  for (const other of [
    'KDR=24',
    'UNENCRYPTED_SRTP',
    'UNENCRYPTED_SRTCP',
    'UNAUTHENTICATED_SRTP',
    'FEC_ORDER=FEC_SRTP',
    'FEC_KEY=inline:x',
    'WSH=1',
    'X=1',
  ])
    assert.is(reason(`${line} ${other}`), `asks for ${other}`);
});

test('what is no crypto line at all is refused', () => {
  for (const value of [
    '',
    '1',
    `1 AES_CM_128_HMAC_SHA1_80`,
    `x AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
  ])
    assert.is(reason(value), 'is not "tag suite inline:..."');
  assert.match(reason(`1234567890 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`), /is not/);
});

test('what is written reads the same, without the lifetime', () => {
  for (const value of [
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
    `999999999 AEAD_AES_256_GCM inline:${base64(44)}|258:2`,
  ])
    assert.is(cryptoText(read(value)), value);
  assert.is(
    cryptoText(read(`1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20`)),
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
  );
});

test('no reason quotes a key', () => {
  for (const value of [
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}x`,
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|0`,
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|9:9`,
    `1 AES_CM_128_HMAC_SHA1_80 inline:${KEY} KDR=1`,
    `1 OTHER inline:${KEY}`,
    `1 ${KEY} inline:AES_CM_128_HMAC_SHA1_80`,
    `1 AES_CM_128_HMAC_SHA1_80  inline:${KEY};inline:${KEY}`,
  ]) {
    assert.not.equal(reason(value), 'none');
    assert.not.match(reason(value), /WVNf/);
  }
});

test.run();
