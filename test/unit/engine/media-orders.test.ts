// Orders of keys, audio, digits and decoded links, encoded byte for byte; what no record can hold must be refused by the
// engine, so it is encoded as what no field means anything by.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endpointHandle, orderId } from '../../../src/base/index.ts';
import { ORDER, ORDER_HEADER, ORDER_RECORD_BYTES } from '../../../src/engine/contract.gen.ts';
import type {
  EngineOrder,
  OpusSettings,
  SentAudio,
  SrtpSecret,
  SrtpSuite,
} from '../../../src/engine/index.ts';
import { OrderEncoder } from '../../../src/engine/orders.ts';

type OrderOf<Kind extends EngineOrder['kind']> = Extract<EngineOrder, { readonly kind: Kind }>;

const HANDLE = endpointHandle(0xfedc_ba98);
const ORDER_NUMBER = orderId(0x1234_5678);
const REFUSED = 0xff;
const NONE = 0xff;

function encode(order: EngineOrder): Uint8Array {
  const bytes = new OrderEncoder().encode([order]);
  assert.is(bytes.length, ORDER_RECORD_BYTES);
  return bytes;
}

/** The record's bytes from `at`, as numbers. */
const bytesAt = (bytes: Uint8Array, at: number, count: number): number[] => [
  ...bytes.subarray(at, at + count),
];

/** `count` bytes counting up from `first`. */
const counting = (first: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, index) => first + index);

const secret = (first: number, lengths: readonly [number, number], mki = 0): SrtpSecret => ({
  key: counting(first, lengths[0]),
  salt: counting(first + lengths[0], lengths[1]),
  mki: counting(first + 100, mki),
});

function keys(fields: Partial<OrderOf<'setKeys'>>): OrderOf<'setKeys'> {
  return {
    kind: 'setKeys',
    order: ORDER_NUMBER,
    endpoint: HANDLE,
    suite: 'aesCm128Tag80',
    keys: { send: secret(1, [16, 14], 4), receive: secret(51, [16, 14], 2) },
    ...fields,
  };
}

const OPUS: OpusSettings = {
  bitrateBps: 24_000,
  playbackRateHz: 16_000,
  complexity: 9,
  lossPercent: 5,
  fec: true,
  dtx: false,
  cbr: true,
};

const SENT: SentAudio = {
  payloadType: 111,
  kind: 'opus',
  rateKhz: 48,
  packetMs: 40,
  event: { payloadType: 101, rateKhz: 48 },
  comfortPayloadType: 13,
  redundancyPayloadType: 104,
  opus: OPUS,
};

function audio(fields: Partial<OrderOf<'setAudio'>>): OrderOf<'setAudio'> {
  return {
    kind: 'setAudio',
    order: ORDER_NUMBER,
    endpoint: HANDLE,
    receive: [
      { payloadType: 111, kind: 'opus', rateKhz: 48 },
      { payloadType: 0, kind: 'pcmu', rateKhz: 8 },
      { payloadType: 101, kind: 'telephoneEvent', rateKhz: 48 },
    ],
    send: SENT,
    bufferSize: 'large',
    detectTones: true,
    muteDigits: true,
    ...fields,
  };
}

function digits(fields: Partial<OrderOf<'sendDigits'>>): OrderOf<'sendDigits'> {
  return {
    kind: 'sendDigits',
    order: ORDER_NUMBER,
    endpoint: HANDLE,
    digits: [1, 10, 15],
    toneMs: 100,
    pauseMs: 40_000,
    ...fields,
  };
}

function link(fields: Partial<OrderOf<'openLink'>>): OrderOf<'openLink'> {
  return {
    kind: 'openLink',
    order: ORDER_NUMBER,
    from: HANDLE,
    to: endpointHandle(9),
    payloadMap: [],
    mode: 'decoded',
    conversions: [],
    ...fields,
  };
}

test('each order has its kind, its number and its endpoint in the header', () => {
  const kinds = [
    [link({}), 3],
    [keys({}), 6],
    [audio({}), 7],
    [digits({}), 8],
  ] as const;
  for (const [order, kind] of kinds) {
    const view = new DataView(encode(order).slice().buffer);
    assert.is(view.getUint16(ORDER_HEADER.kind, true), kind);
    assert.is(view.getUint32(ORDER_HEADER.order, true), ORDER_NUMBER);
    assert.is(view.getUint32(ORDER_HEADER.endpoint, true), HANDLE);
  }
});

test('keys ride as key and salt without a gap, each direction with its MKI', () => {
  const fields = ORDER.setKeys;
  const bytes = encode(keys({}));
  assert.equal(bytesAt(bytes, fields.suite, 3), [1, 4, 2]);
  assert.equal(bytesAt(bytes, fields.sendMki, 4), [101, 102, 103, 104]);
  assert.equal(bytesAt(bytes, fields.receiveMki, 4), [151, 152, 0, 0]);
  assert.equal(bytesAt(bytes, fields.sendKey, 46), [
    ...counting(1, 30),
    ...new Array<number>(16).fill(0),
  ]);
  assert.equal(bytesAt(bytes, fields.receiveKey, 31), [...counting(51, 30), 0]);
});

test('each suite has its number and lengths, and no other lengths are encoded', () => {
  const suites: readonly (readonly [SrtpSuite, number, readonly [number, number]])[] = [
    ['aesCm128Tag80', 1, [16, 14]],
    ['aesCm128Tag32', 2, [16, 14]],
    ['aeadAes128Gcm', 3, [16, 12]],
    ['aeadAes256Gcm', 4, [32, 12]],
  ];
  const { suite: at, sendKey } = ORDER.setKeys;
  for (const [suite, number, [key, salt]] of suites) {
    const good = secret(1, [key, salt]);
    const bytes = encode(keys({ suite, keys: { send: good, receive: good } }));
    assert.is(bytes[at], number, suite);
    assert.equal(bytesAt(bytes, sendKey, key + salt), [...counting(1, key + salt)], suite);
    for (const bad of [
      secret(1, [key - 1, salt]),
      secret(1, [key + 1, salt]),
      secret(1, [key, salt - 1]),
      secret(1, [key, salt + 2]),
      secret(1, [0, 0]),
      secret(1, [key, salt], 5),
    ]) {
      for (const pair of [
        { send: bad, receive: good },
        { send: good, receive: bad },
      ])
        assert.is(encode(keys({ suite, keys: pair }))[at], REFUSED, suite);
    }
  }
});

test('the end of encryption has no keys, and neither goes without the other', () => {
  const { suite: at } = ORDER.setKeys;
  const off = encode(keys({ suite: 'off', keys: null }));
  assert.equal([...off.subarray(at)], new Array<number>(ORDER_RECORD_BYTES - at).fill(0));
  assert.is(encode(keys({ keys: null }))[at], REFUSED);
  assert.is(encode(keys({ suite: 'off' }))[at], REFUSED);
});

test('no key of an order before is left where the next one is written', () => {
  const encoder = new OrderEncoder();
  encoder.encode([keys({})]);
  const again = encoder.encode([keys({ suite: 'off', keys: null })]);
  assert.equal(
    [...again.subarray(ORDER.setKeys.suite)].filter((byte) => byte !== 0),
    [],
  );
});

test('audio says what is received under which number, and how we speak', () => {
  const fields = ORDER.setAudio;
  const bytes = encode(audio({}));
  const view = new DataView(bytes.buffer);
  assert.is(bytes[fields.receiveCount], 3);
  assert.equal(
    [0, 1, 2, 3].map((index) => view.getUint32(fields.receive + 4 * index, true)),
    [(48 << 16) | (4 << 8) | 111, (8 << 16) | (0 << 8) | 0, (48 << 16) | (5 << 8) | 101, 0],
  );
  assert.is(bytes[fields.bufferSize], 3);
  assert.is(bytes[fields.detectTones], 1);
  assert.is(bytes[fields.muteDigits], 1);
  assert.is(bytes[fields.sendPayloadType], 111);
  assert.is(bytes[fields.sendKind], 4);
  assert.is(bytes[fields.sendRateKhz], 48);
  assert.is(bytes[fields.packetMs], 40);
  assert.is(bytes[fields.eventPayloadType], 101);
  assert.is(bytes[fields.eventRateKhz], 48);
  assert.is(bytes[fields.comfortPayloadType], 13);
  assert.is(bytes[fields.redundancyPayloadType], 104);
  assert.equal(
    [fields.opusFec, fields.opusDtx, fields.opusCbr].map((at) => bytes[at]),
    [1, 0, 1],
  );
  assert.is(bytes[fields.opusComplexity], 9);
  assert.is(bytes[fields.opusLossPercent], 5);
  assert.is(view.getUint32(fields.opusBitrateBps, true), 24_000);
  assert.is(view.getUint32(fields.opusPlaybackRateHz, true), 16_000);
});

test('what is not sent is 255, and nothing at all gives the audio back', () => {
  const fields = ORDER.setAudio;
  const plain = encode(
    audio({
      send: { ...SENT, event: null, comfortPayloadType: null, redundancyPayloadType: null },
    }),
  );
  const optional = [
    fields.eventPayloadType,
    fields.comfortPayloadType,
    fields.redundancyPayloadType,
  ];
  assert.equal(
    optional.map((at) => plain[at]),
    [NONE, NONE, NONE],
  );
  assert.is(plain[fields.eventRateKhz], 0);
  const nothing = encode(audio({ receive: [], send: null, bufferSize: 'off', detectTones: false }));
  assert.is(nothing[fields.receiveCount], 0);
  assert.is(nothing[fields.sendPayloadType], NONE);
  assert.is(nothing[fields.bufferSize], 0);
});

test('audio that no record can hold is refused field by field', () => {
  const fields = ORDER.setAudio;
  const view = (order: EngineOrder): DataView => new DataView(encode(order).slice().buffer);
  const payload = { payloadType: 0, kind: 'pcmu', rateKhz: 8 } as const;
  const many = Array.from({ length: 17 }, () => payload);
  assert.is(encode(audio({ receive: many }))[fields.receiveCount], REFUSED);
  for (const payloadType of [128, -1, 0.5, 255, Number.NaN]) {
    const received = view(audio({ receive: [{ ...payload, payloadType }] }));
    assert.is(received.getUint8(fields.receive), REFUSED, String(payloadType));
    // Not 255, which says "none" in these fields.
    for (const [send, at] of [
      [{ ...SENT, payloadType }, fields.sendPayloadType],
      [{ ...SENT, event: { payloadType, rateKhz: 8 } }, fields.eventPayloadType],
      [{ ...SENT, comfortPayloadType: payloadType }, fields.comfortPayloadType],
      [{ ...SENT, redundancyPayloadType: payloadType }, fields.redundancyPayloadType],
    ] as const)
      assert.is(encode(audio({ send }))[at], 128, String(payloadType));
  }
  for (const value of [256, -1, 1.5, Number.NaN]) {
    const opus = { ...OPUS, complexity: value, lossPercent: value };
    const bytes = encode(audio({ send: { ...SENT, rateKhz: value, packetMs: value, opus } }));
    for (const at of [
      fields.sendRateKhz,
      fields.packetMs,
      fields.opusComplexity,
      fields.opusLossPercent,
    ])
      assert.is(bytes[at], REFUSED, String(value));
    const rated = view(audio({ receive: [{ ...payload, rateKhz: value }] }));
    assert.is(rated.getUint8(fields.receive + 2), REFUSED, String(value));
  }
  for (const value of [2 ** 32 + 24_000, -1, 0.5]) {
    const opus = { ...OPUS, bitrateBps: value, playbackRateHz: value };
    const sent = view(audio({ send: { ...SENT, opus } }));
    assert.is(sent.getUint32(fields.opusBitrateBps, true), 0xffff_ffff, String(value));
    assert.is(sent.getUint32(fields.opusPlaybackRateHz, true), 0xffff_ffff, String(value));
  }
});

test('digits ride one a byte with the length of tone and pause', () => {
  const fields = ORDER.sendDigits;
  const bytes = encode(digits({}));
  const view = new DataView(bytes.buffer);
  assert.is(bytes[fields.count], 3);
  assert.is(view.getUint16(fields.toneMs, true), 100);
  assert.is(view.getUint16(fields.pauseMs, true), 40_000);
  assert.equal(bytesAt(bytes, fields.digits, 4), [1, 10, 15, 0]);
  const full = encode(digits({ digits: new Array<number>(64).fill(15) }));
  assert.is(full[fields.count], 64);
  assert.equal(bytesAt(full, fields.digits, 64), new Array<number>(64).fill(15));
});

test('too many digits, a digit that is none and a time of no length are refused', () => {
  const fields = ORDER.sendDigits;
  assert.is(encode(digits({ digits: new Array<number>(65).fill(1) }))[fields.count], REFUSED);
  assert.is(encode(digits({ digits: [] }))[fields.count], 0);
  for (const digit of [256, -1, 0.5])
    assert.is(encode(digits({ digits: [digit] }))[fields.digits], REFUSED, String(digit));
  for (const ms of [0, -1, 65_536, 40.5, Number.NaN]) {
    const view = new DataView(encode(digits({ toneMs: ms, pauseMs: ms })).slice().buffer);
    assert.is(view.getUint16(fields.toneMs, true), 0, String(ms));
    assert.is(view.getUint16(fields.pauseMs, true), 0, String(ms));
  }
});

test('a link says whether it decodes, and which payloads it converts on the way', () => {
  const fields = ORDER.openLink;
  assert.equal(bytesAt(encode(link({})), fields.mode, 2), [1, 0]);
  const converting = encode(
    link({
      mode: 'forward',
      payloadMap: [[0, 8]],
      conversions: [
        [0, 'pcmuToPcma'],
        [8, 'pcmaToPcmu'],
      ],
    }),
  );
  assert.equal(bytesAt(converting, fields.mode, 2), [0, 2]);
  // Low byte the payload type, high byte the conversion.
  assert.equal(bytesAt(converting, fields.conversions, 8), [0, 1, 8, 2, 0, 0, 0, 0]);
});

test('more conversions than a record holds, or one of no payload type, are refused', () => {
  const fields = ORDER.openLink;
  const many = Array.from({ length: 5 }, (_, type) => [type, 'pcmuToPcma'] as const);
  assert.is(encode(link({ conversions: many }))[fields.conversionCount], REFUSED);
  for (const type of [128, -1, 0.5]) {
    const bytes = encode(link({ conversions: [[type, 'pcmuToPcma']] }));
    assert.is(bytes[fields.conversions], REFUSED, String(type));
  }
});

test.run();
